import NIOCore
import Testing

@testable import OpenFlow

/// A session as a script: what happens at which moment, and the one thing that the machine makes of it.
@Suite("the session")
struct SessionStateMachineTests {
    typealias Outgoing = SessionStateMachine.Outgoing

    @Test("greets, asks for everything, and is up once every answer is in, in whatever order")
    func comesUp() {
        let answers: [Frame] = [
            .features(xid: 3), .ports(xid: 6, more: true, [(1, "a")]), .ports(xid: 6, [(2, "b")]),
            .aggregate(xid: 7, flows: 3),
        ]
        // The two parts of the ports keep their order.
        for order in [[0, 1, 2, 3], [3, 1, 2, 0], [1, 3, 0, 2], [1, 0, 3, 2]] {
            var machine = greeted()
            for index in order.dropLast() { #expect(machine.received(answers[index], now: at(0)) == .none) }
            #expect(machine.received(answers[order[3]], now: at(0)) == .report(status(["a": 1, "b": 2], 3), send: []))
        }
    }

    @Test("starts with a greeting and sends the requests only to a peer that speaks 1.4")
    func greeting() {
        var machine = SessionStateMachine()
        #expect(machine.connected(now: at(0)) == .send([Outgoing(xid: 1, message: .hello)]))
        #expect(
            machine.received(.hello, now: at(0)) == .send([Outgoing(xid: 2, message: .configurationRequest)])
        )
        // How the operator has fragments handled stays.
        #expect(
            machine.received(.configuration(xid: 2, fragments: 1), now: at(0))
                == .send([
                    Outgoing(xid: 3, message: .featuresRequest),
                    Outgoing(xid: 4, message: .chooseMessages),
                    Outgoing(xid: 5, message: .setConfig(.init(fragments: .drop, missSendLength: 128))),
                    Outgoing(xid: 6, message: .portDescriptionRequest),
                    Outgoing(xid: 7, message: .aggregateRequest),
                ])
        )
    }

    @Test(
        "ends with the reason when the greeting goes wrong",
        arguments: [
            (Frame(version: 1, .hello), OpenFlowError.versionNotOffered(offered: [1])),
            (Frame(version: 6, .hello, "0001 0008 00000052"), .versionNotOffered(offered: [1, 4, 6])),
            (
                Frame(version: 1, .error, "0000 0000 6e6f"),
                .refused(ErrorMessage(type: 0, code: 0, text: "no"))
            ),
            (Frame.features(xid: 2), .protocolViolation("a message before the greeting")),
        ]
    )
    func badGreeting(frame: Frame, reason: OpenFlowError) {
        var machine = SessionStateMachine()
        _ = machine.connected(now: at(0))
        guard case .close(reason, let messages) = machine.received(frame, now: at(0)) else {
            Issue.record("not closed for \(reason)")
            return
        }
        // Only a peer that greeted in the wrong version is told why.
        let isMismatch = if case .versionNotOffered = reason { true } else { false }
        #expect(messages.isEmpty == !isMismatch)
        #expect(machine.received(.hello, now: at(0)) == .none)
        #expect(machine.failed(.lost(errno: nil)) == .none, "closed twice")
        #expect(machine.nextTimer == nil)
    }

    @Test("follows the ports that come, go and change, and reports nothing that is the same")
    func portStatus() {
        var machine = up(["a": 1, "b": 2], flows: 3)
        let script: [(Frame, [String: UInt32]?)] = [
            (.portStatus(.added, 40000, "c"), ["a": 1, "b": 2, "c": 40000]),
            (.portStatus(.modified, 40000, "c"), nil),
            (.portStatus(.deleted, 1, "a"), ["b": 2, "c": 40000]),
            (.portStatus(.deleted, 1, "a"), nil),
            (.portStatus(.modified, 2, "renamed"), ["renamed": 2, "c": 40000]),
            (Frame(MessageType(rawValue: 10), "00"), nil),
        ]
        for (frame, ports) in script {
            let expected = ports.map { SessionStateMachine.Action.report(status($0, 3), send: []) } ?? .none
            #expect(machine.received(frame, now: at(1)) == expected)
        }
    }

    @Test("a port that changes while the answer comes in parts is as the change says")
    func changeWhileSyncing() {
        var machine = greeted()
        _ = machine.received(.features(xid: 3), now: at(0))
        _ = machine.received(.aggregate(xid: 7, flows: 0), now: at(0))
        _ = machine.received(.ports(xid: 6, more: true, [(1, "a"), (2, "b")]), now: at(0))
        #expect(machine.received(.portStatus(.deleted, 1, "a"), now: at(0)) == .none)
        #expect(
            machine.received(.ports(xid: 6, [(3, "c")]), now: at(0)) == .report(status(["b": 2, "c": 3], 0), send: [])
        )
    }

    @Test("a refresh reports the same answer too, and those that come meanwhile share one more round")
    func refresh() {
        var machine = up(["a": 1], flows: 3)
        let round = { (xid: UInt32) in
            [
                Outgoing(xid: xid, message: .portDescriptionRequest),
                Outgoing(xid: xid + 1, message: .aggregateRequest),
            ]
        }
        #expect(machine.refresh() == .send(round(8)))
        #expect(machine.refresh() == .none)
        #expect(machine.refresh() == .none)
        // Answers to the requests of an earlier round mean nothing.
        #expect(machine.received(.ports(xid: 6, []), now: at(0)) == .none)
        #expect(machine.received(.ports(xid: 8, [(1, "a")]), now: at(0)) == .none)
        #expect(
            machine.received(.aggregate(xid: 9, flows: 3), now: at(0)) == .report(status(["a": 1], 3), send: round(10))
        )
        #expect(machine.received(.aggregate(xid: 11, flows: 4), now: at(0)) == .none)
        #expect(machine.received(.ports(xid: 10, []), now: at(0)) == .report(status([:], 4), send: []))
        #expect(machine.refresh() == .send(round(12)))
    }

    @Test("answers an echo with the same number and data, also before it is up")
    func echo() {
        for var machine in [greeted(), up([:], flows: 0)] {
            let answer = Outgoing(xid: 77, message: .echoReply(ByteBuffer(hex: "0102")))
            #expect(machine.received(Frame(.echoRequest, xid: 77, "0102"), now: at(0)) == .send([answer]))
        }
    }

    @Test("probes after 5 s of silence, is dead after 5 s more, and any message starts over")
    func probes() {
        var machine = up([:], flows: 0)
        let probe = { SessionStateMachine.Action.send([Outgoing(xid: $0, message: .echoRequest)]) }
        #expect(machine.nextTimer == at(5))
        #expect(machine.timerFired(now: at(4.999)) == .none)
        #expect(machine.timerFired(now: at(5)) == probe(8))
        #expect(machine.nextTimer == at(10))
        #expect(machine.received(Frame(.echoReply, xid: 8), now: at(9.9)) == .none)
        #expect(machine.timerFired(now: at(10)) == .none)
        #expect(machine.timerFired(now: at(14.9)) == probe(9))
        #expect(machine.timerFired(now: at(19.9)) == .close(.silent(milliseconds: 10000), send: []))
        #expect(machine.timerFired(now: at(30)) == .none)
    }

    @Test("waits 5 s for a greeting")
    func helloDeadline() {
        var machine = SessionStateMachine()
        _ = machine.connected(now: at(0))
        #expect(machine.nextTimer == at(5))
        #expect(machine.timerFired(now: at(5)) == .close(.silent(milliseconds: 5000), send: []))
    }

    @Test("an error for a request that it can't do without ends it with the switch's reason, another does not")
    func refused() {
        let error = OpenFlowError.refused(ErrorMessage(type: 1, code: 5))
        var machine = greeted()
        #expect(machine.received(Frame(.error, xid: 4, "0001 0005"), now: at(0)) == .close(error, send: []))
        machine = up([:], flows: 0)
        _ = machine.refresh()
        #expect(machine.received(Frame(.error, xid: 77, "0001 0005"), now: at(0)) == .none)
        #expect(machine.received(Frame(.error, xid: 8, "0001 0005"), now: at(0)) == .close(error, send: []))
    }

    @Test(
        "a flow monitor that the switch does not know, as before Open vSwitch 3.0, is refused as such",
        arguments: [
            (Frame(.error, xid: 8, "0001 0002"), OpenFlowError.monitorRefused),
            // As Open vSwitch 3.1 refuses one: under another number, and nothing is known before the barrier.
            (Frame(.barrierReply, xid: 9), .monitorRefused),
            (Frame(.error, xid: 8, "0004 0009"), .refused(ErrorMessage(type: 4, code: 9))),
        ]
    )
    func monitorRefused(frame: Frame, reason: OpenFlowError) {
        var machine = up([:], flows: 0)
        _ = machine.start(.monitorFlows(table: nil, Match()), id: 5)
        #expect(machine.received(frame, now: at(0)) == .answer(5, .failed(reason), send: []))
        #expect(machine.received(Frame(.barrierReply, xid: 9), now: at(0)) == .none)
    }

    @Test("of two ports with one cut name, the other is found when one goes; a number that is reused is found anew")
    func portNames() {
        var ports = SwitchPorts([
            SwitchPort(number: 1, name: "fifteen-bytes-x"), SwitchPort(number: 2, name: "fifteen-bytes-x"),
        ])
        #expect(ports["fifteen-bytes-x-and-more"]?.number == 2)
        ports.remove(number: 2)
        #expect(ports["fifteen-bytes-x"]?.number == 1)
        ports.insert(SwitchPort(number: 1, name: "other"))
        #expect(ports["fifteen-bytes-x"] == nil)
        #expect(ports["other"]?.number == 1)
        #expect(ports.count == 1)
    }

    @Test("attempts to connect are paced 1 ms to 2 s and start over after a success")
    func pacing() {
        var pacing = ReconnectPacing()
        #expect(
            (0..<13).map { _ in pacing.delayAfterFailure().nanoseconds / 1_000_000 } == [
                1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2000, 2000,
            ]
        )
        pacing.startOver()
        #expect(pacing.delayAfterFailure() == .milliseconds(1))
    }

    // MARK: Where scripts begin

    private func at(_ seconds: Double) -> NIODeadline { .uptimeNanoseconds(1_000_000_000_000 + UInt64(seconds * 1e9)) }

    private func greeted() -> SessionStateMachine {
        var machine = SessionStateMachine()
        _ = machine.connected(now: at(0))
        _ = machine.received(.hello, now: at(0))
        _ = machine.received(.configuration(xid: 2), now: at(0))
        return machine
    }

    private func up(_ ports: [String: UInt32], flows: UInt32) -> SessionStateMachine {
        var machine = greeted()
        _ = machine.received(.features(xid: 3), now: at(0))
        _ = machine.received(.ports(xid: 6, ports.map { ($0.value, $0.key) }), now: at(0))
        #expect(
            machine.received(.aggregate(xid: 7, flows: flows), now: at(0)) == .report(status(ports, flows), send: [])
        )
        return machine
    }

    private func status(_ ports: [String: UInt32], _ flows: UInt32) -> SwitchStatus {
        SwitchStatus(
            datapathID: 0x0a1b_2c3d_4e5f,
            ports: SwitchPorts(
                ports.map { SwitchPort(number: $0.value, name: $0.key, hardwareAddress: .test, state: .live) }
            ),
            flowCount: flows
        )
    }
}
