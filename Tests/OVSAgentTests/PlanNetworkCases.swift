import OVSDB
import Testing

@testable import OVSAgent

extension PlanNetworkTests {
    static let gone = "it asks for no network"

    static let cases: [NetworkCase] = [
        NetworkCase(
            testDescription: "the key comes and goes",
            steps: [
                asked(),
                .init(
                    edit: set("Interface", "external_ids=") + set("Interface", "external_ids:iface-id=vm1"),
                    changes: ["~ Port vm1: tag 27 -> 5 (\(gone))"],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a port that had no tag has none again",
            port: "port vm1\n interface vm1 external_ids:iface-id=vm1",
            steps: [
                asked(former: nil),
                .init(
                    edit: set("Interface", "external_ids=") + set("Interface", "external_ids:iface-id=vm1"),
                    forgets: true,
                    changes: ["- Port vm1: tag 27 (\(gone))"]
                ),
            ]
        ),
        NetworkCase(
            testDescription: "the key on the Port means the same",
            steps: [
                .init(
                    edit: set("Port", "\(key)=Production"),
                    changes: ["~ Port vm1: tag 5 -> 27 (network Production)"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
                .init(
                    edit: set("Port", "external_ids="),
                    changes: ["~ Port vm1: tag 27 -> 5 (\(gone))"],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a port that has the VLAN already keeps it afterwards",
            port: "port vm1 tag=27\n interface vm1 external_ids:iface-id=vm1",
            steps: [
                .init(
                    edit: set("Interface", "\(key)=Production"),
                    changes: [
                        "+ Port vm1: \(formerKey) 27 (network Production)",
                        "+ Port vm1: \(givenKey) 27 (network Production)",
                    ],
                    tag: "27",
                    former: "27",
                    given: "27"
                ),
                .init(
                    edit: set("Interface", "external_ids=") + set("Interface", "external_ids:iface-id=vm1"),
                    changes: ["- Port vm1: \(formerKey) 27 (\(gone))", "- Port vm1: \(givenKey) 27 (\(gone))"],
                    tag: "27"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a foreign tag is drift, with the agent there and after a restart",
            steps: [
                asked(),
                .init(
                    edit: set("Port", "tag=9"),
                    changes: ["~ Port vm1: tag 9 -> 27"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
                .init(
                    edit: set("Port", "tag="),
                    forgets: true,
                    changes: ["+ Port vm1: tag 27"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "notes that somebody edits are drift",
            steps: [
                asked(),
                .init(
                    edit: set("Port", "external_ids="),
                    changes: ["+ Port vm1: \(formerKey) 5", "+ Port vm1: \(givenKey) 27"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
                .init(
                    edit: set("Port", "\(formerKey)=9") + set("Port", "tag=9"),
                    changes: ["~ Port vm1: tag 9 -> 27", "~ Port vm1: \(formerKey) 9 -> 5"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
                .init(
                    edit: set("Interface", "external_ids:iface-id=vm1") + set("Port", "external_ids=")
                        + set("Interface", "\(key)=Test"),
                    changes: ["~ Port vm1: tag 27 -> 28 (network Test)"],
                    tag: "28",
                    former: "5",
                    given: "28"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "another network: the former tag stays the first one",
            steps: [
                asked(),
                .init(
                    edit: set("Interface", "\(key)=Test"),
                    changes: ["~ Port vm1: tag 27 -> 28 (network Test)"],
                    tag: "28",
                    former: "5",
                    given: "28"
                ),
                .init(
                    edit: set("Interface", "\(key)=Open"),
                    forgets: true,
                    changes: ["~ Port vm1: tag 28 -> 0 (network Open)"],
                    tag: "0",
                    former: "5",
                    given: "0"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "the network has another VLAN in the layout, and then goes, and comes back",
            steps: [
                asked(),
                .init(
                    networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 30)],
                    changes: ["~ Port vm1: tag 27 -> 30 (network Production)"],
                    tag: "30",
                    former: "5",
                    given: "30"
                ),
                .init(
                    networks: [],
                    changes: [
                        "~ Port vm1: tag 30 -> 5 (it asks for network Production, which the layout does not have: "
                            + "add it there, or set \(key) to one of the layout)"
                    ],
                    tag: "5"
                ),
                .init(
                    forgets: true,
                    changes: ["~ Port vm1: tag 5 -> 27 (network Production)"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a network of another virtual switch gives no tag, nor does one that is not there",
            steps: [
                .init(edit: set("Interface", "\(key)=Other"), changes: [], tag: "5"),
                .init(edit: set("Interface", "\(key)=Prod"), changes: [], tag: "5"),
                asked(),
                .init(
                    edit: set("Interface", "\(key)=Other"),
                    changes: [
                        "~ Port vm1: tag 27 -> 5 (it asks for network Other, which is on br7: plug it into br7.local, "
                            + "or set \(key) to a network of this virtual switch)"
                    ],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "Port and Interface that contradict each other get neither network",
            steps: [
                asked(),
                .init(
                    edit: set("Port", "\(key)=Test"),
                    changes: [
                        "~ Port vm1: tag 27 -> 5 (\(key) is Production and Test on its Port and Interface: remove one)"
                    ],
                    tag: "5"
                ),
                .init(
                    edit: set("Port", "\(key)=Production"),
                    changes: ["~ Port vm1: tag 5 -> 27 (network Production)"],
                    tag: "27",
                    former: "5",
                    given: "27"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a tag that comes together with the key's end is somebody's wish, and stays",
            steps: [
                asked(),
                .init(
                    edit: set("Interface", "external_ids=") + set("Interface", "external_ids:iface-id=vm1")
                        + set("Port", "tag=9"),
                    forgets: true,
                    changes: ["- Port vm1: \(formerKey) 5 (\(gone))", "- Port vm1: \(givenKey) 27 (\(gone))"],
                    tag: "9"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a port that is a VM's no more gets its tag back",
            steps: [
                asked(),
                .init(
                    edit: set("Interface", "external_ids=") + set("Interface", "\(key)=Production"),
                    changes: ["~ Port vm1: tag 27 -> 5 (\(gone))"],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "a port that moves to another virtual switch gets its tag back there",
            steps: [
                asked(),
                .init(
                    edit: { $0.movePort("vm1", to: "br7.local") },
                    changes: [
                        "~ Port vm1: tag 27 -> 5 (it asks for network Production, which is on br0: plug it into "
                            + "br0.local, or set \(key) to a network of this virtual switch)"
                    ],
                    tag: "5"
                ),
            ]
        ),
        NetworkCase(
            testDescription: "trunks and vlan_mode are the user's; the network is the native VLAN",
            port: "port vm1 trunks=10,20 vlan_mode=native-untagged\n interface vm1 external_ids:iface-id=vm1",
            steps: [asked(former: nil)]
        ),
        NetworkCase(
            testDescription: "a port with two interfaces, one of them a VM's",
            port: "port vm1 tag=5\n interface vm0 \(key)=Test\n interface vm1 external_ids:iface-id=vm1",
            steps: [asked()]
        ),
        NetworkCase(
            testDescription: "a port without iface-id is untouched, whatever its keys and notes say",
            port: "port vm1 tag=5 \(key)=Production\n interface vm1 \(key)=Production",
            steps: [.init(changes: [], tag: "5")]
        ),
        NetworkCase(
            testDescription: "a direct port on br0 is untouched",
            port: "port vm1 tag=5 \(formerKey)=9\n interface vm1 \(key)=Production external_ids:iface-id=vm1",
            bridge: "br0",
            steps: [.init(changes: [], tag: "5", former: "9")]
        ),
        NetworkCase(
            testDescription: "notes that can't be read are written anew, or removed without a guess",
            port: "port vm1 tag=5 \(formerKey)=x \(givenKey)=y\n interface vm1 external_ids:iface-id=vm1",
            steps: [
                .init(
                    changes: ["- Port vm1: \(formerKey) x (\(gone))", "- Port vm1: \(givenKey) y (\(gone))"],
                    tag: "5"
                ),
                .init(
                    edit: set("Port", "\(formerKey)=-7"),
                    changes: ["- Port vm1: \(formerKey) -7 (\(gone))"],
                    tag: "5"
                ),
                asked(),
            ]
        ),
    ]
}

private func + (
    first: @escaping @Sendable (inout PlanDatabase) -> Void,
    second: @escaping @Sendable (inout PlanDatabase) -> Void
) -> @Sendable (inout PlanDatabase) -> Void {
    { database in
        first(&database)
        second(&database)
    }
}
