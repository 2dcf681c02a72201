import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// What has to be changed of a bridge's flows, and what must not be touched.
@Suite("Kept flows") struct KeptFlowsTests {
    private static let cookie = FlowCookie(.bridge).rawValue

    private static func flow(
        _ table: UInt8 = 0,
        _ priority: UInt16 = 1,
        cookie: UInt64 = cookie,
        _ actions: [FlowAction] = []
    ) -> Flow { Flow(table: table, priority: priority, cookie: cookie, actions: actions) }

    private static func keyed(_ flows: [Flow]) -> [Flow.Key: Flow] {
        Dictionary(uniqueKeysWithValues: flows.map { ($0.key, $0) })
    }

    private static func mods(_ ownership: KeptFlows.Ownership, installed: [Flow], wanted: [Flow]) -> Set<FlowMod> {
        Set(KeptFlows(ownership, installed: installed, wanted: keyed(wanted)).mods)
    }

    @Test("what tables need that are to be left as they are can wait, and nothing else does")
    func except() {
        let wanted = (0..<3 as Range<UInt8>).map { Self.flow($0) }
        var flows = KeptFlows(.whole, installed: wanted, wanted: Self.keyed(wanted))
        flows.settled()
        for flow in wanted { expect(flows.told(.flowRemoved(flow, .deleted))) }
        expect(flows.told(.flowAdded(Self.flow(1, 9))))
        #expect(flows.mods(except: [0]).count == 3 && flows.mods(except: [0, 1]) == [.add(wanted[2])])
        #expect(Set(flows.mods(except: [0, 2])) == [.add(wanted[1]), .deleteStrict(Self.flow(1, 9).key)])
        #expect(flows.mods(except: [0, 1, 2]) == [] && flows.mods.count == 4)
    }

    @Test("on a bridge without any, long lists come after all else; later they change with it, as one")
    func lists() {
        let list = LocalTable.lists.rawValue
        let (usual, first, second) = (Self.flow(0, 1), Self.flow(list, 1), Self.flow(list, 2))
        var flows = KeptFlows(.whole, installed: [], wanted: Self.keyed([usual, first]))
        #expect(flows.mods == [.add(usual)])
        flows.done(flows.mods)
        #expect(flows.mods == [.add(first)])
        flows.done(flows.mods)
        #expect(flows.mods == [])
        flows.want(FlowChanges(from: [usual], to: [second]))
        #expect(flows.mods == [.add(second), .deleteStrict(usual.key)])
    }

    @Test("what is as wanted is not touched; the rest is added first and deleted last")
    func differences() {
        let (same, old, new) = (Self.flow(0, 1), Self.flow(0, 2), Self.flow(0, 2, [.normal]))
        let wanted = Self.keyed([same, new, Self.flow(0, 4)])
        var flows = KeptFlows(.whole, installed: [same, old, Self.flow(0, 3)], wanted: wanted)
        let mods = flows.mods
        #expect(Set(mods) == [.add(new), .add(Self.flow(0, 4)), .deleteStrict(Self.flow(0, 3).key)])
        #expect(mods.last == .deleteStrict(Self.flow(0, 3).key))
        #expect(flows.counts == .init(installed: 1, missing: 2, unmanaged: 1))
        #expect(flows.differences(of: "br.mx") == [], "nobody else did that")
        flows.done(mods)
        #expect(flows.mods == [] && flows.counts == .init(installed: 3, missing: 0, unmanaged: 0))
        #expect(flows.differences(of: "br.mx") == [])
        // From then on only what changes is looked at.
        flows.settled()
        let next = Self.flow(0, 5)
        flows.want(FlowChanges(from: [same], to: [next]))
        #expect(Set(flows.mods) == [.add(next), .deleteStrict(same.key)])
    }

    @Test("a bridge that is ours whole keeps no flow of others, whatever its cookie, but what was learned")
    func whole() {
        let learned = FlowCookie(.learned(Lane(0)!, number: 3)).rawValue
        let foreign = [Self.flow(9, 1, cookie: 0), Self.flow(9, 2), Self.flow(0, 7, cookie: learned)]
        let kept = Self.flow(LocalTable.learnedDestination.rawValue, 1, cookie: learned)
        #expect(
            Self.mods(.whole, installed: foreign + [kept], wanted: [])
                == Set(foreign.map { .deleteStrict($0.key) })
        )
    }

    @Test("on brN only what bears our cookie or stands in our tables is ours")
    func own() {
        let learned = FlowCookie(.learned(Lane(0)!, number: 0)).rawValue
        let others = [
            Self.flow(0, 5, cookie: 0, [.normal]), Self.flow(3, 5, cookie: 7),
            Self.flow(UplinkTable.learned.rawValue, 5, cookie: learned),
        ]
        let ours = [Self.flow(0, 6), Self.flow(UplinkTable.wire.rawValue, 5, cookie: 7)]
        #expect(Self.mods(.own, installed: others + ours, wanted: []) == Set(ours.map { .deleteStrict($0.key) }))
    }

    @Test("only changes of what is wanted, and flows that are not, concern us")
    func told() {
        let wanted = Self.flow(0, 1, [.normal])
        var flows = KeptFlows(.own, installed: [wanted], wanted: Self.keyed([wanted]))
        flows.settled()
        func told(_ change: SwitchChange) -> Bool { flows.told(change) }
        #expect(!told(.flowAdded(Self.flow(3, 1, cookie: 0))))
        #expect(!told(.flowAdded(wanted)) && !told(.flowsPaused) && !told(.ownFlows))
        #expect(!told(.flowRemoved(Self.flow(3, 1, cookie: 0), .idleTimeout)))
        #expect(told(.flowModified(Self.flow(0, 1))))
        #expect(flows.mods == [.add(wanted)])
        #expect(told(.flowRemoved(wanted, .deleted)))
        #expect(flows.mods == [.add(wanted)])
        #expect(!told(.flowAdded(wanted)) && flows.mods == [])
        #expect(told(.flowAdded(Self.flow(0, 9))))
    }

    @Test("what somebody else does while something else is wanted is told apart from it")
    func attribution() {
        let (kept, old, new) = (Self.flow(1), Self.flow(2), Self.flow(2, 1, [.normal]))
        var flows = KeptFlows(.whole, installed: [kept, old], wanted: Self.keyed([kept, old]))
        flows.settled()
        func differences() -> [SwitchDrift] { flows.differences(of: "br.mx").map(\.drift) }
        flows.want(FlowChanges(from: [old], to: [new, Self.flow(3)]))
        let foreign = Self.flow(1, 1, [.output(9)])
        expect(flows.told(.flowModified(foreign)))
        #expect(differences().map(\.object) == ["Flow br.mx table=1"])
        #expect(differences().map(\.found) == ["\(foreign)"] && differences().map(\.wanted) == ["\(kept)"])
        #expect(flows.mods.count == 3)
        flows.done(flows.mods)
        #expect(differences() == [] && flows.mods == [])
        // What they undo themselves leaves nothing to tell.
        expect(flows.told(.flowAdded(Self.flow(9))))
        expect(!flows.told(.flowRemoved(Self.flow(9), .deleted)))
        #expect(differences() == [] && flows.mods == [])
        flows.settled()
        func read(_ installed: [Flow]) -> Bool {
            flows.changes(to: installed).reduce(false) { flows.told($1) || $0 }
        }
        // Nor does what is read again, but for what no message told.
        expect(!read([kept, new, Self.flow(3)]))
        #expect(differences() == [] && flows.mods == [])
        var flagged = kept
        flagged.flags = .sendFlowRemoved
        expect(read([flagged, new]))
        #expect(differences().map(\.object) == ["Flow br.mx table=1", "Flow br.mx table=3"])
        #expect(Set(flows.mods) == [.add(kept), .add(Self.flow(3))])
    }

    @Test("a repair of what a VM port has on br0 is one, with what it takes away of learned flows")
    func forgetting() {
        let address = EthernetAddress(rawValue: 0x02_00_00_00_00_0a)
        let flow = Flow(
            table: UplinkTable.destination.rawValue,
            priority: 100,
            Match(.vlan(7), .ethernetDestination(address)),
            cookie: FlowCookie(.vmPort(Lane(0)!, number: 3)).rawValue,
            actions: [.inPort]
        )
        var flows = KeptFlows(.own, installed: [flow], wanted: Self.keyed([flow]))
        flows.settled()
        expect(flows.told(.flowRemoved(flow, .deleted)))
        let learned = FlowFilter(table: UplinkTable.learned.rawValue, match: Match(.ethernetDestination(address)))
        #expect(flows.mods == [.add(flow), .delete(learned)])
        #expect(flows.areRepairs(flows.mods))
    }

    @Test("a claim is a port's while it may make it, late for a moment after that, and then somebody else's")
    func claims() {
        let cookie = FlowCookie(.claim(Lane(0)!, since: 3)).rawValue
        let address = EthernetAddress(rawValue: 0x02_00_00_00_00_0a)
        let table = LocalTable.claim.rawValue
        let learn = Learn.claim(
            address,
            in: .ethernetSource,
            table: table,
            cookie: cookie,
            .load(3, to: Subfield(.inPort))
        )
        let claimant = Self.flow(LocalTable.claimant.rawValue, 1, [.learn(learn)])
        func claim(_ address: EthernetAddress, _ port: UInt64 = 3) -> Flow {
            Flow(
                table: table,
                priority: Learn.claimPriority,
                Match(.vlanTCI(7, mask: 0xfff), .ethernetSource(address)),
                cookie: cookie,
                actions: [.load(port, .inPort)]
            )
        }
        var flows = KeptFlows(.whole, installed: [claimant], wanted: Self.keyed([claimant]))
        flows.settled()
        let forged = [claim(EthernetAddress(rawValue: 0x02_00_00_00_00_0b)), claim(address, 4)]
        for flow in forged {
            expect(flows.told(.flowAdded(flow)))
            #expect(flows.claimed == [] && flows.mods == [.deleteStrict(flow.key)])
            #expect(flows.differences(of: "br0.local").count == 1)
            expect(!flows.told(.flowRemoved(flow, .deleted)))
        }
        expect(!flows.told(.flowAdded(claim(address))))
        #expect(flows.claimed == [cookie] && flows.mods == [] && flows.counts.unmanaged == 0)
        expect(!flows.told(.flowRemoved(claim(address), .deleted)))
        // It goes with its maker, and is no drift even where it is told after that.
        flows.want(FlowChanges(from: [claimant], to: []))
        expect(flows.told(.flowAdded(claim(address))))
        #expect(Set(flows.mods) == [.deleteStrict(claimant.key), .deleteStrict(claim(address).key)])
        #expect(flows.differences(of: "br0.local") == [] && flows.claimed == [])
        flows.done(flows.mods)
        flows.settled()
        expect(flows.told(.flowAdded(claim(address))))
        #expect(flows.differences(of: "br0.local").count == 1)
    }

    @Test("the counts are those of the flows that are there, whatever came in between", arguments: 1...20)
    func counts(_ seed: UInt64) {
        var random = Seeded(state: seed)
        func some() -> Flow {
            let learned = FlowCookie(.learned(Lane(0)!, number: 3)).rawValue
            return Self.flow(
                random.chance(2) ? 0 : LocalTable.learnedSender.rawValue,
                UInt16.random(in: 1...4, using: &random),
                cookie: random.chance(3) ? learned : Self.cookie,
                random.chance(2) ? [.normal] : []
            )
        }
        var flows = KeptFlows(.whole, installed: [some()], wanted: Self.keyed([some()]))
        for _ in 0..<50 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0: _ = flows.told(.flowAdded(some()))
            case 1: _ = flows.told(.flowRemoved(some(), .deleted))
            case 2: flows.want(FlowChanges(from: Array(flows.wanted.values.prefix(1)), to: [some()]))
            case 3:
                let installed = [some()]
                for change in flows.changes(to: installed) { _ = flows.told(change) }
                #expect(Array(flows.installed.values) == installed)
            default: flows.done(flows.mods)
            }
            let anew = KeptFlows(.whole, installed: Array(flows.installed.values), wanted: flows.wanted)
            #expect(flows.counts == anew.counts, "seed \(seed)")
            let missing = flows.wanted.values.count { flows.installed[$0.key] != $0 }
            #expect(flows.counts.missing == missing && flows.counts.installed == flows.wanted.count - missing)
        }
    }
}
