import Glibc
import JSONRPC
import NIOCore
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// The member of an active-backup bond that carries its frames, over restarts of ovs-vswitchd.
@Suite("The active member", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ActiveMemberTests {
    private static func layout() throws -> Layout {
        Layout(
            virtualSwitches: [
                Layout.VirtualSwitch(
                    name: "vs0",
                    lane: try #require(Lane(0)),
                    uplink: Layout.Uplink(name: "br0-up", nics: .list(["eth0", "eth1"]))
                )
            ],
            networks: []
        )
    }

    private static func replica(active: Int?, up: [Bool] = [true, true], _ bond: String = "") -> Replica {
        let macs = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
        let interfaces = (0...1).map { number in
            "    interface eth\(number) mac_in_use=\(macs[number]) link_state=\(up[number] ? "up" : "down")"
        }
        let said = active.map { "bond_active_slave=\(macs[$0])" } ?? ""
        return PlanDatabase(
            """
            bridge br0
              port br0-up bond_mode=active-backup \(said) \(bond)
            \(interfaces.joined(separator: "\n"))
            """
        ).replica
    }

    @Test("the member that was active is asked for after a restart, once, if it can carry frames")
    func machine() throws {
        let layout = try Self.layout()
        let wanted = ActiveMembers.Request(bond: "br0-up", member: "eth1")
        var members = ActiveMembers()
        var now = NIODeadline.now()
        var requests = members.look(at: Self.replica(active: 1), layout, now: now)
        #expect(requests == [])
        // A failover stands.
        requests = members.look(at: Self.replica(active: 0, up: [true, false]), layout, now: now)
        #expect(requests == [] && members.hasUnsureChange(since: ActiveMembers()))
        members.settle(.same)
        #expect(members.used["br0-up"]?.member == "eth0" && members.isSettled)
        requests = members.look(at: Self.replica(active: 1), layout, now: now)
        members.settle(.same)
        members.switchWent(["br0-up"])
        members.settle(.another)
        requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [wanted])
        // What the column says meanwhile changes nothing.
        requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [wanted])
        members.answered(wanted)
        requests = members.look(at: Self.replica(active: 1), layout, now: now)
        #expect(requests == [])
        // ovs-vswitchd may choose once more, and a member may come up late.
        requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [wanted])
        requests = members.look(at: Self.replica(active: 0, up: [true, false]), layout, now: now)
        #expect(requests == [])
        requests = members.look(at: Self.replica(active: 0), layout, now: now + .seconds(9))
        #expect(requests == [wanted])
        // From then on whoever is active is remembered.
        now = now + ActiveMembers.patience
        requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [])
        members.settle(.same)
        members.switchWent(["br0-up"])
        members.settle(.another)
        requests = members.look(at: Self.replica(active: 1), layout, now: now)
        #expect(requests == [ActiveMembers.Request(bond: "br0-up", member: "eth0")])
    }

    @Test("the rows of an ovs-vswitchd that was started anew may come before any other word of that")
    func early() throws {
        let layout = try Self.layout()
        let wanted = ActiveMembers.Request(bond: "br0-up", member: "eth1")
        for isHeardLater in [false, true] {
            var members = ActiveMembers()
            let now = NIODeadline.now()
            _ = members.look(at: Self.replica(active: 1), layout, now: now)
            var requests = members.look(at: Self.replica(active: 0), layout, now: now)
            #expect(requests == [] && members.hasUnsureChange(since: ActiveMembers()) && !members.isSettled)
            members.settle(.another)
            if isHeardLater {
                members.switchWent(["br0-up"])
                members.settle(.same)
            }
            requests = members.look(at: Self.replica(active: 0), layout, now: now)
            #expect(requests == [wanted] && members.used["br0-up"]?.member == "eth1")
        }
    }

    @Test("where ovs-vswitchd only let go of the bridge for a moment, nothing is asked for")
    func noRestart() throws {
        let layout = try Self.layout()
        var members = ActiveMembers()
        let now = NIODeadline.now()
        _ = members.look(at: Self.replica(active: 1), layout, now: now)
        members.switchWent(["br0-up"])
        // Not known yet.
        var requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [])
        members.settle(.same)
        requests = members.look(at: Self.replica(active: 0), layout, now: now)
        #expect(requests == [])
        members.settle(.same)
        // That failover is what stands.
        members.switchWent(["br0-up"])
        members.settle(.another)
        requests = members.look(at: Self.replica(active: 1), layout, now: now)
        #expect(requests == [ActiveMembers.Request(bond: "br0-up", member: "eth0")])
    }

    @Test("what an earlier run noted is asked for where ovs-vswitchd is another process, and only there")
    func kept() throws {
        let layout = try Self.layout()
        let process = SwitchProcess(pid: 77, start: 1234)
        let now = NIODeadline.now()
        var former = ActiveMembers()
        // The same row, as over a restart of the agent.
        let (first, second) = (Self.replica(active: 1), Self.replica(active: 0))
        _ = former.look(at: first, layout, now: now)
        let bytes = try #require(former.bytes(of: process))
        for (running, isAsked) in [
            (process, false), (SwitchProcess(pid: 77, start: 1235), true), (SwitchProcess(pid: 78, start: 1234), true),
        ] {
            var members = try #require(ActiveMembers(kept: bytes))
            #expect(members.bytes(of: process) == nil)
            // Before that is known, nothing is asked for and nothing noted.
            var requests = members.look(at: second, layout, now: now)
            #expect(requests == [] && members.used == former.used)
            members.settle(.unknown, process: running)
            // Rows of another database are others: of those the bond was made anew.
            let row = members.used["br0-up"]?.row
            requests = members.look(at: row == second["Port"][name: "br0-up"]?.uuid ? second : first, layout, now: now)
            #expect(requests.isEmpty != isAsked)
        }
        // Nothing was ever noted.
        let none = try #require(ActiveMembers().bytes(of: SwitchProcess(pid: 1, start: nil)))
        #expect(ActiveMembers(kept: none) != nil)
        let whole = String(decoding: bytes, as: UTF8.self)
        let row = whole.split(separator: "\n")[1]
        for text in [
            "", "\n", "process 1\n", "process x 1\n", "process 1 x\n", "process 0 1\n", "process 1 1", "\(row)\n",
            "process 1 1\n\(row)", "process 1 1\n\(row)\n\(row)\n", "process 1 1\n\(row) x\n", "process 1 1\n\n",
            "process 1 1\nx br0-up eth0\n", whole + " ",
        ] {
            #expect(ActiveMembers(kept: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test("when a process began is read behind its name, whatever that is")
    func process() {
        let fields = (3...30).map { $0 == 22 ? "4711" : "\($0)" }.joined(separator: " ")
        #expect(SwitchProcess.start(in: "7 (ovs) vs (w) \(fields)") == 4711)
        #expect(SwitchProcess.start(in: "7 (x) S 1 2") == nil)
        #expect(SwitchProcess.start(in: "") == nil)
        #expect(SwitchProcess(running: getpid()) == SwitchProcess(running: getpid()))
        #expect(SwitchProcess(running: getpid()).start != nil)
    }

    @Test("the member that was active is used again where ovs-vswitchd was restarted while no agent was there")
    func restartedMeanwhile() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            func active() async throws -> String {
                let shown = try await ovs.tool("ovs-appctl", ["bond/show", "br0-up"])
                let line = shown.split(separator: "\n").first { $0.hasPrefix("active member mac:") } ?? ""
                return line.contains("(eth0)") ? "eth0" : line.contains("(eth1)") ? "eth1" : ""
            }
            let file = StateFile.activeMembers(in: try RunningAgent.configuration(ovs).stateFolder)
            func noted(_ member: String) async throws {
                let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                while (try? keptText(of: file.path))?.hasSuffix(" br0-up \(member)\n") != true {
                    try #require(ContinuousClock.now < deadline, "\(member)")
                }
            }
            try await RunningAgent.with(ovs, layout: .oneSwitch) { try await $0.waitForState("in-sync") }
            // The one that ovs-vswitchd does not take by itself.
            try await ovs.restartSwitch()
            let own = try await active()
            let other = own == "eth0" ? "eth1" : "eth0"
            unlink(file.path)
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync")
                try await noted(own)
            }
            // A failover meanwhile stands.
            try await ovs.tool("ovs-appctl", ["bond/set-active-member", "br0-up", other])
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync")
                try await noted(other)
                #expect(try await active() == other)
            }
            try await ovs.restartSwitch()
            // As it may choose by itself.
            try await ovs.tool("ovs-appctl", ["bond/set-active-member", "br0-up", own])
            try await RunningAgent.with(ovs) { _ in
                let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                while try await active() != other { try #require(ContinuousClock.now < deadline) }
            }
        }
    }

    @Test("a configured primary, another mode and an unknown bond are not asked for")
    func others() throws {
        let layout = try Self.layout()
        for bond in ["other_config:bond-primary=eth0", "bond_mode=balance-slb"] {
            var members = ActiveMembers()
            let now = NIODeadline.now()
            _ = members.look(at: Self.replica(active: 1), layout, now: now)
            members.switchWent(["br0-up", "br1-up"])
            members.settle(.another)
            let requests = members.look(at: Self.replica(active: 0, bond), layout, now: now)
            #expect(requests == [])
        }
    }

    @Test("a restarted ovs-vswitchd uses the member that was active before", arguments: ["eth0", "eth1"])
    func restarted(member: String) async throws {
        try await RunningAgent.inSync { agent in
            func active() async throws -> String {
                try await agent.status()["virtualSwitches"]?.array?.first?["uplink"]?["activeMember"]?.string ?? ""
            }
            func isKept() -> Bool {
                let kept = try? BoundedFile.text(of: "\(agent.configuration.stateFolder)/active-members")
                return kept?.contains(" br0-up \(member)\n") == true
            }
            func carries() async throws -> Bool {
                let shown = try await agent.ovs.tool("ovs-appctl", ["bond/show", "br0-up"])
                let line = shown.split(separator: "\n").first { $0.hasPrefix("active member mac:") } ?? ""
                return line.contains("(\(member))")
            }
            // Twice: by chance it may be the one that ovs-vswitchd takes by itself.
            for _ in 1...2 {
                try await agent.ovs.tool("ovs-appctl", ["bond/set-active-member", "br0-up", member])
                // The status tells what the database says, a moment before the agent has taken note.
                while try await active() != member || !isKept() { await Task.yield() }
                let last = try await agent.lastEvent()
                try await agent.ovs.killSwitch()
                try await agent.ovs.restartSwitch()
                try await agent.waitForEvent(after: last, "applied")
                let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                while try await !carries() {
                    guard ContinuousClock.now < deadline else {
                        let shown = try await agent.ovs.tool("ovs-appctl", ["bond/show", "br0-up"])
                        Issue.record("\(member) is not active: \(shown)\n\(agent.logs.newest(30))")
                        return
                    }
                }
                let port = try await agent.ovs.vsctl("get", "port", "br0-up", "other_config")
                #expect(!port.contains("bond-primary"))
            }
        }
    }
}
