import Glibc
import JSONRPC
import NIOCore
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

@Suite("Quarantine") struct QuarantineTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private static let lanes: Set<Lane> = [Lane(0)!]
    private static let host = """
        bridge br0.local
          port br0.local
          port br0.local.n
            interface br0.local.n type=patch
          port vm1
            interface vm1 external_ids:iface-id=vm1 ofport=1
        bridge br5.local
          port other
        """

    private static func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    /// A quarantine that has looked at everything at the start.
    private static func quarantine(_ database: PlanDatabase) -> Quarantine {
        var quarantine = Quarantine(patience: .seconds(30))
        quarantine.lookAtAll(of: lanes, in: database.replica, now: start)
        return quarantine
    }

    /// The names of the ports that go at this time.
    private static func due(
        _ quarantine: inout Quarantine,
        _ database: PlanDatabase,
        at seconds: Int64
    ) -> [String] {
        let replica = database.replica
        return quarantine.due(in: replica, now: at(seconds)).map { replica["Port"][$0]?.name ?? "?" }.sorted()
    }

    /// Looks at a port as after a notification of it.
    private static func look(_ quarantine: inout Quarantine, at port: String, _ database: PlanDatabase, _ time: Int64) {
        let replica = database.replica
        guard let row = replica["Port"][name: port] else {
            Issue.record("no port \(port)")
            return
        }
        let changes = VMPortChanges([RowChange(table: "Port", uuid: row.uuid, kind: .inserted)], in: replica)
        quarantine.look(at: changes, of: lanes, in: replica, now: at(time))
    }

    @Test("nothing of ours, of a VM's, and of another switch is in it")
    func nothing() {
        let database = PlanDatabase(Self.host)
        var quarantine = Self.quarantine(database)
        #expect(quarantine.warnings == [])
        #expect(quarantine.nextDue(after: Self.start) == nil)
        #expect(Self.due(&quarantine, database, at: 3600) == [])
    }

    @Test("a port without a VM's mark is named at once, and goes 30 s after it was seen")
    func unmarked() throws {
        var database = PlanDatabase(Self.host)
        var quarantine = Self.quarantine(database)
        database.addPorts("br0.local", "port tap9")
        Self.look(&quarantine, at: "tap9", database, 5)
        #expect(quarantine.warnings.count == 1)
        #expect(quarantine.warnings.first?.hasPrefix("port tap9 on br0.local is no VM's and passes nothing") == true)
        // That something else of it changes gives no more time.
        database.set("Port", "tap9", "tag=5")
        Self.look(&quarantine, at: "tap9", database, 20)
        #expect(quarantine.nextDue(after: Self.at(20)) == Self.at(35))
        #expect(Self.due(&quarantine, database, at: 34) == [])
        #expect(Self.due(&quarantine, database, at: 35) == ["tap9"])
    }

    @Test("a port that gets its mark in time stays")
    func marked() throws {
        var database = PlanDatabase(Self.host)
        var quarantine = Self.quarantine(database)
        database.addPorts("br0.local", "port tap9")
        Self.look(&quarantine, at: "tap9", database, 0)
        database.set("Interface", "tap9", "external_ids:iface-id=vm9")
        Self.look(&quarantine, at: "tap9", database, 29)
        #expect(quarantine.warnings == [])
        #expect(Self.due(&quarantine, database, at: 60) == [])
    }

    @Test(
        "a port that leads elsewhere goes at once, whatever else it says",
        arguments: ["patch", "vxlan", "geneve", "gre", "stt"]
    )
    func leadsElsewhere(_ type: String) {
        var database = PlanDatabase(Self.host)
        database.addPorts("br0.local", "port p9\n interface p9 type=\(type) external_ids:iface-id=vm9")
        var quarantine = Self.quarantine(database)
        #expect(Self.due(&quarantine, database, at: 0) == ["p9"])
        #expect(quarantine.warnings == [])
    }

    @Test("a VM's port that loses its mark stays as long as its device exists")
    func lostMark() {
        var database = PlanDatabase(Self.host)
        var quarantine = Self.quarantine(database)
        database.set("Interface", "vm1", "external_ids=")
        Self.look(&quarantine, at: "vm1", database, 0)
        #expect(quarantine.warnings.first?.contains("it was one before") == true)
        #expect(Self.due(&quarantine, database, at: 30) == [])
        #expect(quarantine.nextDue(after: Self.at(30)) == Self.at(60))
        database.set("Interface", "vm1", "ofport=-1")
        #expect(Self.due(&quarantine, database, at: 59) == [])
        #expect(Self.due(&quarantine, database, at: 60) == ["vm1"])
    }

    @Test("a VM's port that lost its mark while no agent ran is known by the next, and a lost list cuts none off")
    func kept() throws {
        var database = PlanDatabase(Self.host)
        let quarantine = Self.quarantine(database)
        #expect(quarantine.vmInterfaces == [try #require(database.uuid("Interface", "vm1"))])
        let bytes = Quarantine.bytes(of: quarantine.vmInterfaces)
        database.set("Interface", "vm1", "external_ids=")
        var next = Quarantine(
            patience: .seconds(30),
            vmInterfaces: try #require(Quarantine.vmInterfaces(in: bytes))
        )
        next.lookAtAll(of: Self.lanes, in: database.replica, now: Self.start)
        #expect(next.warnings.first?.contains("it was one before") == true)
        #expect(Self.due(&next, database, at: 30) == [])
        for junk in [Array("x\n\n".utf8), Array(bytes.dropLast(3)), Array(bytes.dropLast()), [0xff, 0]] {
            #expect(Quarantine.vmInterfaces(in: junk) == nil)
        }
        var forgetful = Quarantine(patience: .seconds(30))
        forgetful.presumeVMs()
        forgetful.lookAtAll(of: Self.lanes, in: database.replica, now: Self.start)
        #expect(Self.due(&forgetful, database, at: 30) == [])
        #expect(forgetful.vmInterfaces == quarantine.vmInterfaces)
    }

    @Test("what is kept changes its version where a VM's port comes or its row goes, and not otherwise")
    func version() throws {
        var database = PlanDatabase(Self.host)
        var quarantine = Self.quarantine(database)
        #expect(quarantine.version == 1)
        database.set("Interface", "vm1", "external_ids=")
        Self.look(&quarantine, at: "vm1", database, 0)
        #expect(quarantine.version == 1)
        database.addPorts("br0.local", "port vm2\n interface vm2 external_ids:iface-id=vm2")
        Self.look(&quarantine, at: "vm2", database, 1)
        #expect(quarantine.version == 2)
        quarantine.lookAtAll(of: Self.lanes, in: PlanDatabase("bridge br0.local").replica, now: Self.start)
        #expect(quarantine.version == 4)
        #expect(quarantine.vmInterfaces == [])
    }

    @Test("what another agent saw is known, of a port that is looked at already, too, and forgotten where it is gone")
    func remembered() throws {
        var database = PlanDatabase(Self.host)
        database.addPorts("br0.local", "port tap9\n interface tap9 ofport=9")
        var quarantine = Self.quarantine(database)
        let interfaces = try ["vm1", "tap9"].map { try #require(database.uuid("Interface", $0)) }
        quarantine.remember([interfaces[1], .random()])
        quarantine.lookAgain(of: Self.lanes, in: database.replica, now: Self.at(10))
        #expect(quarantine.vmInterfaces == Set(interfaces))
        #expect(quarantine.warnings.first?.contains("it was one before") == true)
        // Its time goes on.
        #expect(quarantine.nextDue(after: Self.at(10)) == Self.at(30))
        #expect(Self.due(&quarantine, database, at: 30) == [])
    }

    @Test("a lane's name of a switch that the layout has not is no excuse")
    func derivedNames() {
        var database = PlanDatabase(Self.host)
        database.addPorts("br0.local", "port br5.mx.s\n interface br5.mx.s type=patch")
        database.addPorts("br0.local", "port br0.mx.s\n interface br0.mx.s type=patch")
        var quarantine = Self.quarantine(database)
        // The other one is put back where it belongs.
        #expect(Self.due(&quarantine, database, at: 0) == ["br5.mx.s"])
    }

    @Test("a plan takes the port off its brN.local, only as long as it is what was seen")
    func plan() throws {
        var database = PlanDatabase()
        database.reconcile(.small)
        database.addPorts("br0.local", "port tap9")
        database.addPorts("br0", "port &tap9")
        let port = try #require(database.uuid("Port", "tap9"))
        var planner = RowPlanner(layout: .small, schema: PlanSchema.followed)
        var provenance = Provenance()
        let plan = planner.plan(database.replica, expelled: [port], provenance: &provenance)
        #expect(plan.changes.map(\.description) == ["- Bridge br0.local: ports tap9"])
        var marked = database
        marked.set("Interface", "tap9", "external_ids:iface-id=vm9")
        #expect(throws: (any Error).self) { try marked.commit(plan.operations(lock: nil, comment: "test")) }
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(database.children("Bridge", "br0.local") == ["br0.local", "br0.local.n"])
        #expect(database.children("Bridge", "br0").contains("tap9"))
    }
}

@Suite("Ports that are no VM's", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct QuarantinedPortTests {
    @Test("patch and tunnel ports on br0.local go at once, and the journal tells it")
    func leadsElsewhere() async throws {
        try await RunningAgent.inSync { agent in
            for type in ["patch options:peer=x", "vxlan options:remote_ip=127.0.0.1"] {
                let last = try await agent.lastEvent()
                try await agent.ovs.edit("add-port br0.local p9 -- set interface p9 type=\(type)")
                let event = try await agent.waitForEvent(
                    after: last,
                    "repaired",
                    object: "Bridge br0.local",
                    column: "ports"
                )
                #expect((event.found, event.wanted) == ("p9", ""))
            }
            try await agent.waitForState("in-sync")
            #expect(try await !agent.ovs.vsctl("list-ports", "br0.local").contains("p9"))
        }
    }

    @Test("a port without a VM's mark is named by the status, and goes when its time is over; one marked in time stays")
    func unmarked() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl("add-br", "br0.local", "--", "add-port", "br0.local", "tap1")
            try await RunningAgent.with(ovs, layout: .oneSwitch, quarantine: .seconds(8)) { agent in
                try await agent.waitForState("in-sync", warning: "port tap1 on br0.local is no VM's")
                let last = try await agent.lastEvent()
                try await ovs.edit(
                    "add-port br0.local tap2 -- add-port br0.local tap3 -- set interface tap3 external_ids:iface-id=vm3"
                )
                try await agent.waitForState("in-sync", warning: "port tap2 on br0.local is no VM's")
                try await ovs.edit("set interface tap2 external_ids:iface-id=vm2")
                let gone = try await agent.waitForEvent(
                    after: last,
                    "repaired",
                    object: "Bridge br0.local",
                    column: "ports"
                )
                #expect(gone.found == "tap1")
                try await agent.waitForState("in-sync", lacking: "is no VM's")
                // A VM whose mark somebody takes away keeps its port, though not its flows.
                try await ovs.edit("remove interface tap2 external_ids iface-id")
                try await agent.waitForState("in-sync", warning: "port tap2 on br0.local is no VM's")
            }
            // So does one that loses it while no agent runs.
            try await ovs.edit("remove interface tap3 external_ids iface-id")
            try await RunningAgent.with(ovs, quarantine: .seconds(8)) { agent in
                for port in ["tap2", "tap3"] {
                    let words = "port \(port) on br0.local is no VM's and passes nothing; it was one before"
                    try await agent.waitForState("in-sync", warning: words)
                }
                try await ovs.edit("del-port tap2 -- del-port tap3")
                try await agent.waitForState("in-sync", lacking: "is no VM's")
                let ports = try await ovs.vsctl("list-ports", "br0.local")
                #expect(!ports.contains("tap1"))
            }
        }
    }

    @Test("a VM's port that loses its mark while the agent is paused keeps its port")
    func duringPause() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try await agent.ask("pause", "3600", "bond swap")
            }
            try await ovs.edit("add-port br0.local tap1")
            try await ovs.edit("add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=vm1")
            try await RunningAgent.with(ovs, quarantine: .seconds(1)) { agent in
                try await agent.waitForState("paused", warning: "port tap1 on br0.local is no VM's")
                try await ovs.edit("remove interface vm1 external_ids iface-id")
                try await agent.waitForState("paused", warning: Self.formerVM("vm1"))
                let last = try await agent.lastEvent()
                try await agent.ask("resume")
                // Whatever would go with it has gone.
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br0.local", column: "ports")
                try await agent.waitForState("in-sync", warning: Self.formerVM("vm1"))
                #expect(try await ovs.vsctl("list-ports", "br0.local").hasSuffix("\nvm1"))
            }
        }
    }

    @Test("an agent that takes over knows what it saw standing by, and what is kept by then")
    func takenOver() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let first = try await RunningAgent.start(ovs, layout: .oneSwitch)
            try await first.waitForState("in-sync")
            try await ovs.edit("add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=vm1")
            try await ovs.edit("add-port br0.local vm2")
            let file = "\(ovs.runFolder)/b.state/vm-interfaces"
            mkdir("\(ovs.runFolder)/b.state", 0o700)
            try await RunningAgent.with(ovs, name: "b") { second in
                try await second.waitForState("standby", warning: "port vm2 on br0.local is no VM's")
                try await ovs.edit("remove interface vm1 external_ids iface-id")
                try await second.waitForState("standby", warning: Self.formerVM("vm1"))
                // What the holder saw before the one that stands by followed the database.
                try write(try await ovs.vsctl("get", "interface", "vm2", "_uuid") + "\n", to: file)
                try await first.stop()
                for port in ["vm1", "vm2"] { try await second.waitForState("in-sync", warning: Self.formerVM(port)) }
            }
            #expect(try keptText(of: file).split(separator: "\n").count == 2)
        }
    }

    @Test("which ports are VMs' is kept as soon as it can be, and the status tells while it can't")
    func unwritable() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let state = "\(ovs.runFolder)/a.state"
            let file = "\(state)/vm-interfaces"
            let words = "which ports are VMs' could not be kept for a restart: \(file): Is a directory"
            mkdir(state, 0o700)
            mkdir(file, 0o700)
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                #expect(agent.logs.contains("state-damaged File \(file) (Is a directory; "))
                try await ovs.edit("add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=vm1")
                try await agent.waitForState("in-sync", warning: words)
                rmdir(file)
                try await agent.waitForState("in-sync", lacking: words)
                #expect(try keptText(of: file).split(separator: "\n").count == 1)
                // The end is another occasion.
                unlink(file)
                mkdir(file, 0o700)
                try await ovs.edit("add-port br0.local vm2 -- set interface vm2 external_ids:iface-id=vm2")
                try await agent.waitForState("in-sync", warning: words)
                rmdir(file)
            }
            #expect(try keptText(of: file).split(separator: "\n").count == 2)
        }
    }

    private static func formerVM(_ port: String) -> String {
        "port \(port) on br0.local is no VM's and passes nothing; it was one before"
    }

    @Test("columns that the agent does not know are named by the status while the server has them")
    func unknownColumns() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let schema = try await ovs.check("ovsdb-client", "get-schema", ovs.databaseRemote)
            let path = "\(ovs.runFolder)/newer.ovsschema"
            let newer = schema.replacing("\"fail_mode\":{", with: "\"novelty\":{\"type\":\"string\"},\"fail_mode\":{")
            try #require(newer != schema)
            try write(newer, to: path)
            try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
            try await ovs.restartSwitch()
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                let words = "columns of table Bridge that this agent does not know and leaves alone: novelty"
                try await agent.waitForState("in-sync", warning: words)
                let update = #"{"op":"update","table":"Bridge","where":[],"row":{"novelty":"theirs"}}"#
                try await ovs.check("ovsdb-client", "transact", ovs.databaseRemote, #"["Open_vSwitch",\#(update)]"#)
                #expect(try await agent.ask("plan")["changes"] == [])
                try write(schema, to: path)
                try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
                try await agent.waitForState("in-sync", lacking: words)
            }
        }
    }
}
