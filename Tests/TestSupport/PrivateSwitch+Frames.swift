import Glibc
import NIOPosix
import Synchronization

// Frames into the dummy datapath and out of it, without a NIC and without waiting for one.

/// Every frame that a switch sends out of some of its ports.
public final class FrameCapture: Sendable {
    private let ovs: PrivateSwitch
    /// Up to where each port's file has been read.
    private let positions: Mutex<[String: Int]>

    /// From now on, of these interfaces; all of them exist.
    public init(_ ovs: PrivateSwitch, of interfaces: [String]) async throws {
        self.ovs = ovs
        positions = Mutex(Dictionary(uniqueKeysWithValues: interfaces.map { ($0, 0) }))
        let settings = interfaces.flatMap { ["--", "set", "interface", $0, option(of: $0)] }
        try await ovs.tool("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--timeout=20"] + settings)
    }

    /// What an interface needs that is made anew under the name of a captured one.
    public func option(of interface: String) -> String { "options:tx_pcap=\(Self.path(ovs, interface))" }

    /// Lets frames into a port one after the other, and returns what left by which port because of them. Ports where
    /// nothing left are not mentioned.
    ///
    /// - Parameter forgets: every decision that the datapath keeps is dropped afterwards, so that the next frame meets
    ///   the flow tables as they are then, with what was learned.
    public func send(
        _ frames: EthernetFrame...,
        into port: String,
        forgets: Bool = true
    ) async throws -> [String: [EthernetFrame]] {
        try await send(frames, into: port, forgets: forgets)
    }

    public func send(
        _ frames: [EthernetFrame],
        into port: String,
        forgets: Bool = true
    ) async throws -> [String: [EthernetFrame]] {
        try await ovs.tool("ovs-appctl", ["netdev-dummy/receive", port] + frames.map(\.hexadecimal))
        // ovs-vswitchd's main loop answers requests and runs the dummy datapath in turn, and takes one connection's
        // requests at a time: when it answers the next caller, the frames have left.
        try await ovs.tool("ovs-appctl", [forgets ? "revalidator/purge" : "version"])
        return try await PrivateSwitch.threads.runIfActive { try self.read() }
    }

    /// Lets what has left so far count for nothing.
    public func forget() async throws { _ = try await PrivateSwitch.threads.runIfActive { try self.read() } }

    private func read() throws -> [String: [EthernetFrame]] {
        try positions.withLock { positions in
            var arrivals: [String: [EthernetFrame]] = [:]
            for (name, position) in positions {
                let bytes = try Self.contents(Self.path(ovs, name))
                // pcap-savefile(5): 24 bytes once, then 16 before each frame, with its length at offset 8.
                var next = max(position, 24)
                while next + 16 <= bytes.count {
                    let length = bytes[next + 8..<next + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
                    let start = next + 16
                    guard start + length <= bytes.count else { break }
                    arrivals[name, default: []].append(EthernetFrame(bytes: Array(bytes[start..<start + length])))
                    next = start + length
                }
                positions[name] = next
            }
            return arrivals
        }
    }

    private static func path(_ ovs: PrivateSwitch, _ name: String) -> String { "\(ovs.runFolder)/\(name).pcap" }

    private static func contents(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw PrivateSwitchError.system("open \(path)", errno) }
        defer { close(file) }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count > 0 else { return contents }
            contents += buffer[..<count]
        }
    }
}
