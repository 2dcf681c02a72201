import TestSupport

@testable import OVSAgent

/// A layout that a seed brings back, and foreign rows beside it. It takes its NICs wherever they are in use, so that what
/// editors did with them before makes no difference.
struct SiegeLayout: Sendable {
    /// As a layout file has it.
    private(set) var text = "version: 1\ndatapath: dummy\nvirtualSwitches:\n"
    /// Its own names, of uplinks and NICs.
    private(set) var names: Set<String> = []
    /// Columns of rows that are ours in part for which it has a value, as `Port br0-up bond_mode`.
    private(set) var stated: Set<String> = []
    /// For ovs-vsctl: bridges and ports of others, with VMs among them.
    private(set) var foreign: [[String]] = []

    init(_ random: inout Seeded) {
        let lanes = [0, 7, 12, 999].shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)).sorted()
        for lane in lanes { addSwitch(lane, &random) }
        if random.chance(2) { text += "networks:\n  - { name: Production, virtualSwitch: vs\(lanes[0]), vlan: 27 }\n" }
        addForeignRows(lanes, &random)
    }

    private mutating func addSwitch(_ lane: Int, _ random: inout Seeded) {
        let uplink = random.chance(4) ? "bond\(lane)" : "br\(lane)-up"
        let nics = ["eth\(lane)", "eth\(lane)x"].prefix(Int.random(in: 1...2, using: &random))
        text += """
              - name: vs\(lane)
                bridge: br\(lane)

            """
        if random.chance(2) {
            text += "    hostVlan: \(Int.random(in: 0...4094, using: &random))\n"
            stated.insert("Port br\(lane) tag")
        }
        text += """
                uplink:
                  name: \(uplink)
                  nics: [\(nics.joined(separator: ", "))]
                  adopt: true

            """
        if nics.count > 1, random.chance(2) {
            text += random.chance(2) ? "      mode: balance-slb\n" : "      mode: balance-tcp\n      lacp: active\n"
            stated.formUnion(["Port \(uplink) bond_mode"])
        }
        names.formUnion(nics + [uplink])
    }

    private mutating func addForeignRows(_ lanes: [Int], _ random: inout Seeded) {
        for number in 0..<Int.random(in: 1...3, using: &random) {
            foreign.append(["add-br", "ovs\(number)"])
            for port in 0..<Int.random(in: 0...3, using: &random) {
                foreign.append(["add-port", "ovs\(number)", "tap\(number)\(port)", "tag=\(port + 1)"])
            }
        }
        // A host that an installer set up, with a port of its own beside.
        if random.chance(2) {
            let bridge = "br\(lanes[0])"
            foreign.append(["add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=dummy"])
            foreign.append(["add-port", bridge, "direct0", "tag=4"])
        }
    }
}
