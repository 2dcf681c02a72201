import JSONRPC
import OVSDB

/// The devices that ovs-vswitchd listens to behind VM ports, by the kernel's number for each: a pure value.
///
/// The userspace datapath goes on with a device that is deleted and made again under its name, and the row then looks as
/// before, link and all, while no frame passes. The row's number of the device tells, to whoever knew the former one; an
/// agent that begins asks the kernel, which knows what ovs-vswitchd listens to (``PacketSockets``).
struct VMDevices: Hashable, Sendable {
    private struct Port: Hashable, Sendable {
        /// What ovs-vswitchd numbers the port: with another number it was opened anew.
        var number: UInt16
        /// What the row says now.
        var device: Int64
        /// What ovs-vswitchd listens to, as far as that is known.
        var heard: Int64?

        var isDeaf: Bool { heard != device }
    }

    /// By the rows of their interfaces.
    private var ports: [UUID: Port] = [:]
    /// The ports whose device is another one than ovs-vswitchd listens to.
    private(set) var deaf: Set<UUID> = []

    /// Looks at rows that came, changed or went; gives the devices, by row, that the kernel is to be asked about.
    mutating func look(at rows: [UUID: VMPortRow?]) -> [UUID: Int64] {
        var asked: [UUID: Int64] = [:]
        for (uuid, row) in rows {
            guard let row, let number = row.number else {
                ports[uuid] = nil
                deaf.remove(uuid)
                continue
            }
            // Gone for a moment, perhaps.
            guard let device = row.device else { continue }
            guard var port = ports[uuid], port.number == number else {
                // It has its number when it is open.
                note(Port(number: number, device: device, heard: device), uuid)
                continue
            }
            guard port.device != device else { continue }
            port.device = device
            note(port, uuid)
            if port.isDeaf { asked[uuid] = device }
        }
        return asked
    }

    /// All that there is to ask about.
    var all: [UUID: Int64] { ports.mapValues(\.device) }

    /// The kernel told which devices ovs-vswitchd listens to, asked about these. Gives the ports of which something else is
    /// known now.
    mutating func compare(_ asked: [UUID: Int64], listening: Set<Int64>) -> Set<UUID> {
        let former = deaf
        for (uuid, device) in asked {
            guard var port = ports[uuid], port.device == device else { continue }
            if listening.contains(device) { port.heard = device } else if !port.isDeaf { port.heard = nil }
            note(port, uuid)
        }
        return former.symmetricDifference(deaf)
    }

    private mutating func note(_ port: Port, _ uuid: UUID) {
        ports[uuid] = port
        if port.isDeaf { deaf.insert(uuid) } else { deaf.remove(uuid) }
    }

    /// ovs-vswitchd was started anew, so it has opened what there is. Gives the ports that it did not listen to until then.
    mutating func openedAnew() -> Set<UUID> {
        let former = deaf
        for uuid in former {
            guard let port = ports[uuid] else { continue }
            ports[uuid]?.heard = port.device
        }
        deaf = []
        return former
    }

    /// Forgets all but these.
    mutating func keep(_ rows: some Collection<UUID>) {
        let known = Set(rows)
        ports = ports.filter { known.contains($0.key) }
        deaf.formIntersection(known)
    }
}
