import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OpenFlow

/// A connection against a real ovs-vswitchd, whose word is compared with that of the stock tools.
@Suite(
    "a connection to a real switch",
    .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"),
    .timeLimit(.minutes(5))
)
struct SwitchConnectionTests {
    @Test("sees the ports and numbers that ovs-ofctl sees, and the flows, and each change of them")
    func ports() async throws {
        try await withWatched { ovs, watcher in
            let first = try await watcher.nextUp()
            #expect(first.ports["br0.mx.s"]?.number == 40000)
            #expect(first.ports["br0.mx.n"]?.number == 50000)
            #expect(first.ports["br0"]?.number == SwitchPort.local)
            #expect(first.flowCount == 0)
            try await expectSame(first.ports, ovs)

            try await ovs.vsctl("add-port", "br0", "p1", "--", "set", "Interface", "p1", "ofport_request=7")
            let added = try await watcher.nextUp { $0.ports["p1"] != nil }
            #expect(added.ports["p1"]?.number == 7)
            try await expectSame(added.ports, ovs)

            try await ovs.check("ovs-ofctl", "-O", "OpenFlow14", "mod-port", "br0", "p1", "no-forward")
            let modified = try await watcher.nextUp { $0.ports["p1"]?.configuration.contains(.noForward) == true }
            #expect(modified.ports.count == added.ports.count)

            try await ovs.vsctl("del-port", "br0", "br0.mx.n")
            let deleted = try await watcher.nextUp { $0.ports["br0.mx.n"] == nil }
            try await expectSame(deleted.ports, ovs)

            for flow in ["in_port=7,actions=drop", "table=3,actions=drop"] {
                try await ovs.check("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br0", flow)
            }
            await watcher.refresh()
            #expect(try await watcher.nextUp { $0.flowCount != 0 }.flowCount == 2)
        }
    }

    @Test("a switch with 1,000 ports answers in several parts and all arrive")
    func manyPorts() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.vsctl("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy")
            let names = (1...1000).map { "p\($0)" }
            let arguments = ["--no-wait"] + names.flatMap { ["--", "add-port", "br0", $0] }
            #expect(try await ovs.run("ovs-vsctl", arguments).exitCode == 0)
            try await ovs.restartSwitch()
            try await watched(ovs) { watcher in
                let status = try await watcher.nextUp()
                #expect(status.ports.count == 1001)
                #expect(names.allSatisfy { status.ports[$0] != nil })
                try await expectSame(status.ports, ovs)
            }
        }
    }

    @Test("a flow that sends packets to controllers sends none to us")
    func packets() async throws {
        try await withWatched { ovs, watcher in
            _ = try await watcher.nextUp()
            try await ovs.vsctl("add-port", "br0", "p1")
            try await ovs.check("ovs-appctl", "-t", "ovs-vswitchd", "vlog/set", "vconn:file:dbg")
            try await ovs.check("ovs-ofctl", "-O", "OpenFlow14", "add-flow", "br0", "actions=controller")
            try await ovs.check(
                "ovs-appctl",
                "-t",
                "ovs-vswitchd",
                "netdev-dummy/receive",
                "p1",
                "ffffffffffff0a0b0c0d0e0f88b50001"
            )
            var flows = ""
            repeat {
                flows = try await ovs.check("ovs-ofctl", "dump-flows", "br0")
            } while !flows.contains("n_packets=1,")
            // An answer that was asked for after the packet comes after whatever the packet caused.
            await watcher.refresh()
            _ = try await watcher.nextUp { $0.flowCount == 1 }
            // The log is written in the background; this waits for it.
            try await ovs.check("ovs-appctl", "-t", "ovs-vswitchd", "vlog/reopen")
            let log = try await ovs.check("cat", "\(ovs.runFolder)/ovs-vswitchd.log")
            let sees = log.contains("OFPST_AGGREGATE reply")
            #expect(sees, "the log shows what is sent")
            let packets = log.split(separator: "\n").filter { $0.contains("OFPT_PACKET_IN") }
            #expect(packets.isEmpty)
        }
    }

    @Test("a killed switch is down at once, long before a probe, and back when it is restarted")
    func killed() async throws {
        try await withWatched { ovs, watcher in
            let before = try await watcher.nextUp()
            try await ovs.killSwitch(SIGKILL)
            let lost = try await watcher.nextOutage(within: .seconds(2))
            #expect(lost.hasPrefix("br0.mgmt: "))
            let refused = try await watcher.nextOutage { $0 == .unreachable(errno: ECONNREFUSED) }
            #expect(refused == "br0.mgmt: connection refused (ovs-vswitchd is not running)")
            try await ovs.restartSwitch()
            let numbers = try await watcher.nextUp().ports.sorted.map { [$0.name, "\($0.number)"] }
            #expect(numbers == before.ports.sorted.map { [$0.name, "\($0.number)"] })
        }
    }

    @Test("a switch that hangs is found by the probe, and comes back when it goes on")
    func stopped() async throws {
        let timing = SwitchConnection.Timing(
            probeInterval: .milliseconds(60),
            helloTimeout: .milliseconds(200),
            pacing: .init(first: .milliseconds(20))
        )
        try await withWatched(timing: timing) { ovs, watcher in
            _ = try await watcher.nextUp()
            try await ovs.killSwitch(SIGSTOP)
            let silent = try await watcher.nextOutage { if case .silent = $0 { true } else { false } }
            #expect(silent.hasPrefix("br0.mgmt: no answer for "))
            try await ovs.killSwitch(SIGCONT)
            _ = try await watcher.nextUp()
        }
    }

    @Test("answering probes keeps an idle connection up, and nothing is reported meanwhile")
    func idle() async throws {
        let timing = SwitchConnection.Timing(probeInterval: .seconds(1))
        try await withWatched(timing: timing) { _, watcher in
            _ = try await watcher.nextUp()
            await #expect(throws: SwitchWatcher.Timeout.self) {
                try await watcher.next(within: .milliseconds(2500)) { _ in true }
            }
        }
    }

    @Test("a bridge that goes and comes again is down and up again")
    func bridgeRemade() async throws {
        try await withWatched { ovs, watcher in
            _ = try await watcher.nextUp()
            try await ovs.vsctl("del-br", "br0")
            let outage = try await watcher.nextOutage { $0 == .unreachable(errno: ENOENT) }
            #expect(outage.hasPrefix("br0.mgmt: no such socket"))
            try await ovs.vsctl("add-br", "br0")
            // Without waiting for the next attempt's time.
            await watcher.refresh()
            #expect(try await watcher.nextUp(within: .seconds(1)).ports.count == 1)
        }
    }

    @Test("a bridge whose protocols leave 1.4 out is down, and the reason says what to set")
    func protocols() async throws {
        try await withWatched { ovs, watcher in
            _ = try await watcher.nextUp()
            try await ovs.vsctl("set", "Bridge", "br0", "protocols=OpenFlow10,OpenFlow13")
            // The live connection may stay; a new one is refused.
            try await ovs.restartSwitch()
            let outage = try await watcher.nextOutage {
                switch $0 {
                case .versionNotOffered, .refused: true
                default: false
                }
            }
            #expect(outage.contains("OpenFlow14") && outage.contains("OpenFlow 1.0, OpenFlow 1.3"), "\(outage)")
            try await ovs.vsctl("clear", "Bridge", "br0", "protocols")
            await watcher.refresh()
            _ = try await watcher.nextUp()
        }
    }

    @Test("a path that no socket can have is down with the reason", arguments: ["/nowhere/br0.mgmt", "long"])
    func badPath(path: String) async throws {
        let path = path == "long" ? "/" + String(repeating: "x", count: 120) : path
        let watcher = SwitchWatcher(eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        await watcher.open(path)
        let outage = try await watcher.nextOutage()
        #expect(outage.contains(path.count > 107 ? "107 bytes" : "br0.mgmt: no such socket"), "\(outage)")
        // The same reason again is no news.
        await #expect(throws: SwitchWatcher.Timeout.self) {
            try await watcher.next(within: .milliseconds(400)) { _ in true }
        }
        try await watcher.end()
    }

    @Test("closing ends it in every state, twice if need be, and nothing is reported afterwards")
    func closing() async throws {
        try await withWatched { ovs, watcher in
            _ = try await watcher.nextUp()
            try await watcher.close()
            try await watcher.close()
            try await ovs.killSwitch()
            await watcher.refresh()
            #expect(await watcher.unseenStates.isEmpty)

            let connecting = SwitchWatcher(eventLoop: MultiThreadedEventLoopGroup.singleton.any())
            await connecting.open("\(ovs.runFolder)/br0.mgmt")
            try await connecting.close()
            #expect(await connecting.unseenStates.isEmpty)
            try await connecting.end()
        }
    }

    // MARK: The switch

    private func withWatched(
        timing: SwitchConnection.Timing = .init(),
        _ body: (PrivateSwitch, SwitchWatcher) async throws -> Void
    ) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl(
                "add-br",
                "br0",
                "--",
                "set",
                "Bridge",
                "br0",
                "fail_mode=secure",
                "datapath_type=dummy",
                "--",
                "add-br",
                "br1",
                "--",
                "set",
                "Bridge",
                "br1",
                "datapath_type=dummy",
                "--",
                "add-port",
                "br0",
                "br0.mx.s",
                "--",
                "add-port",
                "br1",
                "br0.local.n",
                "--",
                "add-port",
                "br0",
                "br0.mx.n",
                "--",
                "add-port",
                "br1",
                "br0.ms.s",
                "--",
                "set",
                "Interface",
                "br0.mx.s",
                "type=patch",
                "options:peer=br0.local.n",
                "ofport_request=40000",
                "--",
                "set",
                "Interface",
                "br0.local.n",
                "type=patch",
                "options:peer=br0.mx.s",
                "ofport_request=50000",
                "--",
                "set",
                "Interface",
                "br0.mx.n",
                "type=patch",
                "options:peer=br0.ms.s",
                "ofport_request=50000",
                "--",
                "set",
                "Interface",
                "br0.ms.s",
                "type=patch",
                "options:peer=br0.mx.n",
                "ofport_request=40000"
            )
            try await watched(ovs, timing: timing) { try await body(ovs, $0) }
        }
    }

    private func watched(
        _ ovs: PrivateSwitch,
        timing: SwitchConnection.Timing = .init(),
        _ body: (SwitchWatcher) async throws -> Void
    ) async throws {
        let watcher = SwitchWatcher(eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        await watcher.open("\(ovs.runFolder)/br0.mgmt", timing: timing)
        do {
            try await body(watcher)
        } catch {
            try await watcher.end()
            throw error
        }
        try await watcher.end()
    }

    /// Compares with lines such as ` 40000(br0.mx.s): addr:...` and ` LOCAL(br0): addr:...`.
    private func expectSame(_ ports: SwitchPorts, _ ovs: PrivateSwitch) async throws {
        let shown = try await ovs.check("ovs-ofctl", "-O", "OpenFlow14", "show", "br0")
        let expected = shown.split(separator: "\n").compactMap { line -> String? in
            line.contains("): addr:") ? line.prefix { $0 != ":" }.drop { $0 == " " }.description : nil
        }
        let found = ports.sorted.map { "\($0.number == SwitchPort.local ? "LOCAL" : "\($0.number)")(\($0.name))" }
        #expect(Set(found) == Set(expected))
        #expect(!expected.isEmpty)
    }
}
