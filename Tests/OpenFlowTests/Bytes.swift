import NIOCore

@testable import OpenFlow

/// Bytes as a reader of the specification writes them, and the switch's side of a conversation.
extension ByteBuffer {
    /// Hexadecimal digits; white space is for the reader.
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        self.init(bytes: stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
    }

    var hex: String { hexDump(format: .compact) }
}

extension Frame {
    init(version: UInt8 = 5, _ type: MessageType, xid: UInt32 = 0, _ hex: String = "") {
        self.init(version: version, type: type, xid: xid, body: ByteBuffer(hex: hex))
    }

    static let hello = Frame(.hello, "0001 0008 00000020")

    static func features(xid: UInt32) -> Frame {
        Frame(.featuresReply, xid: xid, "0000 0a1b2c3d4e5f 00000000 fe 00 0000 0000004f 00000000")
    }

    static func configuration(xid: UInt32, fragments: UInt16 = 0) -> Frame {
        Frame(.configurationReply, xid: xid, hex(fragments, 4) + "0000")
    }

    static func ports(xid: UInt32, more: Bool = false, _ ports: [(UInt32, String)]) -> Frame {
        let body = ports.map { portBytes($0.0, $0.1) }.joined()
        return Frame(.multipartReply, xid: xid, "000d \(more ? "0001" : "0000") 00000000" + body)
    }

    static func aggregate(xid: UInt32, flows: UInt32) -> Frame {
        Frame(.multipartReply, xid: xid, "0002 0000 00000000" + hex(0, 16) + hex(0, 16) + hex(flows, 8) + "00000000")
    }

    static func portStatus(_ change: IncomingMessage.PortChange, _ number: UInt32, _ name: String) -> Frame {
        Frame(.portStatus, hex(change.rawValue, 2) + "00000000000000" + portBytes(number, name))
    }

    /// A port with an Ethernet property, as Open vSwitch sends it: 72 bytes.
    private static func portBytes(_ number: UInt32, _ name: String) -> String {
        let nameBytes = name.utf8.map { hex($0, 2) }.joined()
        return hex(number, 8) + "0048 0000 0a0b0c0d0e0f 0000"
            + nameBytes + String(repeating: "00", count: 16 - name.utf8.count) + "00000000 00000004"
            + "0000 0020 00000000" + String(repeating: "00000000", count: 6)
    }

    private static func hex(_ value: some BinaryInteger, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }
}

extension EthernetAddress {
    /// Of the ports in ``Frame``.
    static let test = EthernetAddress(rawValue: 0x0a0b_0c0d_0e0f)
}
