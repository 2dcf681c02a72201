// An address with prefix length, as `ip address add` takes it: what the management bridge gets.

import Glibc

extension LayoutDecoder {
    /// An IPv4 or IPv6 address with prefix length that an interface can have; kept as written.
    mutating func interfaceAddress(_ item: Item) -> String? {
        let wanted = "an address with prefix length such as 192.168.5.1/24"
        guard let text = text(item) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ Self.addressBytes(String($0)) }) else {
            return reject(item, wanted: wanted, remedy: "write an IPv4 or IPv6 address")
        }
        let bits = address.count * 8
        guard parts.count == 2 else {
            return reject(item, wanted: wanted, remedy: "add the prefix length, such as /\(bits == 32 ? 24 : 64)")
        }
        guard let length = Int(parts[1]), String(length) == parts[1], (1...bits).contains(length) else {
            return reject(item, wanted: "a prefix length from 1 to \(bits)", remedy: "correct what follows the '/'")
        }
        if let flaw = Self.flaw(of: address, prefixLength: length) {
            return reject(item, wanted: "an address for one interface", remedy: "\(flaw); choose a host's address")
        }
        return text
    }

    /// 4 or 16 bytes; `nil` when `text` is no address.
    private static func addressBytes(_ text: String) -> [UInt8]? {
        for (family, size) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: size)
            // A NUL inside would end the text early for C.
            if !text.utf8.contains(0), inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }

    private static func flaw(of address: [UInt8], prefixLength: Int) -> String? {
        let isIPv4 = address.count == 4
        let loopback6 = [UInt8](repeating: 0, count: 15) + [1]
        if address.allSatisfy({ $0 == 0 }) { return "this one means no address" }
        if isIPv4 && address[0] == 127 || address == loopback6 { return "this is the loopback" }
        if address[0] == 0xFF || isIPv4 && address[0] >= 224 { return "this is a multicast or reserved address" }
        let bits = address.count * 8
        guard prefixLength < bits - 1 else { return nil }  // RFC 3021, RFC 6164: room for two hosts, none for a network
        let hostBits = (prefixLength..<bits).map { bit -> UInt8 in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return address[bit / 8] & mask == 0 ? 0 : 1
        }
        if !hostBits.contains(1) { return "this is the network's own address" }
        if isIPv4 && !hostBits.contains(0) { return "this is the network's broadcast address" }
        return nil
    }
}
