import OpenFlow

/// The flows of one bridge as the switch has them, kept up by what it tells, beside those that are wanted: a pure value
/// that says what has to be changed.
struct KeptFlows: Hashable, Sendable {
    /// Whose the flows of a bridge are.
    enum Ownership: Hashable, Sendable {
        /// All flows are the agent's: a chain bridge and brN.local.
        case whole
        /// Those with its cookies and in its tables: brN, which is the operator's otherwise.
        case own
    }

    let ownership: Ownership
    private(set) var installed: [Flow.Key: Flow]
    private(set) var wanted: [Flow.Key: Flow]
    /// Where the two may differ: all else is known to be as it should.
    private var doubtful: Set<Flow.Key>
    /// Those of them that somebody else made differ, and not what is wanted.
    private var tampered: Set<Flow.Key> = []
    private var missing = 0
    private var unmanaged = 0
    /// On a brN, what others put before our own.
    private(set) var foreign = ForeignFlows()
    /// What makes claims, of the flows that are wanted, and the claims that are installed: both by the claims' cookie.
    private var claimants: [UInt64: [Learn]] = [:]
    private var claims: [UInt64: Set<Flow.Key>] = [:]
    /// What made claims until it was changed, which the switch may have yet to do: theirs may still be told.
    private var formerClaimants: [UInt64: [Learn]] = [:]

    /// - Parameters:
    ///   - installed: all flows of the bridge.
    ///   - wanted: all that are wanted.
    init(_ ownership: Ownership, installed: [Flow], wanted: [Flow.Key: Flow]) {
        self.ownership = ownership
        self.installed = Dictionary(installed.map { ($0.key, $0) }) { $1 }
        self.wanted = wanted
        doubtful = []
        for flow in wanted.values { for learn in flow.claims { claimants[learn.cookie, default: []].append(learn) } }
        for flow in self.installed.values { noteClaim(flow, at: flow.key, isThere: true) }
        if ownership == .own { for (key, flow) in wanted { _ = foreign.own(flow, at: key) } }
        for (key, flow) in wanted { differs(key, self.installed[key], from: flow) }
        for (key, flow) in self.installed where wanted[key] == nil { differs(key, flow, from: nil) }
    }

    /// Counts a flow that is read, and notes whether it has to be changed.
    private mutating func differs(_ key: Flow.Key, _ flow: Flow?, from wanted: Flow?) {
        count(flow, wanted, at: key, 1)
        if flow != wanted { doubtful.insert(key) }
    }

    /// Something else is wanted.
    mutating func want(_ changes: FlowChanges) {
        for key in changes.removed { want(nil, at: key) }
        for flow in changes.added { want(flow, at: flow.key) }
    }

    private mutating func want(_ flow: Flow?, at key: Flow.Key) {
        count(key, -1)
        let learns = (old: wanted[key]?.claims ?? [], new: flow?.claims ?? [])
        wanted[key] = flow
        count(key, 1)
        doubtful.insert(key)
        // A claim that nothing makes any more goes in the same bundle as what made it.
        if learns.old != learns.new { wantClaims(learns.old, learns.new) }
        // Other ports have flows of ours now: what stands before those is another question for each.
        if ownership == .own, foreign.own(flow, at: key) { noteForeign() }
    }

    /// These ports are the controller VM's, by number. Says whether that is news.
    mutating func know(controllers: Set<UInt32>) -> Bool {
        guard ownership == .own, foreign.controllers != controllers else { return false }
        foreign.controllers = controllers
        noteForeign()
        return true
    }

    private mutating func noteForeign() {
        foreign.removeAll()
        for (key, flow) in installed where wanted[key] == nil { noteForeign(flow) }
    }

    private mutating func wantClaims(_ old: [Learn], _ new: [Learn]) {
        let touched = Set((old + new).map(\.cookie)).reduce(into: Set<Flow.Key>()) { $0.formUnion(claims[$1] ?? []) }
        for key in touched { count(key, -1) }
        for learn in old {
            claimants[learn.cookie]?.removeAll { $0 == learn }
            formerClaimants[learn.cookie, default: []].append(learn)
        }
        for learn in new { claimants[learn.cookie, default: []].append(learn) }
        for cookie in Set(old.map(\.cookie)) where claimants[cookie]?.isEmpty == true { claimants[cookie] = nil }
        for key in touched { count(key, 1) }
        doubtful.formUnion(touched)
    }

    /// The cookies of the claims that VM ports made by speaking.
    var claimed: Set<UInt64> {
        Set(claims.filter { $0.value.contains { key in installed[key].map(isLearned) == true } }.keys)
    }

    /// What brings the bridge to what is wanted: add first, delete last. A flow that is as it should be is not touched,
    /// so that its counters go on; what `learn()` made stays. It costs what is in doubt.
    ///
    /// On a bridge without any, long lists come afterwards, by a commit of their own: there may be thousands, and without
    /// them only their own ports lack frames. Once there are some, their bits change together with who asks for them.
    var mods: [FlowMod] { mods(except: []) }

    /// The same without what tables need that are to be left as they are.
    func mods(except tables: Set<UInt8>) -> [FlowMod] {
        let all = allMods(except: tables)
        guard all.contains(where: \.addsToList), !all.allSatisfy(\.addsToList),
            !installed.keys.contains(where: { Self.listTables.contains($0.table) })
        else { return all }
        return all.filter { !$0.addsToList }
    }

    private func allMods(except tables: Set<UInt8>) -> [FlowMod] {
        var added: [FlowMod] = []
        var deleted: [FlowMod] = []
        for key in doubtful where !tables.contains(key.table) {
            if let flow = wanted[key] {
                guard installed[key] != flow else { continue }
                added.append(.add(flow))
                if let forgetting = FlowMod.forgetting(flow) { deleted.append(forgetting) }
            } else if let flow = installed[key], isUnwanted(flow) {
                deleted.append(.deleteStrict(key))
            }
        }
        return added + deleted
    }

    /// Whether nothing of this is wanted for another reason than that somebody else changed it.
    func areRepairs(_ mods: [FlowMod]) -> Bool {
        mods.allSatisfy { mod in
            switch mod {
            case .add(let flow), .modifyStrict(let flow): tampered.contains(flow.key)
            case .deleteStrict(let key, _): tampered.contains(key)
            // Comes with a flow that is added.
            case .delete: true
            }
        }
    }

    /// Nothing differs any more.
    mutating func settled() {
        doubtful = []
        tampered = []
        formerClaimants = [:]
    }

    /// The flows that are ours and there.
    var counts: FlowCounts {
        FlowCounts(installed: wanted.count - missing, missing: missing, unmanaged: unmanaged)
    }

    /// Adds what the flow of a key is to the counts, or takes it off.
    private mutating func count(_ key: Flow.Key, _ sign: Int) { count(installed[key], wanted[key], at: key, sign) }

    private mutating func count(_ flow: Flow?, _ wanted: Flow?, at key: Flow.Key, _ sign: Int) {
        if let wanted {
            if flow != wanted { missing += sign }
        } else if let flow, !isLearned(flow) {
            unmanaged += sign
            if sign > 0 { noteForeign(flow) } else { foreign.remove(key) }
        }
    }

    private mutating func noteForeign(_ flow: Flow) {
        if ownership == .own, !isUnwanted(flow) { foreign.insert(flow) }
    }

    private func isUnwanted(_ flow: Flow) -> Bool {
        switch ownership {
        case .whole: !isLearned(flow)
        case .own: !isLearned(flow) && (FlowCookie.isOurs(flow.cookie) || Self.ownTables.contains(flow.table))
        }
    }

    /// Whether `learn()` made it: by its cookie, and in a table that is learned into; a claim, from which more follows,
    /// only as a port makes it that may.
    func isLearned(_ flow: Flow) -> Bool {
        FlowCookie.isLearned(flow.cookie) && Self.learnedTables.contains(flow.table)
            || claimants[flow.cookie]?.contains { $0.couldMake(flow) } == true
    }

    private mutating func noteClaim(_ flow: Flow?, at key: Flow.Key, isThere: Bool) {
        guard let flow, flow.isNote else { return }
        if isThere {
            claims[flow.cookie, default: []].insert(key)
        } else {
            claims[flow.cookie]?.remove(key)
            if claims[flow.cookie]?.isEmpty == true { claims[flow.cookie] = nil }
        }
    }

    fileprivate static let listTables: Set<UInt8> = [LocalTable.lists.rawValue, UplinkTable.lists.rawValue]
    private static let ownTables = Set(UplinkTable.allCases.filter { $0 != .shared }.map(\.rawValue))
    private static let learnedTables: Set<UInt8> = [
        UplinkTable.learned.rawValue, LocalTable.learnedSender.rawValue, LocalTable.learnedDestination.rawValue,
    ]

    /// The switch has done what was asked of it.
    mutating func done(_ mods: [FlowMod]) {
        for mod in mods {
            switch mod {
            case .add(let flow), .modifyStrict(let flow): take(flow, at: flow.key)
            case .deleteStrict(let key, _): take(nil, at: key)
            // Of what was learned, which the next look at everything finds gone.
            case .delete: break
            }
        }
    }

    /// Somebody else changed a flow. Says whether that concerns what is wanted: learning and its timeouts do not.
    mutating func told(_ change: SwitchChange) -> Bool {
        switch change {
        case .flowAdded(let flow), .flowModified(let flow): tell(flow, at: flow.key)
        case .flowRemoved(let flow, _): tell(nil, at: flow.key)
        default: false
        }
    }

    /// What has changed since, where these are all flows of the bridge now: as the switch would have told it.
    func changes(to flows: [Flow]) -> [SwitchChange] {
        let found = Dictionary(flows.map { ($0.key, $0) }) { $1 }
        var changes: [SwitchChange] = []
        for (key, flow) in installed where found[key] == nil { changes.append(.flowRemoved(flow, .deleted)) }
        for (key, flow) in found where installed[key] != flow {
            changes.append(installed[key] == nil ? .flowAdded(flow) : .flowModified(flow))
        }
        return changes
    }

    private mutating func tell(_ flow: Flow?, at key: Flow.Key) -> Bool {
        let concerns = take(flow, at: key)
        // A claim from before its maker went is nobody else's doing.
        let isLate = flow.map { flow in formerClaimants[flow.cookie]?.contains { $0.couldMake(flow) } == true } ?? false
        if concerns, !isLate { tampered.insert(key) }
        return concerns
    }

    /// The switch has a flow, or none. Says whether that is to be changed. Many come at once, and each look into a table of
    /// flows costs: there is one into each.
    @discardableResult
    private mutating func take(_ flow: Flow?, at key: Flow.Key) -> Bool {
        let wanted = wanted[key]
        let former = flow.map { installed.updateValue($0, forKey: key) } ?? installed.removeValue(forKey: key)
        count(former, wanted, at: key, -1)
        noteClaim(former, at: key, isThere: false)
        noteClaim(flow, at: key, isThere: true)
        count(flow, wanted, at: key, 1)
        // What the switch learns, and forgets again, is in nobody's doubt.
        let differs = wanted.map { $0 != flow } ?? flow.map(isUnwanted) ?? false
        if differs { doubtful.insert(key) } else { doubtful.remove(key) }
        if !tampered.isEmpty { tampered.remove(key) }
        return differs
    }

    /// What somebody else made differ, a table at a time, in words for the journal.
    func differences(of bridge: String) -> [FlowDifference] {
        var tables: [UInt8: FlowDifference] = [:]
        for key in tampered where installed[key] != wanted[key] {
            var difference = tables[key.table] ?? FlowDifference(bridge: bridge, table: key.table)
            difference.add(found: installed[key], wanted: wanted[key])
            tables[key.table] = difference
        }
        return tables.values.sorted { $0.table < $1.table }
    }
}

extension FlowMod {
    /// Whether it tells of a VLAN which long lists have it.
    fileprivate var addsToList: Bool {
        if case .add(let flow) = self { KeptFlows.listTables.contains(flow.table) } else { false }
    }
}

extension Flow {
    /// What of its actions makes claims.
    fileprivate var claims: [Learn] {
        instructions.actions.compactMap { action in
            if case .learn(let learn) = action, Self.isNote(learn.cookie) { learn } else { nil }
        }
    }

    /// Whether it says by its cookie that it notes what a frame told, from which more follows.
    fileprivate var isNote: Bool { Self.isNote(cookie) }

    private static func isNote(_ cookie: UInt64) -> Bool {
        FlowCookie.isClaim(cookie) || FlowCookie.isAnnouncement(cookie)
    }
}

extension [Flow.Key: Flow] {
    /// The flows after a change of what is wanted.
    mutating func apply(_ changes: FlowChanges) {
        for key in changes.removed { self[key] = nil }
        for flow in changes.added { self[flow.key] = flow }
    }
}

/// What differs in one table of a bridge.
struct FlowDifference: Hashable, Sendable {
    var bridge: String
    var table: UInt8
    private(set) var count = 0
    private var firstFound: String?
    private var firstWanted: String?

    init(bridge: String, table: UInt8) {
        self.bridge = bridge
        self.table = table
    }

    fileprivate mutating func add(found: Flow?, wanted: Flow?) {
        count += 1
        guard count == 1 else { return }
        firstFound = found.map(\.description)
        firstWanted = wanted.map(\.description)
    }

    /// As the journal names it.
    var object: String { "Flow \(bridge) table=\(table)" }

    /// The first of them, and how many more there are.
    var drift: SwitchDrift {
        SwitchDrift(
            object: object,
            found: firstFound ?? "",
            wanted: firstWanted ?? "",
            note: count > 1 ? "and \(count - 1) more flows of the table" : nil
        )
    }
}
