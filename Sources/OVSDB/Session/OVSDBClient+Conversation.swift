import JSONRPC
import Logging
import NIOCore

/// The conversation on the connection.
extension OVSDBClient {
    func received(_ bytes: ByteBuffer) {
        var bytes = bytes
        framer.append(&bytes)
        do {
            while channel != nil {
                guard let message = try nextMessage() else { return }
                let actions = try message.withUnsafeReadableBytes { try withJSON($0) { session.received($0) } }
                perform(actions)
            }
        } catch let error as OVSDBError {
            perform(.close(error))
        } catch let error as ReplicaError {
            perform(.close(.misfit(error)))
        } catch {
            perform(.close(.protocolViolation("\(error)")))
        }
    }

    /// The next whole message. While a snapshot is awaited, its rows go into the replica to come as they arrive, and
    /// the message is what is left.
    private func nextMessage() throws -> ByteBuffer? {
        guard let (schema, form) = session.awaitedSnapshot else {
            framer.limits.length = configuration.longestMessage
            return try framer.next()
        }
        framer.limits.length = configuration.longestSnapshot
        framer.limits.part = configuration.longestMessage
        return try framer.next { row, text, isContinued in
            let update = try withJSON(text) { try TableUpdates.RowUpdate(row, $0, form: form, schema: schema) }
            var arriving = self.arriving ?? ArrivingSnapshot(schema: schema)
            self.arriving = nil
            defer { self.arriving = arriving }
            try arriving.take(update, isContinued: isContinued)
        }
    }

    /// Performs one after the other while the connection lasts that they are for: each may end it, and then nothing
    /// that was to follow is sent on the next one or told of it.
    func perform(_ actions: [SessionStateMachine.Action]) {
        let connection = generation
        for action in actions where generation == connection { perform(action) }
    }

    /// Every effect of a session happens here.
    func perform(_ action: SessionStateMachine.Action) {
        switch action {
        case .send(let message):
            guard let channel else { return }
            // Counted before this message is added: one alone may be of any size. Nearly always nothing waits.
            let backlog = channel.isWritable ? 0 : (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            guard backlog <= configuration.longestBacklog else {
                let reason = "\(remote): the server does not read; \(backlog) bytes wait for it"
                return perform(.close(.disconnected(reason: reason)))
            }
            let text = message.text
            var buffer = channel.allocator.buffer(capacity: text.count)
            buffer.write(text)
            channel.writeAndFlush(buffer, promise: nil)
        case .learned(let schema):
            observer(.learned(schema))
        case .snapshot(let schema, let updates):
            reconnect.proved()
            let fresh = arriving?.replica ?? Replica(schema: schema)
            arriving = nil
            apply(updates, to: fresh) { _ in .synced(.fresh) }
        case .resumed(let updates):
            reconnect.proved()
            let earlier = arriving?.continued ?? []
            arriving = nil
            apply(TableUpdates(rows: earlier + updates.rows), to: nil) { .synced(.resumed($0)) }
        case .changed(let updates):
            apply(updates, to: nil, then: Event.changed)
        case .filtered:
            observer(.filtered)
        case .lock(let state):
            observer(.lock(state))
        case .answered(let id, let answer):
            answered(id, .success(answer))
        case .close(let error):
            logger.warning("closing the connection to \(remote): \(error)")
            end(error, error.isVerdict ? .closedByUs : .failure)
            run()
        }
    }

    /// Applies updates to a replica that takes the place of ours, or to ours.
    private func apply(_ updates: TableUpdates, to fresh: Replica?, then event: ([RowChange]) -> Event) {
        // From now on the session says how far the replica has come.
        mark = nil
        do throws(ReplicaError) {
            let changes: [RowChange]
            if var fresh {
                changes = try fresh.apply(updates)
                replica = fresh
            } else {
                changes = try replica?.apply(updates) ?? []
            }
            observer(event(changes))
        } catch {
            // What is kept is not what the server has; only a fresh snapshot brings the two together.
            session.forgetProgress()
            perform(.close(.misfit(error)))
        }
    }
}

extension OVSDBError {
    fileprivate static func misfit(_ error: ReplicaError) -> OVSDBError {
        .protocolViolation("an update does not fit what was known before: \(error)")
    }

    /// Whether it was us who would not go on with a server that answered.
    fileprivate var isVerdict: Bool {
        switch self {
        case .protocolViolation, .refused: true
        case .invalidRemote, .disconnected, .transaction, .timedOut: false
        }
    }
}
