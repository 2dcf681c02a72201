import NIOCore

/// The error that a peer answers a request with (OpenFlow 1.4, 7.5.4).
public struct ErrorMessage: Hashable, Sendable {
    public var type: UInt16
    public var code: UInt16
    /// What the peer said in words, which only a failed greeting does; otherwise empty.
    public var text: String

    public init(type: UInt16, code: UInt16, text: String = "") {
        self.type = type
        self.code = code
        self.text = text
    }

    /// A greeting that failed because the two sides share no version.
    static let helloFailed: UInt16 = 0
    static let incompatible: UInt16 = 0

    init(decoding body: ByteBuffer) throws(OpenFlowError) {
        var body = body
        guard let (type, code) = body.readMultipleIntegers(as: (UInt16, UInt16).self) else {
            throw .protocolViolation("an error message of \(body.readableBytes) bytes")
        }
        // Every other error carries the first bytes of the message it is about.
        let text = type == Self.helloFailed ? body.readString(length: body.readableBytes) ?? "" : ""
        self.init(type: type, code: code, text: text)
    }
}

extension ErrorMessage: CustomStringConvertible {
    public var description: String {
        let typeName = Self.typeNames[type] ?? "type \(type)"
        let codeName: String? =
            switch type {
            case 0: Self.helloCodes[code]
            case 1: Self.requestCodes[code]
            default: nil
            }
        let name = "\(typeName), \(codeName ?? "code \(code)")"
        return text.isEmpty ? name : "\(name): \(text)"
    }

    private static let typeNames: [UInt16: String] = [
        0: "hello failed", 1: "bad request", 2: "bad action", 3: "bad instruction", 4: "bad match",
        5: "flow mod failed", 6: "group mod failed", 7: "port mod failed", 8: "table mod failed",
        9: "queue operation failed", 10: "switch config failed", 11: "role request failed",
        12: "meter mod failed", 13: "table features failed", 14: "bad property", 15: "async config failed",
        16: "flow monitor failed", 17: "bundle failed", 0xffff: "experimenter error",
    ]

    private static let helloCodes: [UInt16: String] = [0: "no version in common", 1: "not permitted"]

    private static let requestCodes: [UInt16: String] = [
        0: "version not supported", 1: "message type not supported", 2: "multipart type not supported",
        3: "experimenter not supported", 4: "experimenter type not supported", 5: "not permitted",
        6: "wrong length", 9: "no such table", 11: "no such port", 13: "multipart request too long",
    ]
}
