import JSONRPC

/// How VM ports that were taken off the chain are kept for a restart, since nothing else on the host tells of them: one JSON
/// list, strict.
extension MisplacedVM {
    static func bytes(of vms: [MisplacedVM]) -> [UInt8] { Array((JSON.array(vms.map(\.json)).text() + "\n").utf8) }

    /// `nil` for what ``bytes(of:)`` does not write.
    static func all(in bytes: [UInt8]) -> [MisplacedVM]? {
        guard let entries = (try? JSON(parsing: bytes))?.array else { return nil }
        let vms = entries.compactMap(MisplacedVM.init)
        return vms.count == entries.count ? vms : nil
    }

    private var json: JSON {
        func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }
        return [
            "name": .string(name), "bridge": .string(bridge), "interfaceId": .string(interfaceID), "mac": text(mac),
            "vm": text(vm), "vmName": text(vmName), "lanes": .array(lanes.map { .integer(Int64($0.number)) }),
        ]
    }

    private init?(_ json: JSON) {
        guard let name = json["name"]?.string, let bridge = json["bridge"]?.string,
            let interfaceID = json["interfaceId"]?.string, let numbers = json["lanes"]?.array
        else { return nil }
        let lanes = numbers.compactMap { $0.integer.flatMap { Lane(Int($0)) } }
        guard lanes.count == numbers.count else { return nil }
        self.init(
            name: name,
            bridge: bridge,
            interfaceID: interfaceID,
            mac: json["mac"]?.string,
            vm: json["vm"]?.string,
            vmName: json["vmName"]?.string,
            lanes: lanes
        )
    }
}
