import Glibc
import JSONRPC
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// Servers that are killed, restarted, absent or emptied under a running agent.
@Suite("Outages", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct OutageTests {
    @Test("a restarted ovsdb-server is followed again, with its database or an empty one", arguments: [false, true])
    func serverRestarted(isEmpty: Bool) async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            let row = try await ovs.vsctl("get", "bridge", "br.microseg", "_uuid")
            let last = try await agent.lastEvent()
            try await ovs.killServer()
            let lost = try await agent.waitForEvent(after: last, "disconnected")
            #expect(lost.reason.contains(ovs.databaseSocket))
            let away = try await agent.waitForState("disconnected", reason: "look whether ovsdb-server runs")
            #expect(away["database"]?["connected"] == false)
            for command in ["show", "vms"] {
                let text = try await agent.ask(command)["text"]?.string ?? ""
                #expect(text.hasPrefix("as the database told last: there is no connection to it now\n\n"), "\(text)")
            }
            try await ovs.restartServer(freshDatabase: isEmpty)
            try await agent.waitForEvent(after: lost.id, "applied")
            let status = try await agent.waitForState("in-sync")
            #expect(status["database"]?["lock"] == "held")
            #expect(try await agent.ask("show")["text"]?.string?.hasPrefix("vs0: ") == true)
            #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 6)
            let isSame = try await ovs.vsctl("get", "bridge", "br.microseg", "_uuid") == row
            #expect(isSame == !isEmpty)
            // Attempts that fail alike are one event.
            #expect(try await agent.events(since: last).filter { $0.kind == "disconnected" }.count <= 3)
        }
    }

    @Test("a killed ovs-vswitchd makes it degraded, with a reason; repairs go on; restarted, all is in sync")
    func switchKilled() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            try await ovs.killSwitch()
            let status = try await agent.waitForState("degraded", reason: "ovs-vswitchd answers for none")
            let folder = "looked for in \(agent.ovs.runFolder) (--openflow-dir)"
            #expect(folder.isPart(of: status["reasons"]?.array?.compactMap(\.string) ?? []), "\(status)")
            #expect(status["reasons"]?.array?.count == 1)
            let last = try await agent.lastEvent()
            try await ovs.vsctl("del-br", "br.nf")
            try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.nf", column: "bridges")
            #expect(try await agent.status()["state"] == "degraded")
            try await ovs.restartSwitch()
            try await agent.waitForEvent(after: last, "applied")
            #expect(try await agent.waitForState("in-sync")["reasons"] == [])
        }
    }

    @Test("a stopped ovs-vswitchd, whose sockets still take connections, is noticed as well")
    func switchStopped() async throws {
        try await RunningAgent.inSync { agent in
            try await agent.ovs.killSwitch(SIGSTOP)
            let last = try await agent.lastEvent()
            try await agent.ovs.vsctl("set", "port", "br0.mx.s", "tag=5", wait: false)
            try await agent.waitForEvent(after: last, "repaired")
            try await agent.waitForState("degraded", reason: "ovs-vswitchd has not taken configuration")
            try await agent.ovs.killSwitch(SIGCONT)
            try await agent.waitForState("in-sync")
        }
    }

    @Test("without an ovsdb-server it answers, and comes in sync when one appears")
    func serverAbsent() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.killServer()
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                let status = try await agent.waitForState("disconnected", reason: ovs.databaseSocket)
                #expect(status["database"]?["connected"] == false)
                #expect(status["database"]?["lock"]?.isNull == true)
                await #expect(throws: ControlClientError.self) { try await agent.ask("plan") }
                #expect(try await agent.ask("show")["text"]?.string == .rowsUnknown)
                try await ovs.restartServer()
                try await ovs.restartSwitch()
                try await agent.waitForState("in-sync")
            }
        }
    }

    @Test(
        "without an ovs-vswitchd the database is made right, and the agent degraded after 5 s; at its next start, too"
    )
    func switchAbsent() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            for _ in 1...2 {
                try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                    try await agent.waitForEvent("apply-failed")
                    try await agent.waitForState("degraded", reason: "ovs-vswitchd")
                    #expect(try await agent.ask("plan")["changes"] == [])
                    #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 6)
                }
            }
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("reconciling")
                try await ovs.restartSwitch()
                try await agent.waitForState("in-sync")
            }
        }
    }

    @Test("a port that ovs-vswitchd refuses makes it degraded, by name and reason, and holds up no repair")
    func portRefused() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            // The dummy datapath opens any name, but not this type; of a NIC's interface the type is not the agent's.
            try await ovs.vsctl("set", "interface", "eth1", "type=nonsense", wait: false)
            let status = try await agent.waitForState("degraded", reason: "Interface eth1")
            #expect(status["reasons"]?.array?.count == 1)
            let last = try await agent.lastEvent()
            try await ovs.vsctl("del-port", "br.nf", "br0.nf.s", wait: false)
            try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.nf", column: "ports")
            #expect(try await agent.status()["state"] == "degraded")
            try await ovs.vsctl("set", "interface", "eth1", "type=\"\"", wait: false)
            try await agent.waitForState("in-sync")
        }
    }

    @Test("a next_cfg that somebody sets back is no configuration that ovs-vswitchd owes us")
    func countSetBack() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            try await ovs.edit("add-br ovs1 -- set bridge ovs1 datapath_type=dummy")
            let last = try await agent.lastEvent()
            try await ovs.edit("set Open_vSwitch . next_cfg=0")
            // The agent takes notifications in order: when it tells of this one, it has seen the count.
            try await ovs.edit("del-bond-iface br0-up eth1 -- add-port ovs1 eth1")
            try await agent.waitForEvent(after: last, "apply-failed", object: "Interface eth1")
            #expect(try await agent.status()["reasons"]?.array?.count == 1)
            try await ovs.edit("del-port ovs1 eth1")
            try await agent.waitForState("in-sync")
        }
    }

    @Test("a next_cfg that somebody sets as high as it goes keeps nothing from being repaired, and is counted anew")
    func countFull() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            let last = try await agent.lastEvent()
            try await ovs.vsctl("set", "Open_vSwitch", ".", "next_cfg=\(Int64.max)", wait: false)
            try await ovs.vsctl("set", "port", "br0.mx.s", "tag=5", wait: false)
            try await agent.waitForEvent(after: last, "repaired", object: "Port br0.mx.s", column: "tag")
            try await agent.waitForState("in-sync")
            #expect(try await ovs.vsctl("get", "Open_vSwitch", ".", "next_cfg").count < 4)
        }
    }

    @Test("a transaction that the server refuses makes it degraded with the server's words, until it is taken")
    func transactionRefused() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let schema = try await ovs.check("ovsdb-client", "get-schema", ovs.databaseRemote)
            let path = "\(ovs.runFolder)/narrow.ovsschema"
            try write(schema.replacing("\"maxInteger\":4095", with: "\"maxInteger\":4000"), to: path)
            try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                let refused = try await agent.waitForEvent("apply-failed")
                #expect(refused.reason.contains("the database refused a transaction: constraint violation"))
                try await agent.waitForState("degraded", reason: "4095")
                #expect(try await ovs.vsctl("list-br", wait: false) == "")
                try write(schema, to: path)
                try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
                try await ovs.restartSwitch()
                try await agent.waitForEvent(after: refused.id, "applied")
                #expect(try await agent.waitForState("in-sync")["reasons"] == [])
                // Attempts that fail alike are one event.
                let told = try await agent.events().filter { $0.reason.contains("refused a transaction") }
                #expect(Set(told.map(\.reason)).count == told.count, "\(told.map(\.text))")
            }
        }
    }

    @Test("a datapath that ovs-vswitchd can't open makes it degraded, and it goes on repairing")
    func datapathRefused() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.restartSwitch(overridesSystem: false)
            try await RunningAgent.with(ovs, layout: .switches(0, datapath: "system")) { agent in
                try await agent.waitForEvent("apply-failed")
                try await agent.waitForState("degraded", reason: "ovs-vswitchd answers for none")
                let last = try await agent.lastEvent()
                try await ovs.vsctl("del-br", "br.nf", wait: false)
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.nf", column: "bridges")
            }
        }
    }

    @Test(
        "a server that talks junk, half a message or nothing costs a connection; the real one is found after it",
        arguments: [
            "\u{0}\u{1}\u{2}", "HTTP/1.1 400 Bad Request\r\n\r\n", "{\"id\":1,\"result\":{\"tables\":", "{}[]null",
            "{\"id\":1,\"error\":\"no such database\"}", "{\"id\":1,\"result\":{\"name\":1},\"error\":null}",
            "{\"method\":\"update3\",\"params\":[null,\"x\",{}],\"id\":null}",
        ]
    )
    func junkServer(answer: String) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.killServer()
            unlink(ovs.databaseSocket)
            let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(JunkHandler(answer))
                    }
                }
                .bind(unixDomainSocketPath: ovs.databaseSocket).get()
            do {
                try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                    try await agent.waitForEvent("disconnected")
                    let status = try await agent.waitForState("disconnected")
                    #expect(status["reasons"]?.array?.count == 1)
                    try await server.close()
                    unlink(ovs.databaseSocket)
                    try await ovs.restartServer()
                    try await ovs.restartSwitch()
                    try await agent.waitForState("in-sync")
                }
            } catch {
                try? await server.close()
                throw error
            }
        }
    }
}

/// Answers the first bytes with something, and then hangs up.
private final class JunkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: String

    init(_ answer: String) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
            loopBound.value.close(promise: nil)
        }
    }
}
