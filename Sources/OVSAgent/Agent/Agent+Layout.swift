import JSONRPC
import Logging
import NIOCore
import NIOPosix
import OVSDB

/// How a layout comes to work: read and parsed by another thread, judged against the one at work, kept for a restart.
extension Agent {
    /// What a daemon begins with.
    struct Beginning: Sendable {
        var layout: ActiveLayout
        var removal = Removal.refused
        /// Why the file was not taken and the last accepted layout was.
        var layoutError: String?
    }

    /// Reads the layout file, and falls back to the last accepted layout where it can't be taken.
    ///
    /// Throws why neither can be had.
    static func begin(
        _ configuration: AgentConfiguration,
        kept state: KeptState
    ) throws(LayoutRejection) -> Beginning {
        let kept = state.layout.value
        do throws(LayoutRejection) {
            let layout = try read(configuration.layoutPath)
            if let kept, let removal = layout.layout.removal(from: kept.layout) {
                throw .removal(removal, path: configuration.layoutPath)
            }
            return Beginning(
                layout: layout,
                removal: kept.map { .lanes($0.layout.lanes.subtracting(layout.layout.lanes)) } ?? .refused,
                layoutError: nil
            )
        } catch {
            guard let kept else {
                let damage = state.layout.damage.map { ["\($0): there is no last accepted layout to work with"] } ?? []
                throw LayoutRejection(findings: error.findings + damage)
            }
            return Beginning(layout: kept, layoutError: "\(error)")
        }
    }

    /// Reads the layout file again and takes it, if nothing speaks against it. Answers once it would be found after a
    /// restart, too, or once it is known that it would not.
    nonisolated func reload(allowRemoval: Bool) -> EventLoopFuture<Answer> {
        eventLoop.flatSubmit {
            self.assumeIsolated { agent in
                let path = agent.configuration.layoutPath
                return agent.fileWork.run("reading \(path)") {
                    Result { () throws(LayoutRejection) in try Self.read(path) }
                }.flatMapErrorThrowing { error in
                    .failure(LayoutRejection(findings: ["\(error)"]))
                }.flatMap { result in
                    self.assumeIsolated { agent in
                        do throws(LayoutRejection) {
                            return try agent.take(result.get(), allowRemoval: allowRemoval)
                        } catch {
                            agent.reject(error)
                            return agent.eventLoop.makeFailedFuture(CommandFailure(error))
                        }
                    }
                }
            }
        }
    }

    /// Says in the journal which layout is at work, and which is not.
    func reportLayout() {
        report(.init(.layoutLoaded, reason: "\(configuration.layoutPath), digest \(active.digest)"))
        for warning in active.warnings { logger.warning("\(warning)") }
        if let layoutError { report(.init(.layoutRejected, reason: layoutError)) }
    }

    private static func read(_ path: String) throws(LayoutRejection) -> ActiveLayout {
        do {
            let bytes = try BoundedFile.bytes(of: path, onlyRegular: true)
            return try ActiveLayout(bytes, file: path)
        } catch let error as LayoutRejection {
            throw error
        } catch {
            throw LayoutRejection(findings: ["\(error)"])
        }
    }

    private func take(
        _ layout: ActiveLayout,
        allowRemoval: Bool
    ) throws(LayoutRejection) -> EventLoopFuture<Answer> {
        if !allowRemoval, let removal = layout.layout.removal(from: active.layout) {
            throw .removal(removal, path: configuration.layoutPath)
        }
        let isSame = layout.digest == active.digest && layoutError == nil
        // What was allowed for this very layout stays allowed until it is done.
        if allowRemoval {
            planning.removal = .allowed
        } else if !isSame {
            planning.removal = .lanes(active.layout.lanes.subtracting(layout.layout.lanes))
        }
        let hadOtherLanes = layout.layout.lanes != active.layout.lanes
        active = layout
        planning.beginAnew()
        if hadOtherLanes { examineLocalBridges() }
        layoutError = nil
        reportLayout()
        let kept = keepLayout()
        lookAtNICs()
        if !isSame || allowRemoval { repair.wantAnew() }
        reconcileIfIdle()
        let text = "layout \(isSame ? "unchanged" : "taken"), digest \(layout.digest)"
        return kept.map { failure in
            Answer(
                text: ([text] + (failure.map { [$0] } ?? [])).joined(separator: "; "),
                json: ["digest": .string(layout.digest)]
            )
        }
    }

    private func reject(_ rejection: LayoutRejection) {
        layoutError = "\(rejection)"
        report(.init(.layoutRejected, reason: layoutError))
    }

    /// Keeps the accepted layout for a restart; tells why it could not be. A full disk is no reason not to work.
    ///
    /// What is kept is the word of who holds the lock: without it the layout is kept once the lock comes.
    private func keepLayout() -> EventLoopFuture<String?> {
        guard lock != .waiting else {
            return eventLoop.makeSucceededFuture("it works once the agent that holds the lock ends")
        }
        return keep(active.bytes, in: \.layout, isOrdered: true)
    }

    /// Asks the host what the layout's NICs are: in the beginning, under a new layout, and once ovs-vswitchd has them all,
    /// as a NIC may come late.
    func lookAtNICs() {
        let (layout, folder) = (active.layout, configuration.nicFolder)
        fileWork.run("reading \(folder)") { NICHardware.of(layout, in: folder) }.whenComplete { result in
            // Without an answer it stays what is known; that it does not come is told.
            if case .success(let hardware) = result { self.assumeIsolated { $0.devices.nics = hardware } }
        }
    }

}

extension LayoutRejection {
    fileprivate static func removal(_ reason: String, path: String) -> LayoutRejection {
        LayoutRejection(findings: [
            "\(path): error: \(reason); if that is meant, run ovs-agentctl reload --allow-removal"
        ])
    }
}
