import Glibc

/// Why a switch can't be reached or talked to, as a value to switch over and a sentence for the operator.
public enum OpenFlowError: Error, Hashable, Sendable {
    /// No attempt to connect has ended yet.
    case notConnectedYet
    /// The socket did not accept: an `errno` value of `connect(2)`.
    case unreachable(errno: Int32)
    /// The socket's path does not fit into a unix socket address (107 bytes).
    case pathTooLong
    /// The peer does not speak OpenFlow 1.4; the versions it offers as wire numbers (4 is OpenFlow 1.3), in order.
    case versionNotOffered(offered: [UInt8])
    /// The peer sent something that OpenFlow does not allow; what it was.
    case protocolViolation(String)
    /// The switch answered a request with an error.
    case refused(ErrorMessage)
    /// The switch refused one change of a bundle, and so the whole bundle: nothing has changed.
    case flowRefused(FlowMod, ErrorMessage)
    /// The switch refused these changes, one at least, and has made the others.
    case modsRefused([RefusedMod])
    /// The switch does not watch the flows that were asked for.
    case monitorRefused
    /// A change that is longer than a message can be (65535 bytes); nothing was sent.
    case tooLong(FlowMod)
    /// The same, of a change that is none of a flow.
    case modTooLong(SwitchMod)
    /// Nothing was received for this many milliseconds, not even the answer to a greeting or a probe.
    case silent(milliseconds: Int64)
    /// The peer closed the connection, as it does when the bridge or ovs-vswitchd goes; an `errno` value where the
    /// system gave one.
    case lost(errno: Int32?)
}

extension OpenFlowError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notConnectedYet:
            "not connected yet"
        case .unreachable(ECONNREFUSED):
            "connection refused (ovs-vswitchd is not running)"
        case .unreachable(ENOENT):
            "no such socket (ovs-vswitchd is not running or has not made the bridge)"
        case .unreachable(EACCES), .unreachable(EPERM):
            "permission denied (the socket belongs to the user of ovs-vswitchd)"
        case .unreachable(EAGAIN):
            "the connection queue is full (ovs-vswitchd hangs)"
        case .unreachable(let code):
            Self.text(code)
        case .pathTooLong:
            "the path is longer than a unix socket address (107 bytes)"
        case .versionNotOffered(let offered):
            "OpenFlow 1.4 is not offered (add OpenFlow14 to the bridge's protocols); offered: "
                + (offered.isEmpty ? "none" : offered.map(Self.versionName).joined(separator: ", "))
        case .protocolViolation(let what):
            "protocol violation: \(what)"
        case .refused(let error):
            "the switch refused a request: \(error)"
        case .flowRefused(let mod, let error):
            "the switch refused a flow: \(error): \(mod)"
        case .modsRefused(let refused):
            "the switch refused a change: \(refused.map { "\($0.error): \($0.mod)" }.joined(separator: "; "))"
        case .monitorRefused:
            "the switch refuses to report changes of flows (before Open vSwitch 3.0 it can't over OpenFlow 1.4)"
        case .tooLong(let mod):
            "a flow is longer than a message (65535 bytes): \(String(mod.description.prefix(200)))..."
        case .modTooLong(let mod):
            "a change is longer than a message (65535 bytes): \(String(mod.description.prefix(200)))..."
        case .silent(let milliseconds):
            "no answer for \(milliseconds) ms (ovs-vswitchd hangs)"
        case .lost(nil):
            "closed by the switch"
        case .lost(.some(let code)):
            "connection lost: \(Self.text(code))"
        }
    }

    private static func text(_ code: Int32) -> String {
        // strerror(3) is thread-safe in glibc 2.32 and newer.
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }

    private static func versionName(_ version: UInt8) -> String {
        (1...6).contains(version) ? "OpenFlow 1.\(version - 1)" : "0x\(String(version, radix: 16))"
    }
}

/// A change that the switch did not make, and why.
public struct RefusedMod: Hashable, Sendable {
    public var mod: SwitchMod
    public var error: ErrorMessage

    public init(_ mod: SwitchMod, _ error: ErrorMessage) { (self.mod, self.error) = (mod, error) }
}
