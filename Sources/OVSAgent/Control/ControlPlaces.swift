/// The places of the control socket, and who makes room when all are taken: a pure value.
///
/// Nobody is timed out: a caller that says nothing costs nothing until a newcomer wants its place; then the one that has
/// been silent longest goes. Callers that may only look never take the place of one that may change something, and give
/// theirs to it even while they wait for events: so they can't shut out root, on purpose or by a script gone wild.
struct ControlPlaces<ID: Hashable & Sendable>: Sendable {
    /// What a caller does now.
    enum Occupation: Hashable, Sendable {
        /// No whole request of its has come, or each is answered.
        case idle
        /// A long poll.
        case awaitingEvents
        /// A command is at work, which takes a moment and then makes its caller idle.
        case working
    }

    /// What becomes of a newcomer.
    enum Admission: Hashable, Sendable {
        case admitted
        /// This caller's connection has to be closed; it holds no place any more.
        case admittedInstead(of: ID)
        case refused
    }

    private struct Caller: Sendable {
        var id: ID
        var mayChange: Bool
        var occupation: Occupation
    }

    private let count: Int
    /// The one that has been silent longest first.
    private var callers: [Caller] = []

    init(count: Int) {
        self.count = count
    }

    /// Takes a newcomer in, if there is room or can be made.
    mutating func enter(_ id: ID, mayChange: Bool) -> Admission {
        var admission = Admission.admitted
        if callers.count >= count {
            guard let index = indexMakingRoom(forOneWhoMayChange: mayChange) else { return .refused }
            admission = .admittedInstead(of: callers.remove(at: index).id)
        }
        callers.append(Caller(id: id, mayChange: mayChange, occupation: .idle))
        return admission
    }

    /// Notes a caller's request, or the answer to it.
    mutating func note(_ id: ID, _ occupation: Occupation) {
        guard let index = callers.firstIndex(where: { $0.id == id }) else { return }
        var caller = callers.remove(at: index)
        caller.occupation = occupation
        callers.append(caller)
    }

    mutating func leave(_ id: ID) {
        callers.removeAll { $0.id == id }
    }

    private func indexMakingRoom(forOneWhoMayChange mayChange: Bool) -> Int? {
        callers.firstIndex { $0.occupation == .idle && !$0.mayChange }
            ?? (mayChange
                ? callers.firstIndex { $0.occupation == .awaitingEvents && !$0.mayChange }
                    ?? callers.firstIndex { $0.occupation == .idle }
                : nil)
    }
}
