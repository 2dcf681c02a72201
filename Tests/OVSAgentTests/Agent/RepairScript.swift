import JSONRPC
import NIOCore
import OVSDB

@testable import OVSAgent

/// Drives a ``RepairStateMachine`` with plans of which each repairs one column of some bridges, on a clock of its own, and
/// says in words what it has done.
struct RepairScript {
    var repair: RepairStateMachine
    private var rows: [String: UUID] = [:]
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    /// What was sent last.
    private(set) var sent: RepairStateMachine.Commit?
    /// How many are sent and not answered, of those that the machine knows.
    private(set) var inFlight = 0
    /// Whether the machine wants a plan.
    var isPlanDue = false

    init(settled: Bool = false, _ limits: Contest.Limits = .init()) {
        repair = RepairStateMachine(limits)
        guard settled else { return }
        _ = begin()
        _ = plan()
    }

    mutating func begin() -> [String] {
        inFlight = 0
        return words(repair.begin(now: now))
    }

    /// Somebody changes the configuration.
    mutating func edit() {
        repair.noticed(isConfiguration: true, now: now)
        if repair.mayPlan { isPlanDue = true }
    }

    /// These bridges differ now.
    mutating func plan(_ bridges: String..., obstacles: [String] = []) -> [String] {
        plan(bridges, obstacles: obstacles)
    }

    private mutating func plan(_ bridges: [String], obstacles: [String] = []) -> [String] {
        isPlanDue = false
        var plan = Plan(obstacles: obstacles.map { Obstacle(object: "Port \($0)", reason: "no NIC") })
        for bridge in bridges {
            let row = rows[bridge] ?? .random()
            rows[bridge] = row
            plan.edits.append(RowEdit(table: Bridge.table, row: row, name: bridge, values: ["fail_mode": "secure"]))
            plan.changes.append(Change(.modify, "Bridge \(bridge)", "fail_mode", wanted: "secure"))
        }
        return words(repair.planned(plan, now: now))
    }

    mutating func planWhileDue(_ broken: Set<String>) {
        while isPlanDue { _ = plan(broken.sorted()) }
    }

    mutating func succeeds() -> [String] { answers(nil, to: sent) }

    mutating func fails(_ error: TransactionError) -> [String] { answers(error, to: sent) }

    /// - Parameter error: `nil` where the transaction was made.
    mutating func answers(_ error: TransactionError?, to commit: RepairStateMachine.Commit?) -> [String] {
        guard let commit else { return ["nothing was sent"] }
        inFlight = max(0, inFlight - 1)
        return words(repair.answered(error.map { .failure(.transaction($0)) } ?? .success([]), to: commit, now: now))
    }

    /// The server answers what is in flight; what it made differs no more.
    mutating func answerIfBusy(_ broken: inout Set<String>, fails: Bool) {
        guard repair.isBusy, let commit = sent else { return }
        if !fails { for edit in commit.plan.edits { broken.remove(edit.name) } }
        // Of its own doing a notification comes first.
        if !fails { edit() }
        _ = answers(fails ? .init(operation: 1, name: "domain error") : nil, to: commit)
    }

    mutating func rings() -> [String] {
        if let deadline = repair.deadline, deadline > now, !isPlanDue { now = deadline }
        return words(repair.rang(now: now))
    }

    private mutating func words(_ actions: [RepairStateMachine.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .plan:
                isPlanDue = true
                return "plan"
            case .commit(let commit):
                inFlight += 1
                sent = commit
                return "commit \(commit.plan.edits.map(\.name).joined(separator: ", "))"
            case .committed: return "committed"
            case .settle: return "settle"
            case .wait: return "wait"
            case .tell(let news): return Self.words(news)
            }
        }
    }

    private static func words(_ news: RepairStateMachine.News) -> String {
        func name(_ object: String) -> String { object.split(separator: " ").last.map(String.init) ?? "" }
        return switch news {
        case .drift(let change): "drift \(name(change.object))"
        case .repaired(let change, let latency): "repaired \(name(change.object)) \(latency)"
        case .answered(let change): "answered \(name(change.object))"
        case .obstacle(let obstacle): "obstacle \(name(obstacle.object))"
        case .cleared(let object): "cleared \(name(object))"
        case .contested(let object): "contested \(name(object))"
        case .released(let fight): "released \(name(fight.object))"
        case .refused(let objects, let reason):
            "refused \(objects.map(name).sorted().joined(separator: ", ")): \(reason)"
        case .accepted(let refusal): "accepted \(refusal.object)"
        case .closed: "closed"
        case .opened: "opened"
        }
    }
}
