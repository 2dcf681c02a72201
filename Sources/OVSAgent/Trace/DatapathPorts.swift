/// The ports that ovs-vswitchd has now, with both of their numbers: what `dpif/show` prints (ovs-vswitchd(8)).
struct DatapathPorts: Hashable, Sendable {
    private(set) var ports: [Port] = []

    struct Port: Hashable, Sendable {
        /// As `dpif/show` calls it, such as `system@ovs-system`: the numbers of one datapath say nothing in another.
        var datapath: String
        var bridge: String
        var name: String
        /// On its bridge.
        var number: UInt32
        /// In the datapath; patch ports have none.
        var datapathNumber: UInt32?
        /// Of a patch port, the other end's name.
        var peer: String?
    }

    init(_ text: String) {
        var datapath = ""
        var bridge = ""
        for line in text.split(separator: "\n") {
            switch line.prefix(while: { $0 == " " }).count {
            case 0: datapath = line.firstIndex(of: ":").map { String(line[..<$0]) } ?? ""
            case 2: bridge = String(line.trimmingBlanks.dropLast())
            default: if let port = Port(line, on: bridge, datapath) { ports.append(port) }
            }
        }
    }

    func port(_ name: String, on bridge: String) -> Port? { ports.first { $0.name == name && $0.bridge == bridge } }

    func port(number: UInt32, on bridge: String) -> Port? { ports.first { $0.number == number && $0.bridge == bridge } }

    func port(datapathNumber: UInt32, in datapath: String) -> Port? {
        ports.first { $0.datapathNumber == datapathNumber && $0.datapath == datapath }
    }
}

extension DatapathPorts.Port {
    /// `eth0 1/3: (system)` or `br0.dmx 40000/none: (patch: peer=br0.dmx.n)`.
    fileprivate init?(_ line: Substring, on bridge: String, _ datapath: String) {
        let words = line.trimmingBlanks.split(separator: " ")
        guard words.count >= 2, words[1].last == ":" else { return nil }
        let numbers = words[1].dropLast().split(separator: "/")
        guard numbers.count == 2, let number = UInt32(numbers[0]) else { return nil }
        let options = words.dropFirst(2).flatMap { $0.split { "(),".contains($0) } }
        self.init(
            datapath: datapath,
            bridge: bridge,
            name: String(words[0]),
            number: number,
            datapathNumber: UInt32(numbers[1]),
            peer: options.lazy.compactMap { String($0).after("peer=") }.first
        )
    }
}
