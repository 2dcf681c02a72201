import NIOCore
import NIOPosix

/// The way of a frame, which only ovs-vswitchd can tell. It is asked and never waited for: other threads read files and
/// take answers apart, and one that gives no answer in time gets no more of ours.
extension Agent {
    nonisolated func trace(port: String, frame: String) -> EventLoopFuture<Answer> {
        let deadline = NIODeadline.now() + configuration.switchPatience
        let question: TraceQuestion
        do {
            question = try assumeIsolated { agent throws(CommandFailure) in
                try agent.question(port: port, frame: frame)
            }
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
        let (loop, folder) = (eventLoop, configuration.openFlowFolder)
        @Sendable func ask(_ method: String, _ parameters: [String], at path: String) -> EventLoopFuture<ByteBuffer> {
            UnixctlClient.ask("ovs-vswitchd", method, parameters, at: path, on: loop, until: deadline)
        }
        return elsewhere { try SwitchSocket.path(in: folder) }.flatMap { path in
            ask("dpif/show", [], at: path).flatMap { shown in
                self.elsewhere {
                    let ports = DatapathPorts(try UnixctlClient.result(shown))
                    guard let port = ports.port(question.port, on: question.bridge) else {
                        throw CommandFailure(
                            """
                            trace: ovs-vswitchd has not opened \(question.port): look at its column error \
                            (ovs-vsctl get Interface \(question.port) error)
                            """
                        )
                    }
                    return (ports, question.frame.flow(from: port.number))
                }
            }.flatMap { ports, flow in
                ask("ofproto/trace", [question.bridge, flow], at: path).flatMap { traced in
                    self.elsewhere {
                        let trace = OfprotoTrace(try UnixctlClient.result(traced))
                        let path = FramePath(question, trace: trace, ports: ports)
                        // Written down here, and not on the loop that hands it over.
                        let (lines, json) = (path.lines, path.json)
                        return Answer(lines: lines, json: json)
                    }
                }
            }
        }
    }

    private func question(port: String, frame: String) throws(CommandFailure) -> TraceQuestion {
        let (layout, chain) = (active.layout, chainStanding)
        let question = withReplica { replica in
            Result { () throws(CommandFailure) in
                try TraceQuestion(port: port, frame: frame, replica: replica, layout: layout, chain: chain)
            }
        }
        guard let question else { throw CommandFailure("there is no snapshot of the database") }
        return try question.get()
    }

    /// Does something on a thread that may be blocked.
    nonisolated func elsewhere<R: Sendable>(
        _ body: @escaping @Sendable () throws -> R
    ) -> EventLoopFuture<R> {
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop, body)
    }
}
