import NIOCore
import OVSDB
import OpenFlow

/// What ovs-vswitchd has said of each bridge that is wanted, and which configuration it has taken: a pure value.
struct SwitchStanding: Sendable {
    struct Bridge: Hashable, Sendable {
        var state: SwitchConnection.State
        /// How many flows it has; `nil` before they are as wanted, on this connection and for what is served now.
        var flows: FlowCounts?
        /// Somebody else's flows on a brN that come before ours.
        var foreign: ForeignFlows.Summary?
        /// Why it does not take its flows.
        var failure: String?
        /// Whether it reports no changes of flows.
        var isUnwatched = false
        /// Whether somebody did what makes ovs-vswitchd forget its flows, once it has taken that.
        var isFlushed = false

        /// Why it is out of reach, if it is.
        var outage: SwitchConnection.Outage? {
            if case .down(let outage) = state { outage } else { nil }
        }
    }

    private(set) var bridges: [String: Bridge] = [:]
    /// Whether it has done what was written, in its time.
    var application: Application
    /// Which process it is.
    var watch = SwitchWatch()
    /// What it is being asked for over its control socket.
    var requested: Set<ActiveMembers.Request> = []
    /// Which of its times to serve the keeper answers for: what was told of an earlier one says nothing of this one.
    private(set) var service = 0
    /// The `next_cfg` of our last transaction, which `cur_cfg` has to reach.
    var awaitedConfiguration: Int64?
    /// `cur_cfg` as last seen.
    private var seenConfiguration: Int64?

    init(now: NIODeadline) { application = Application(now: now) }

    subscript(name: String) -> Bridge? { bridges[name] }

    var flows: [String: FlowCounts] { bridges.compactMapValues(\.flows) }
    var outages: [String: SwitchConnection.Outage] { bridges.compactMapValues(\.outage) }
    var isAnyOut: Bool { bridges.values.contains { $0.outage != nil } }

    /// Follows these bridges and no others; gives those that it no longer does, or `nil` where they are those of before.
    mutating func follow(_ wanted: some Collection<String>) -> [String]? {
        // After a repair, as after nearly everything, nothing is new.
        if wanted.count == bridges.count, wanted.allSatisfy({ bridges.index(forKey: $0) != nil }) { return nil }
        let wanted = Set(wanted)
        let gone = bridges.keys.filter { !wanted.contains($0) }
        for bridge in gone { bridges[bridge] = nil }
        for bridge in wanted where bridges[bridge] == nil {
            bridges[bridge] = Bridge(state: .down(.init(socketName: "\(bridge).mgmt", error: .notConnectedYet)))
        }
        return gone
    }

    /// The keeper serves other lanes from now on, or none: it tells anew of every bridge.
    mutating func serveAnew() -> Int {
        for bridge in bridges.keys { bridges[bridge]?.flows = nil }
        service += 1
        return service
    }

    /// What is known of a bridge's switch. Says whether the bridge is one of ours.
    mutating func heard(_ state: SwitchConnection.State, of bridge: String) -> Bool {
        guard bridges[bridge] != nil else { return false }
        bridges[bridge]?.state = state
        guard case .down = state else { return true }
        bridges[bridge]?.flows = nil
        bridges[bridge]?.foreign = nil
        bridges[bridge]?.isUnwatched = false
        return true
    }

    /// What changed by the word that a bridge has its flows.
    struct Served: Hashable, Sendable {
        /// Whether it had none, as far as was known.
        var isFirst: Bool
        /// Whether it did not take them before.
        var hadFailed: Bool
    }

    /// A bridge has its flows. `nil` for one that is none of ours, and for what an earlier service was told.
    mutating func has(
        _ counts: FlowCounts,
        _ foreign: ForeignFlows.Summary,
        on bridge: String,
        service: Int
    ) -> Served? {
        guard service == self.service, let former = bridges[bridge] else { return nil }
        bridges[bridge]?.flows = counts
        bridges[bridge]?.foreign = foreign
        bridges[bridge]?.failure = nil
        return Served(isFirst: former.flows == nil, hadFailed: former.failure != nil)
    }

    /// A bridge does not take its flows. Says whether that is news.
    mutating func refuses(_ reason: String, on bridge: String) -> Bool {
        guard let former = bridges[bridge], former.failure != reason else { return false }
        bridges[bridge]?.failure = reason
        return true
    }

    /// A bridge's switch reports no changes of flows.
    mutating func noteUnwatched(_ bridge: String) { bridges[bridge]?.isUnwatched = true }

    /// Somebody did to these bridges what makes ovs-vswitchd forget their flows.
    mutating func noteFlushed(_ names: [String]) {
        for name in names { bridges[name]?.isFlushed = true }
    }

    /// The bridges whose flows may have gone since.
    var flushed: [String] { bridges.filter(\.value.isFlushed).map(\.key) }

    /// Those flows went when ovs-vswitchd took the edit and our answer to it, which it has.
    mutating func lookedAtFlushed() {
        for bridge in bridges.keys { bridges[bridge]?.isFlushed = false }
    }

    /// Whether ovs-vswitchd has taken a configuration since this was asked last.
    mutating func isNew(_ configuration: Int64?) -> Bool {
        defer { seenConfiguration = configuration }
        return configuration != seenConfiguration
    }

    /// The agent ends: there is nothing to follow.
    mutating func leave() { bridges = [:] }
}
