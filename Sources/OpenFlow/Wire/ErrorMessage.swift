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

    /// Whether the peer does not know such a request: OFPBRC_BAD_TYPE, OFPBRC_BAD_MULTIPART, or an experimenter's
    /// counterparts.
    var saysUnknownRequest: Bool { type == 1 && (1...4).contains(code) }

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
