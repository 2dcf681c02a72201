import NIOCore
import OpenFlow

/// Announcements on the wire of a VM that is present here: it has moved there, unless its port here spoke a moment before.
/// Then the announcement may be that frame's echo.
extension ChainKeeper {
    /// Whoever has not spoken for so long may be elsewhere: seconds.
    private static let silence = 1
    /// How long an address that was judged is left alone: whoever floods the wire with announcements of it costs no more.
    private static let pauseBetween = TimeAmount.milliseconds(200)

    /// An address of a lane.
    struct Judgement: Hashable, Sendable {
        var lane: Lane
        var address: EthernetAddress
    }

    /// brN has marked that a frame announced an address of this host.
    func announced(_ bridge: String, _ mark: Flow) {
        guard let lane = Lane(uplinkBridge: bridge), let announcement = Announcement(mark),
            !judged.contains(Judgement(lane: lane, address: announcement.address)),
            present(announcement, on: lane) != nil, let member = ports[bridge]?[number: announcement.inPort]?.name
        else { return }
        tell(.announced(announcement, lane, member: member))
    }

    /// Such a frame came by a member that brN takes it from.
    func consider(_ announcement: Announcement, on lane: Lane, by member: String) {
        guard let port = present(announcement, on: lane),
            judged.insert(Judgement(lane: lane, address: announcement.address)).inserted
        else { return }
        FlowAges.idleSeconds(
            socketPath: "\(openFlowFolder)/\(lane.localBridge).mgmt",
            table: LocalTable.source.rawValue,
            cookie: FlowCookie(.vmPort(lane, number: port.number)).rawValue,
            on: eventLoop
        ).whenComplete { result in
            self.assumeIsolated { $0.judge(announcement, on: lane, by: member, of: port, result) }
        }
    }

    private func judge(
        _ announcement: Announcement,
        on lane: Lane,
        by member: String,
        of port: VMPort,
        _ idle: Result<Int?, any Error>
    ) {
        let judgement = Judgement(lane: lane, address: announcement.address)
        guard present(announcement, on: lane) == port, let kept = bridges[lane.uplinkBridge] else {
            judged.remove(judgement)
            return
        }
        guard case .success(let seconds?) = idle, seconds >= Self.silence,
            let (uuid, row) = vmPorts.first(where: { $0.value.lane == lane && $0.value.name == port.name })
        else {
            eventLoop.scheduleTask(in: Self.pauseBetween) { self.assumeIsolated { $0.forgetMarks(of: judgement) } }
            return
        }
        judged.remove(judgement)
        let former = claims
        guard claims.moved(uuid) else { return }
        noteClaims(since: former)
        compile()
        // The guard has kept the announcement from those who wait for it.
        let packets = announcement.frame.map { [PacketOut($0, from: announcement.inPort, actions: [.normal])] } ?? []
        kept.connection.apply(packets.map { .packet($0) }).whenComplete { _ in
            self.assumeIsolated { $0.tellOf(row, .moved("on the wire, by \(member)")) }
        }
    }

    /// So that the next announcement is marked anew.
    private func forgetMarks(of judgement: Judgement) {
        judged.remove(judgement)
        guard resolved != nil else { return }
        let marks = FlowFilter(
            table: UplinkTable.announced.rawValue,
            match: Match(.ethernetSource(judgement.address))
        )
        bridges[judgement.lane.uplinkBridge]?.connection.commit([.delete(marks)]).whenFailure { _ in }
    }

    /// The port that the announced address is present on.
    private func present(_ announcement: Announcement, on lane: Lane) -> VMPort? {
        resolved?.first { $0.lane == lane }?.vmPorts.first { port in
            port.address == announcement.address && port.presence.isPresent
                && port.vlans.all?.contains(announcement.vlan) ?? true
        }
    }
}
