import Glibc
import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

/// A restart of ovs-vswitchd, told from bridges that come and go by themselves.
struct SwitchAbsenceTests {
    private static let bridges = ["br.mx", "br0", "br0.local"]

    private static func time(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    private static func serving() -> SwitchAbsence {
        var absence = SwitchAbsence()
        for bridge in bridges {
            absence.answers(bridge, now: time(0))
            #expect(absence.serves(bridge, now: time(0)) == nil)
        }
        return absence
    }

    @Test("the loss of all at once ends when the last bridge has its flows again")
    func restart() {
        var absence = Self.serving()
        for (index, bridge) in Self.bridges.enumerated() { absence.lost(bridge, now: Self.time(100 + Int64(index))) }
        // Attempts that fail tell it again.
        absence.lost("br0", now: Self.time(300))
        absence.answers("br0", now: Self.time(1100))
        #expect(absence.serves("br0", now: Self.time(1105)) == nil)
        absence.answers("br.mx", now: Self.time(1106))
        #expect(absence.serves("br.mx", now: Self.time(1107)) == nil)
        absence.answers("br0.local", now: Self.time(1108))
        let ended = absence.serves("br0.local", now: Self.time(1120))
        #expect(ended == .init(away: .milliseconds(1000), untilFlows: .milliseconds(20)))
        #expect(absence == Self.serving())
    }

    @Test("where it ends once more before all have their flows, its newest coming counts")
    func twice() {
        var absence = Self.serving()
        for bridge in Self.bridges { absence.lost(bridge, now: Self.time(100)) }
        for bridge in Self.bridges { absence.answers(bridge, now: Self.time(200)) }
        for bridge in Self.bridges { absence.lost(bridge, now: Self.time(250)) }
        for bridge in Self.bridges { absence.answers(bridge, now: Self.time(900)) }
        #expect(
            Self.bridges.map { absence.serves($0, now: Self.time(930)) }.last
                == .init(away: .milliseconds(800), untilFlows: .milliseconds(30))
        )
    }

    @Test("one that goes while others come back begins it anew, from the first loss")
    func again() {
        var absence = Self.serving()
        for bridge in Self.bridges { absence.lost(bridge, now: Self.time(100)) }
        absence.answers("br0", now: Self.time(200))
        #expect(absence.serves("br0", now: Self.time(210)) == nil)
        absence.lost("br0", now: Self.time(220))
        for bridge in Self.bridges { absence.answers(bridge, now: Self.time(400)) }
        #expect(
            Self.bridges.map { absence.serves($0, now: Self.time(430)) }.last
                == .init(away: .milliseconds(300), untilFlows: .milliseconds(30))
        )
    }

    @Test("a bridge alone, one that is no more ours, and a beginning are no restart")
    func others() {
        var absence = Self.serving()
        absence.lost("br0", now: Self.time(1))
        absence.answers("br0", now: Self.time(2))
        #expect(absence.serves("br0", now: Self.time(3)) == nil)
        for bridge in Self.bridges { absence.forget(bridge) }
        absence.lost("br0", now: Self.time(4))
        absence.answers("br0", now: Self.time(5))
        #expect(absence.serves("br0", now: Self.time(6)) == nil)
    }

    @Test(
        "the journal has a restart of ovs-vswitchd with the time until flows were back, and none for a bridge made anew",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        .timeLimit(.minutes(5))
    )
    func realSwitch() async throws {
        let vms = [ChainHost.VM(name: "vma", mac: "02:00:00:00:00:0a", tag: 7)]
        try await ChainHost.with(vms) { host in
            let agent = host.agent
            try await host.ovs.vsctl("--no-wait", "del-br", "br0.local", wait: false)
            try await agent.waitForState("in-sync")
            #expect(try await agent.events().allSatisfy { $0.kind != "switch-restarted" })
            let last = try await agent.lastEvent()
            try await host.ovs.restartSwitch()
            let event = try await agent.waitForEvent(after: last, "switch-restarted", object: "ovs-vswitchd")
            #expect((event.latency ?? 0) > 0 && event.reason.hasPrefix("it was away for "), "\(event.text)")
            let flows = try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", "br.mx"])
            #expect(flows.contains("in_port=40000"))
            try await agent.waitForState("in-sync")
            // Once is enough, and a connection that is lost is none.
            #expect(try await agent.events(since: last).count { $0.kind == "switch-restarted" } == 1)
        }
    }
}
