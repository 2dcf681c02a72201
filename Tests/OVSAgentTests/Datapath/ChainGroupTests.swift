import NIOCore
import NIOPosix
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// The groups of brN.local, which make the datapath look at a frame again where the switch sees more than one tag.
@Suite("The chain's groups", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainGroupTests {
    private static let vms = [
        ChainHost.VM(name: "vma", mac: "02:00:00:00:00:0a", tag: 10),
        ChainHost.VM(name: "vmb", mac: "02:00:00:00:00:0b", tag: 10),
    ]

    private static func ofctl(_ host: ChainHost, _ arguments: String...) async throws -> String {
        try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14"] + arguments)
    }

    private static func expectPassing(_ host: ChainHost) async throws {
        let frame = EthernetFrame(to: "02:00:00:00:00:0b", from: "02:00:00:00:00:0a")
        try await host.expect(frame, into: "vma", reaches: ["vmb": frame])
        try await host.expect(frame.tagged(0), into: "vma", reaches: ["vmb": frame])
    }

    @Test(
        "a group that somebody deletes or changes is undone, with the flows that went along",
        arguments: [
            ["del-groups", "br0.local"], ["del-groups", "br0.local", "group_id=1"],
            ["mod-group", "br0.local", "group_id=2,type=all"],
            ["insert-buckets", "br0.local", "group_id=2,command_bucket_id=last,bucket=bucket_id=5,actions=output:1"],
        ]
    )
    func undone(_ edit: [String]) async throws {
        try await ChainHost.with(Self.vms, vlanLimit: 2) { host in
            let wanted = try await Self.ofctl(host, "dump-groups", "br0.local")
            #expect(LocalGroup.all.allSatisfy { wanted.contains("\($0)") }, "\(wanted)")
            let last = try await host.agent.lastEvent()
            let version = edit[0] == "insert-buckets" ? "OpenFlow15" : "OpenFlow14"
            try await host.ovs.tool("ovs-ofctl", ["-O", version] + edit)
            let number = edit.last?.contains("group_id=2") == true ? 2 : 1
            _ = try await host.agent.waitForEvent(after: last, "repaired", object: "Group br0.local \(number)")
            try await host.settled()
            let groups = try await Self.ofctl(host, "dump-groups", "br0.local")
            #expect(Set(groups.split(separator: "\n").dropFirst()) == Set(wanted.split(separator: "\n").dropFirst()))
            try await Self.expectPassing(host)
        }
    }

    @Test("vlan-limit may change while the host runs: groups come and go with it, and nobody is blamed")
    func change() async throws {
        try await ChainHost.with(Self.vms) { host in
            #expect(!(try await Self.ofctl(host, "dump-groups", "br0.local")).contains("group_id"))
            let last = try await host.agent.lastEvent()
            for limit in [2, 1, 0, nil] as [Int?] {
                var host = host
                host.vlanLimit = limit
                let setting = limit.map { ["set", "open", ".", "other_config:vlan-limit=\($0)"] }
                try await host.ovs.tool(
                    "ovs-vsctl",
                    ["--db=\(host.ovs.databaseRemote)", "--timeout=20"]
                        + (setting ?? ["remove", "open", ".", "other_config", "vlan-limit"])
                )
                try await host.settled()
                try await Self.expectPassing(host)
                let groups = try await Self.ofctl(host, "dump-groups", "br0.local")
                #expect(groups.contains("group_id") == (limit ?? 1 != 1), "\(groups)")
            }
            let events = try await host.agent.events(since: last)
            let blame = events.filter { $0.object.hasPrefix("Group") || $0.object.hasPrefix("Flow") }
            #expect(blame.isEmpty, "\(events.prefix(20).map(\.text))")
        }
    }

    @Test("a group goes after the flows that send to it, none of which goes with it")
    func order() async throws {
        try await ChainHost.with(Self.vms, vlanLimit: 2) { host in
            let witness = Witness()
            try await witness.watch("\(host.ovs.runFolder)/br0.local.mgmt")
            try await host.ovs.tool(
                "ovs-vsctl",
                ["--db=\(host.ovs.databaseRemote)", "--timeout=20", "set", "open", ".", "other_config:vlan-limit=1"]
            )
            var host = host
            host.vlanLimit = 1
            try await host.settled()
            while try await Self.ofctl(host, "dump-groups", "br0.local").contains("group_id") {
                try Task.checkCancellation()
            }
            // What takes the group's place is told last, or the group took the flows along.
            while await !witness.hasSeenStrip { try Task.checkCancellation() }
            #expect(await witness.lost == [])
            try await witness.end()
        }
    }

    /// Who hears what becomes of the flows.
    private actor Witness {
        nonisolated let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
        nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }
        private var connection: SwitchConnection?
        private(set) var hasSeenStrip = false
        /// Flows that went with a group.
        private(set) var lost: [Flow] = []

        func watch(_ path: String) async throws {
            connection = SwitchConnection(
                socketPath: path,
                eventLoop: eventLoop,
                onSwitchChange: { self.take($0) },
                onChange: { _ in }
            )
            // Until the connection stands.
            while (try? await connection?.monitorFlows().get()) == nil { try Task.checkCancellation() }
        }

        func end() async throws {
            try await connection?.close().get()
            connection = nil
        }

        private func take(_ changes: [SwitchChange]) {
            for change in changes {
                switch change {
                case .flowRemoved(let flow, .groupDeleted): lost.append(flow)
                case .flowAdded(let flow), .flowModified(let flow):
                    if flow.table == LocalTable.strip.rawValue, flow.instructions.goto != nil { hasSeenStrip = true }
                default: break
                }
            }
        }
    }

    @Test("an agent that starts anew finds its groups as they are, or makes them again, and blames nobody")
    func restart() async throws {
        try await ChainHost.with(Self.vms, vlanLimit: 2) { host in
            try await host.agent.stop()
            for edit in [nil, "group_id=1", "group_id=2"] as [String?] {
                if let edit { _ = try await Self.ofctl(host, "del-groups", "br0.local", edit) }
                try await RunningAgent.with(host.ovs) { agent in
                    try await agent.waitForState("in-sync")
                    try await host.settled()
                    try await Self.expectPassing(host)
                    let events = try await agent.events(since: 0)
                    let blame = events.filter { $0.object.hasPrefix("Group") }
                    #expect(blame.isEmpty, "\(events.map(\.text))")
                }
            }
        }
    }

    @Test("what somebody fights over stays to be done, and all else is done without it", arguments: 0..<16)
    func held(_ choice: Int) throws {
        let (mine, other) = (LocalGroup.all[0], Group(9, .all))
        var settings = KeptSettings(of: "br0.local")
        settings.want([mine])
        let wanted = SwitchConfiguration(fragments: .niciraMatch, missSendLength: 0)
        expect(settings.read([], [], wanted))
        _ = settings.takeRepairs()
        settings.leftGroups()
        // Somebody takes one away, adds another, adds a meter and changes the fragments.
        let meter = Meter(5, .kilobits)
        expect(settings.read([other], [meter], SwitchConfiguration(fragments: .drop, missSendLength: 0)))
        let objects = ["Group br0.local \(mine.number)", "Group br0.local 9", "Meter br0.local 5", "Bridge br0.local"]
        let held = Set(objects.enumerated().filter { choice >> $0.offset & 1 == 1 }.map(\.element))
        func drifts(_ repairs: [KeptSettings.Repair]) -> Set<String> { Set(repairs.compactMap(\.drift?.object)) }
        #expect(drifts(settings.takeRepairs(except: held)) == Set(objects).subtracting(held))
        #expect(settings.needsRepair == !held.isEmpty)
        #expect(drifts(settings.takeRepairs()) == held)
        #expect(!settings.needsRepair)
    }

    @Test("what is known of groups decides: missing ones come, others go, and only somebody else's doing is a drift")
    func settings() throws {
        let (mine, other) = (LocalGroup.all[0], Group(9, .all))
        var settings = KeptSettings(of: "br0.local")
        /// What is to be done after this, `!` for what somebody did.
        func repairs(_ event: (inout KeptSettings) -> Bool) -> [String] {
            guard event(&settings) else { return [] }
            return settings.takeRepairs().map { "\($0.drift == nil ? "" : "! ")\($0.mod)" }
        }
        func read(_ groups: Group...) -> [String] {
            repairs { $0.read(groups, [], SwitchConfiguration(fragments: .niciraMatch, missSendLength: 0)) }
        }
        func told(_ mod: GroupMod) -> [String] { repairs { $0.told(.groupChanged(mod)) } }

        #expect(settings.hasGroups)
        settings.want([mine])
        #expect(!settings.hasGroups && !settings.needsRepair)
        #expect(read(other) == ["group add \(mine)"])
        // A flow may still send to it.
        #expect(settings.hasGroups && !settings.needsRepair)
        settings.leftGroups()
        #expect(
            settings.takeRepairs().map { "\($0.drift == nil ? "" : "! ")\($0.mod)" } == ["! group delete group_id=9"]
        )
        #expect(settings.hasGroups && !settings.needsRepair)
        #expect(read(mine) == [])
        #expect(told(.delete(mine.number)) == ["! group add \(mine)"])
        // Told of in part, it may look as wanted and not be it.
        #expect(told(.modify(mine)) == ["! group modify \(mine)"])
        #expect(told(.deleteAll) == ["! group add \(mine)"])
        // What a look finds to differ, somebody did, too.
        #expect(read() == ["! group add \(mine)"])
        settings.forget()
        #expect(!settings.hasGroups && !settings.needsRepair)
        // As a former agent left it.
        #expect(read(mine) == [])
        #expect(settings.hasGroups)
        #expect(
            repairs { settings in
                settings.want([])
                return settings.needsRepair
            } == []
        )
        #expect(
            repairs { settings in
                settings.leftGroups()
                return settings.needsRepair
            } == ["group delete group_id=1"]
        )
    }
}
