import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// Whose an address is: frames counted at every endpoint while VMs come, speak, move and go.
@Suite("Chain: who owns a MAC", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainPresenceTests {
    static let a = "02:00:00:00:00:0a"
    static let b = "02:00:00:00:00:0b"
    static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 7), ChainHost.VM(name: "vmb", mac: b, tag: 7),
    ]
    static let toB = EthernetFrame(to: b, from: a)

    /// Everything that may be sent to and from a VM that is still elsewhere, and plugged here.
    static func expectElsewhere(_ host: ChainHost) async throws {
        // From elsewhere it is heard by all but its own port to be, more than once.
        let flood = EthernetFrame(to: ChainHost.broadcast, from: b)
        for _ in 0..<2 { try await host.expect(flood.tagged(7), into: host.wire, reaches: ["vma": flood]) }
        let toA = EthernetFrame(to: a, from: b)
        try await host.expect(toA.tagged(7), into: host.wire, reaches: ["vma": toA])
        // For it, frames go where it is, and where it will be.
        for _ in 0..<2 { try await host.expect(toB, into: "vma", reaches: ["vmb": toB, host.wire: toB.tagged(7)]) }
        // What the wire has for its own side, br0 keeps from the lane; the bond's idle member hears a copy.
        let outside = EthernetFrame(to: b, from: ChainHost.outside)
        try await host.expect(outside.tagged(7), into: host.wire)
        try await host.expect(outside.tagged(7), into: host.wires[0][1])
    }

    /// Everything that may be sent to and from a VM that is here, and of which copies come from elsewhere.
    static func expectHere(_ host: ChainHost) async throws {
        try await host.expect(toB, into: "vma", reaches: ["vmb": toB])
        for late in [EthernetFrame(to: ChainHost.broadcast, from: b), EthernetFrame(to: a, from: b)] {
            try await host.expect(late.tagged(7), into: host.wire)
        }
        let outside = EthernetFrame(to: b, from: ChainHost.outside)
        try await host.expect(outside.tagged(7), into: host.wire, reaches: ["vmb": outside])
        try await host.expect(outside.tagged(7), into: host.wires[0][1])
    }

    @Test("a VM that comes is reached where it runs, and from its first frame on here alone")
    func arrival() async throws {
        try await ChainHost.with(Self.vms, expected: ["vmb"]) { host in
            // Before anybody knows where it is, the wire's frames for it come here, too.
            let outside = EthernetFrame(to: Self.b, from: ChainHost.outside)
            try await host.expect(outside.tagged(7), into: host.wire, reaches: ["vmb": outside])
            try await Self.expectElsewhere(host)
            // Whatever its first frame is, it has arrived.
            let first = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(first, into: "vmb", reaches: ["vma": first])
            try await Self.expectHere(host)
            try await host.settled()
            try await Self.expectHere(host)
        }
    }

    @Test("the switch lets a VM arrive without the agent, which believes it when it begins again")
    func arrivalWithoutAgent() async throws {
        try await ChainHost.with(Self.vms, expected: ["vmb"]) { host in
            try await host.agent.stop()
            try await Self.expectElsewhere(host)
            let moved = EthernetFrame.moved(Self.b)
            try await host.expect(moved, into: "vmb", reaches: ["vma": moved, host.wire: moved.tagged(7)])
            try await Self.expectHere(host)
            try await RunningAgent.with(host.ovs) { agent in
                try await agent.waitForState("in-sync")
                try await host.settled()
                try await Self.expectHere(host)
            }
        }
    }

    @Test("of two ports that declare a MAC the first to speak has it, whichever came first", arguments: [true, false])
    func claimants(_ isFirst: Bool) async throws {
        var vms = Self.vms + [ChainHost.VM(name: "vmc", mac: "02:00:00:00:00:0c", tag: 7)]
        try await ChainHost.with(vms, expected: ["vmb", "vmc"]) { host in
            vms[2].mac = Self.b
            try await host.ovs.vsctl("set", "interface", "vmc", "external_ids:attached-mac=\"\(Self.b)\"")
            try await host.settled(vms, expected: ["vmb", "vmc"])
            // Not the agent's doing.
            try await host.agent.stop()
            let (owner, other) = isFirst ? ("vmb", "vmc") : ("vmc", "vmb")
            let first = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(first, into: owner, reaches: ["vma": first])
            try await host.expect(Self.toB, into: "vma", reaches: [owner: Self.toB])
            for _ in 0..<2 {
                try await host.expect(first, into: other, reaches: ["vma": first])
                try await host.expect(Self.toB, into: "vma", reaches: [owner: Self.toB])
            }
            try await RunningAgent.with(host.ovs) { agent in
                try await agent.waitForState(
                    "in-sync",
                    warning: "VM ports \(owner) and \(other) on br0.local both declare \(Self.b)"
                )
                try await host.settled(vms, expected: [other])
                try await host.expect(first, into: other, reaches: ["vma": first])
                try await host.expect(Self.toB, into: "vma", reaches: [owner: Self.toB])
                // When the one goes, the other may have it.
                try await host.ovs.vsctl("del-port", owner)
                try await host.settled(vms.filter { $0.name != owner })
                try await host.expect(Self.toB, into: "vma", reaches: [other: Self.toB])
            }
        }
    }

    @Test("a port whose link goes down has no MAC, and is expected when it comes up")
    func link() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.expectHere(host)
            try await host.ovs.tool("ovs-appctl", ["netdev-dummy/set-admin-state", "vmb", "down"])
            try await host.settled([Self.vms[0]])
            try await host.agent.waitForState("in-sync", warning: "link of its device is down")
            // It runs elsewhere now.
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.b)
            try await host.expect(flood.tagged(7), into: host.wire, reaches: ["vma": flood])
            try await host.expect(Self.toB, into: "vma", reaches: [host.wire: Self.toB.tagged(7)])
            try await host.ovs.tool("ovs-appctl", ["netdev-dummy/set-admin-state", "vmb", "up"])
            try await host.settled(expected: ["vmb"])
            try await Self.expectElsewhere(host)
            try await host.settled()
            try await Self.expectHere(host)
        }
    }

    /// Waits until the port's VM has been silent for a second, and until no announcement is noted any more.
    static func silent(_ name: String, _ host: ChainHost) async throws {
        let cookie = FlowCookie(.vmPort(host.lanes[0], number: try await host.number(of: name))).rawValue
        let ages = ["dump-flows", "br0.local", "table=\(LocalTable.source.rawValue),cookie=\(cookie)/-1"]
        while true {
            let dump = try await host.ovs.tool("ovs-ofctl", ages)
            let idle = dump.split(separator: "idle_age=").dropFirst().map { Int($0.prefix { $0 != "," }) ?? 0 }
            if let least = idle.min(), least >= 1 { return }
            try Task.checkCancellation()
        }
    }

    static func unmarked(_ host: ChainHost) async throws {
        let table = "table=\(UplinkTable.announced.rawValue)"
        while try await host.ovs.tool("ovs-ofctl", ["dump-flows", "br0", table]).contains(b) {
            try Task.checkCancellation()
        }
    }

    @Test(
        "a VM that is silent here and announced on the wire is there, and comes back with its next frame",
        arguments: [EthernetFrame.moved(b), .gratuitous(b), .advertised(b), .advertised(b, option: false)]
    )
    func moved(_ announcement: EthernetFrame) async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.expectHere(host)
            try await Self.silent("vmb", host)
            let last = try await host.agent.lastEvent()
            var arrivals = try await host.capture.send(announcement.tagged(7), into: host.wire)
            let event = try await host.agent.waitForEvent(after: last, "vm-moved", object: "Interface vmb")
            #expect(event.reason == "\(Self.b) was announced on the wire, by \(host.wire): expected on br0.local again")
            try await host.agent.waitForVM("vmb", presence: "expected")
            // It reached whom it was for, if late, and once; an advertisement, of which not all is known, with its next one.
            let nowhere = EthernetFrame(to: "01:80:c2:00:00:00", from: Self.a)
            arrivals.merge(try await host.capture.send(nowhere, into: "vma")) { $0 + $1 }
            #expect(arrivals == (announcement.isAdvertisement ? [:] : ["vma": [announcement]]))
            try await host.settled(expected: ["vmb"])
            try await Self.expectElsewhere(host)
            try await host.settled()
            try await Self.expectHere(host)
        }
    }

    @Test("whoever announces an address again and again, each time otherwise, fills no table")
    func flood() async throws {
        let everywhere = "02:00:00:00:00:0c"
        try await ChainHost.with(Self.vms + [ChainHost.VM(name: "vmc", mac: everywhere)]) { host in
            // It would let them go with the first announcement.
            try await host.agent.stop()
            var most = 0
            // As many as a NIC of this datapath takes at once.
            for batch in 0..<25 {
                let frames = (0..<80).map { number in
                    let ip: [UInt8] = [10, 0, UInt8(batch), UInt8(number)]
                    return number.isMultiple(of: 2)
                        ? EthernetFrame.gratuitous(Self.b, ip).tagged(7)
                        : .gratuitous(everywhere, ip).tagged(UInt16(100 + batch * 80 + number))
                }
                let receive = ["netdev-dummy/receive", host.wire] + frames.map(\.hexadecimal)
                try await host.ovs.tool("ovs-appctl", receive)
                let table = "table=\(UplinkTable.announced.rawValue)"
                let marks = try await host.ovs.tool("ovs-ofctl", ["dump-flows", "br0", table])
                most = max(most, marks.split(separator: "\n").count { $0.contains("dl_src=") })
            }
            #expect((1...2).contains(most), "\(most)")
        }
    }

    @Test("an announcement is heard right after a question of the same station")
    func afterQuestion() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.expectHere(host)
            try await Self.silent("vmb", host)
            let last = try await host.agent.lastEvent()
            let announcement = EthernetFrame.gratuitous(Self.b)
            let frames = [Self.question(announcement), announcement].map { $0.tagged(7).hexadecimal }
            try await host.ovs.tool("ovs-appctl", ["netdev-dummy/receive", host.wire] + frames)
            try await host.agent.waitForEvent(after: last, "vm-moved", object: "Interface vmb")
        }
    }

    /// An ordinary ARP request of the same station.
    private static func question(_ announcement: EthernetFrame) -> EthernetFrame {
        EthernetFrame(
            to: ChainHost.broadcast,
            from: b,
            type: 0x0806,
            payload: Array(announcement.bytes[14..<38]) + [192, 0, 2, 9]
        )
    }

    @Test("a VM that migrates out loses no frame, however late its row goes")
    func migrationOut() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.expectHere(host)
            try await Self.silent("vmb", host)
            let last = try await host.agent.lastEvent()
            // QEMU over there says that it runs now.
            _ = try await host.capture.send(EthernetFrame.moved(Self.b).tagged(7), into: host.wire)
            try await host.agent.waitForEvent(after: last, "vm-moved", object: "Interface vmb")
            try await host.settled(expected: ["vmb"])
            // What was sent on meanwhile.
            let nowhere = EthernetFrame(to: "01:80:c2:00:00:00", from: Self.a)
            _ = try await host.capture.send(nowhere, into: "vma")
            try await Self.expectElsewhere(host)
            try await host.ovs.vsctl("del-port", "vmb")
            try await host.settled([Self.vms[0]])
            _ = try await host.capture.send(nowhere, into: "vma")
            try await host.expect(Self.toB, into: "vma", reaches: [host.wire: Self.toB.tagged(7)])
            let toA = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(toA.tagged(7), into: host.wire, reaches: ["vma": toA])
        }
    }

    @Test("a VM that is plugged anew a hundred times is heard from its first frame on, each time, once")
    func replugs() async throws {
        try await ChainHost.with(Self.vms) { host in
            let toA = EthernetFrame(to: Self.a, from: Self.b)
            let unplug = ["--", "del-port", "vmb"]
            let columns = [
                "external_ids:iface-id=vmb", "external_ids:attached-mac=\"\(Self.b)\"", host.capture.option(of: "vmb"),
            ]
            let plug = ["--", "add-port", "br0.local", "vmb", "tag=7", "--", "set", "interface", "vmb"] + columns
            for round in 0..<100 {
                let last = try await host.agent.lastEvent()
                // As one change, and as two.
                for change in round.isMultiple(of: 2) ? [unplug + plug] : [unplug, plug] {
                    try await host.ovs.tool(
                        "ovs-vsctl",
                        ["--db=\(host.ovs.databaseRemote)", "--timeout=20"] + change
                    )
                }
                try await host.agent.waitForEvent(after: last, "vm-served", object: "Interface vmb")
                // It is no longer here alone, as far as the former port had spoken.
                let arrivals = try await host.capture.send(Self.toB, into: "vma")
                if arrivals != ["vmb": [Self.toB], host.wire: [Self.toB.tagged(7)]] {
                    let known = try await host.ovs.tool("ovs-appctl", ["fdb/show", "br0"])
                    let flows = try await host.installed(on: "br0").filter { $0.contains(Self.b) }.sorted()
                    Issue.record("round \(round): \(arrivals)\n\(known)\n\(flows.joined(separator: "\n"))")
                }
                try await host.expect(toA, into: "vmb", reaches: ["vma": toA])
                try await host.expect(Self.toB, into: "vma", reaches: ["vmb": Self.toB])
                let events = try await host.agent.events(since: last).filter { $0.object == "Interface vmb" }
                let comings = events.filter { ["vm-gone", "vm-served"].contains($0.kind) }.map(\.kind)
                #expect(comings == ["vm-gone", "vm-served"] || comings == ["vm-served"], "round \(round)")
            }
        }
    }

    @Test("an echo right after a VM's own speech, a copy by the idle member, and ordinary frames move nobody")
    func echoes() async throws {
        try await ChainHost.with(Self.vms) { host in
            var last = 0
            let announcement = EthernetFrame.gratuitous(Self.b)
            var arrivals: [String: [EthernetFrame]] = [:]
            while true {
                last = try await host.agent.lastEvent()
                try await host.expect(
                    announcement,
                    into: "vmb",
                    reaches: ["vma": announcement, host.wire: announcement.tagged(7)]
                )
                let spoken = ContinuousClock.now
                arrivals = try await host.capture.send(announcement.tagged(7), into: host.wire)
                // The agent has looked at it.
                try await Self.unmarked(host)
                // On a busy machine what comes a second later is no echo.
                guard ContinuousClock.now - spoken > .seconds(1) else { break }
                try await host.settled()
            }
            #expect(arrivals == [:])
            try await Self.silent("vmb", host)
            try await host.expect(announcement.tagged(7), into: host.wires[0][1])
            try await Self.unmarked(host)
            try await host.expect(Self.question(announcement).tagged(7), into: host.wire)
            try await Self.unmarked(host)
            try await Self.expectHere(host)
            #expect(try await host.agent.vm("vmb")["presence"]?.string == "present")
            #expect(try await host.agent.events(since: last).filter { $0.kind == "vm-moved" }.isEmpty)
        }
    }

    @Test("who is present stays so over restarts of the agent and of ovs-vswitchd")
    func restarts() async throws {
        try await ChainHost.with(Self.vms, expected: ["vmb"]) { host in
            try await host.settled(expected: ["vmb"])
            try await host.ovs.restartSwitch()
            // vma has not spoken since.
            try await host.settled(expected: ["vmb"], speaks: false)
            try await host.agent.stop()
            try await host.ovs.restartSwitch()
            try await RunningAgent.with(host.ovs) { agent in
                try await host.settled(expected: ["vmb"], speaks: false)
                try await agent.waitForVM("vma", presence: "present")
                try await agent.waitForVM("vmb", presence: "expected")
                // Nobody came or went.
                let kinds = Set(try await agent.events().map(\.kind))
                #expect(kinds.isDisjoint(with: ["vm-served", "vm-arrived", "vm-moved", "vm-gone"]))
            }
        }
    }

    @Test("the journal and vms tell of a VM port that comes, speaks and goes")
    func told() async throws {
        try await ChainHost.with(Self.vms, expected: ["vmb"]) { host in
            let agent = host.agent
            try await agent.waitForEvent("vm-served", object: "Interface vma")
            try await agent.waitForEvent("vm-arrived", object: "Interface vma")
            let served = try await agent.waitForEvent("vm-served", object: "Interface vmb")
            #expect(served.reason == "\(Self.b) on br0.local: expected until it speaks")
            try await agent.waitForVM("vmb", presence: "expected")
            try await host.speak(Self.vms[1])
            let arrived = try await agent.waitForEvent("vm-arrived", object: "Interface vmb")
            #expect(arrived.reason == "\(Self.b) has spoken on br0.local: it is here alone")
            try await host.settled()
            // Once the switch has said so.
            try await agent.waitForVM("vmb", presence: "present")
            // What the switch did by itself is nobody's drift.
            #expect(try await agent.events().filter { $0.kind == "drift" }.map(\.text) == [])
            try await host.ovs.tool("ovs-appctl", ["netdev-dummy/set-admin-state", "vmb", "down"])
            let gone = try await agent.waitForEvent("vm-gone", object: "Interface vmb")
            #expect(gone.reason.contains("link"))
            let port = try await agent.vm("vmb")
            #expect(port["presence"]?.string == "gone" && port["served"]?.boolean == false)
            #expect(port["reason"]?.string?.contains("ovs-vsctl del-port vmb") == true)
            try await host.ovs.tool("ovs-appctl", ["netdev-dummy/set-admin-state", "vmb", "up"])
            try await agent.waitForEvent(after: gone.id, "vm-served", object: "Interface vmb")
            try await host.ovs.vsctl("del-port", "vmb")
            try await agent.waitForEvent(after: gone.id, "vm-gone", object: "Interface vmb")
        }
    }

    @Test("a VM port is served when the switch has its flows, and not before")
    func acknowledged() async throws {
        try await ChainHost.with(Self.vms) { host in
            func vmb() async throws -> JSON { try await host.agent.vm("vmb") }
            try await host.agent.waitForVM("vmb", presence: "present")
            // It takes no flow until it goes on.
            try await host.ovs.killSwitch(SIGSTOP)
            try await host.ovs.vsctl("set", "port", "vmb", "tag=8", wait: false)
            while try await vmb()["served"]?.boolean == true { try Task.checkCancellation() }
            let port = try await vmb()
            #expect(port["tag"]?.integer == 8)
            #expect(port["reason"]?.string?.contains("the switch has not acknowledged its flows yet") == true)
            try await host.ovs.killSwitch(SIGCONT)
            while try await vmb()["served"]?.boolean == false { try Task.checkCancellation() }
            let flows = try await host.installed(on: "br0").union(host.installed(on: "br0.local"))
            for flow in ["dl_vlan=8,dl_src=\(Self.b)", "dl_vlan=8,dl_dst=\(Self.b)"] {
                #expect(flows.contains { $0.contains(flow) }, "\(flow)")
            }
        }
    }

    @Test("a claim that no port could make is undone")
    func forged() async throws {
        try await ChainHost.with(Self.vms, expected: ["vmb"]) { host in
            let number = try await host.number(of: "vmb")
            // As the port's own claims have it.
            let dump = try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", "br0.local", "table=7"])
            let cookie = try #require(dump.firstMatch(of: /learn\(table=13,.*?cookie=(0x[0-9a-f]+)/)?.output.1)
            let last = try await host.agent.lastEvent()
            let forged = "table=13,priority=80,cookie=\(cookie),vlan_tci=0x0007/0x0fff,dl_src=\(Self.a)"
            let flow = "\(forged),actions=load:\(number)->NXM_OF_IN_PORT[]"
            try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "add-flow", "br0.local", flow])
            try await host.agent.waitForEvent(after: last, "repaired", object: "Flow br0.local table=13")
            try await host.settled(expected: ["vmb"])
            try await Self.expectElsewhere(host)
        }
    }
}
