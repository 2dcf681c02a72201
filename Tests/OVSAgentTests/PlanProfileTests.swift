import Testing

@testable import OVSAgent

/// VM ports that name their network by `port-profile`, the one word that libvirt's XML has for it.
@Suite("A plan for VM ports with a profile")
struct PlanProfileTests {
    private typealias Life = PlanNetworkTests
    private static let profile = "external_ids:port-profile"
    private static let stranger = "its profile names no network of the layout"

    static let cases: [NetworkCase] = [
        NetworkCase(
            testDescription: "a profile that is a network's name gives its tag, and gives it back when it goes",
            steps: [
                given("Production", 27),
                .init(
                    edit: Life.set("Interface", "external_ids=iface-id=vm1"),
                    forgets: true,
                    changes: ["~ Port vm1: tag 27 -> 5 (\(Life.gone))"],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a profile that is no network's name asks for nothing",
            steps: [
                .init(edit: Life.set("Interface", "\(profile)=OpenStack"), changes: [], tag: "5"),
                .init(
                    networks: Life.networks + [.init(name: "OpenStack", virtualSwitch: "vs0", vlan: 31)],
                    changes: ["~ Port vm1: tag 5 -> 31 (network OpenStack)"],
                    tag: "31",
                    former: "5",
                    given: "31"
                ),
                .init(changes: ["~ Port vm1: tag 31 -> 5 (\(stranger))"], tag: "5"),
            ]
        ),
        NetworkCase(
            testDescription: "the network's own key wins, known or not",
            steps: [
                given("Production", 27),
                .init(
                    edit: Life.set("Interface", "\(Life.key)=Test"),
                    changes: ["~ Port vm1: tag 27 -> 28 (network Test)"],
                    tag: "28",
                    former: "5",
                    given: "28"
                ),
                .init(
                    edit: Life.set("Interface", "\(Life.key)=Prod"),
                    changes: [
                        "~ Port vm1: tag 28 -> 5 (it asks for network Prod, which the layout does not have: add it "
                            + "there, or set \(Life.key) to one of the layout)"
                    ],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a profile of another virtual switch's network is refused as the key would be",
            steps: [
                given("Production", 27),
                .init(
                    edit: Life.set("Interface", "\(profile)=Other"),
                    changes: [
                        "~ Port vm1: tag 27 -> 5 (it asks for network Other, which is on br7: plug it into br7.local, "
                            + "or set \(Life.key) to a network of this virtual switch)"
                    ],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "the Port's own profile says nothing, nor does that of an interface that is no VM's",
            port: "port vm1 tag=5 \(profile)=Test\n interface vm0 \(profile)=Test\n"
                + " interface vm1 external_ids:iface-id=vm1",
            steps: [.init(changes: [], tag: "5"), given("Production", 27)]
        ),
    ]

    private static func given(_ network: String, _ vlan: Int) -> NetworkCase.Step {
        .init(
            edit: Life.set("Interface", "\(profile)=\(network)"),
            changes: ["~ Port vm1: tag 5 -> \(vlan) (network \(network))"],
            tag: "\(vlan)",
            former: "5",
            given: "\(vlan)"
        )
    }

    @Test("gives, keeps and gives back the tag", arguments: cases)
    func life(_ test: NetworkCase) throws { try PlanNetworkTests().life(test) }

    @Test("a profile that names no network is told for as long as it stands, port by port")
    func unknown() throws {
        var database = PlanDatabase()
        database.reconcile(Life.layout())
        for name in ["vm10", "vm2"] {
            database.addPorts("br0.local", "port \(name)\n interface \(name) external_ids:iface-id=\(name)")
            database.set("Interface", name, "\(Self.profile)=OpenStack")
        }
        var provenance = Provenance()
        var planner = RowPlanner(layout: Life.layout(), schema: PlanSchema.followed)
        func told() -> [String] {
            #expect(planner.plan(database.replica, provenance: &provenance).isEmpty)
            return planner.unknownProfiles.values.map { "\($0.port) \($0.profile)" }.sorted()
        }
        #expect(told() == ["vm10 OpenStack", "vm2 OpenStack"])
        let port = try #require(database.uuid("Port", "vm10"))
        database.set("Interface", "vm10", "\(Self.profile)=Neutron")
        #expect(told() == ["vm10 OpenStack", "vm2 OpenStack"])
        planner.noticed([port])
        #expect(told() == ["vm10 Neutron", "vm2 OpenStack"])
        database.remove("Port", "vm10")
        planner.noticed([port])
        #expect(told() == ["vm2 OpenStack"])
    }

    @Test("who undoes a foreign tag says which network it is of")
    func note() throws {
        var database = PlanDatabase()
        database.reconcile(Life.layout())
        database.addPorts("br0.local", "port vm1 tag=5\n interface vm1 external_ids:iface-id=vm1")
        database.set("Interface", "vm1", "\(Self.profile)=Production")
        var provenance = Provenance()
        let plan = database.plan(Life.layout(), provenance: &provenance)
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(database.plan(Life.layout(), provenance: &provenance).isEmpty)
        // As virsh update-device does it, and without the notes beside it.
        database.set("Port", "vm1", "tag=99")
        database.set("Port", "vm1", "external_ids=")
        let changes = database.plan(Life.layout(), provenance: &provenance).changes
        #expect(changes.map(\.column).contains("tag"))
        #expect(changes.allSatisfy { $0.note == "network Production" && $0.answer == nil })
    }
}
