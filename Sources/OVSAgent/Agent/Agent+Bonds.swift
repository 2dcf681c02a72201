import Logging
import NIOCore
import OVSDB

/// The member that an active-backup bond used before ovs-vswitchd was started anew, asked for again. ovs-vswitchd is asked
/// over its control socket and never waited for.
extension Agent {
    /// How often a request is made that ovs-vswitchd refuses, as for a member that it has not enabled yet, and how long
    /// after each.
    private static let attempts = 100
    private static let pauseBetween = TimeAmount.milliseconds(300)

    func askForActiveMembers() {
        guard lock == .held, pause == nil else { return }
        let layout = active.layout
        var members = activeMembers
        let requests = withReplica { members.look(at: $0, layout, now: .now()) } ?? []
        let former = activeMembers
        activeMembers = members
        if members.hasUnsureChange(since: former) { lookAtSwitch() }
        for request in requests where switches.requested.insert(request).inserted { ask(for: request, attempt: 1) }
    }

    private func ask(for request: ActiveMembers.Request, attempt: Int) {
        // Whoever may write now, or whose hands are at work, may want another.
        guard lock == .held, pause == nil, !isStopping else {
            switches.requested.remove(request)
            return
        }
        let deadline = NIODeadline.now() + configuration.switchPatience
        let (loop, folder) = (eventLoop, configuration.openFlowFolder)
        elsewhere { try SwitchSocket.path(in: folder) }.flatMap { path in
            let parameters = [request.bond, request.member]
            return UnixctlClient.ask(
                "ovs-vswitchd",
                "bond/set-active-member",
                parameters,
                at: path,
                on: loop,
                until: deadline
            )
        }.flatMapThrowing { try UnixctlClient.result($0) }.whenComplete { result in
            self.assumeIsolated { $0.answered(request, attempt: attempt, result) }
        }
    }

    private func answered(
        _ request: ActiveMembers.Request,
        attempt: Int,
        _ result: Result<String, any Error>
    ) {
        if case .failure = result, attempt < Self.attempts {
            _ = eventLoop.scheduleTask(in: Self.pauseBetween) {
                self.assumeIsolated { $0.ask(for: request, attempt: attempt + 1) }
            }
            return
        }
        switches.requested.remove(request)
        activeMembers.answered(request)
        switch result {
        case .success:
            logger.info("Port \(request.bond): \(request.member) carries its frames, as before")
        case .failure(let failure):
            logger.warning("Port \(request.bond): \(request.member) could not be made active as before: \(failure)")
        }
    }
}
