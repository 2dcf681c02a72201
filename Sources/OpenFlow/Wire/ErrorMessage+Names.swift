// What the types and codes of errors mean (OpenFlow 1.4, 7.5.4), for the reader of a log.

extension ErrorMessage: CustomStringConvertible {
    public var description: String {
        let name: String
        if let (typeName, codeNames) = Self.names[type] {
            let index = Int(code)
            let codeName = codeNames.indices.contains(index) ? codeNames[index] : "code \(code)"
            name = "\(typeName), \(codeName)"
        } else {
            name = "type \(type), code \(code)"
        }
        return text.isEmpty ? name : "\(name): \(text)"
    }

    /// By type; the names of the codes from 0 on.
    private static let names: [UInt16: (String, [String])] = [
        0: ("hello failed", ["no version in common", "not permitted"]),
        1: (
            "bad request",
            [
                "version not supported", "message type not supported", "multipart type not supported",
                "experimenter not supported", "experimenter type not supported", "not permitted", "wrong length",
                "buffer empty", "no such buffer", "no such table", "not the master", "no such port", "bad packet",
                "multipart request too long", "multipart request timed out", "multipart reply timed out",
            ]
        ),
        2: (
            "bad action",
            [
                "action not supported", "wrong length", "experimenter not supported", "experimenter type not supported",
                "no such port", "bad argument", "not permitted", "too many actions", "bad queue", "no such group",
                "inconsistent with the match", "order not supported", "tag not supported", "field not supported",
                "wrong length of a field", "bad value of a field", "mask not supported",
            ]
        ),
        3: (
            "bad instruction",
            [
                "unknown instruction", "instruction not supported", "bad table", "metadata not supported",
                "metadata mask not supported", "experimenter not supported", "experimenter type not supported",
                "wrong length", "not permitted", "duplicate instruction",
            ]
        ),
        4: (
            "bad match",
            [
                "match type not supported", "wrong length", "tag not supported", "MAC address mask not supported",
                "IP address mask not supported", "wildcards not supported", "field not supported",
                "value not supported", "mask not supported", "prerequisite missing", "duplicate field",
                "not permitted",
            ]
        ),
        5: (
            "flow mod failed",
            [
                "unknown", "table full", "no such table", "overlapping flow", "not permitted", "bad timeout",
                "bad command", "bad flags", "can't synchronise", "bad priority", "read only",
            ]
        ),
        6: (
            "group mod failed",
            [
                "group exists", "invalid group", "weights not supported", "out of groups", "out of buckets",
                "chaining not supported", "watching not supported", "loop", "unknown group", "group in use",
                "bad type", "bad command", "bad bucket", "bad watch", "not permitted",
            ]
        ),
        7: (
            "port mod failed",
            ["no such port", "wrong hardware address", "bad configuration", "bad advertisement", "not permitted"]
        ),
        8: ("table mod failed", ["no such table", "bad configuration", "not permitted"]),
        9: ("queue operation failed", ["no such port", "no such queue", "not permitted"]),
        10: ("switch config failed", ["bad flags", "bad length", "not permitted"]),
        11: ("role request failed", ["stale", "not supported", "bad role"]),
        12: (
            "meter mod failed",
            [
                "unknown", "meter exists", "invalid meter", "unknown meter", "bad command", "bad flags", "bad rate",
                "bad burst", "bad band", "bad band value", "out of meters", "out of bands",
            ]
        ),
        13: ("table features failed", []),
        14: ("bad property", []),
        15: ("async config failed", ["invalid", "not supported", "not permitted"]),
        16: (
            "flow monitor failed",
            [
                "unknown", "monitor exists", "invalid monitor", "unknown monitor", "bad command", "bad flags",
                "no such table", "bad port or group",
            ]
        ),
        17: (
            "bundle failed",
            [
                "unknown", "not permitted", "no such bundle", "bundle exists", "bundle closed", "out of bundles",
                "bad type", "bad flags", "wrong length of a message", "wrong transaction id", "message not supported",
                "conflicting messages", "too many messages", "a message failed", "timed out", "bundle in progress",
            ]
        ),
        0xffff: ("experimenter error", []),
    ]
}
