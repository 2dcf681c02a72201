import NIOCore
import OpenFlow

/// Somebody who undoes one repair after another: paced and told of as with rows.
extension ChainKeeper {
    /// Takes a repair of each object out of its budget. Gives those that have to wait, and until when.
    func spend(onRepairsOf objects: Set<String>) -> [String: NIODeadline] {
        guard !objects.isEmpty else { return [:] }
        let verdict = contest.spend(on: objects, now: .now())
        if !verdict.begun.isEmpty {
            // Whoever reads the event finds the state so.
            tell(.fights(contest.fights))
            for object in verdict.begun { tell(.contested(object)) }
            awaitRelease()
        }
        return verdict.held
    }

    /// What somebody else did is undone.
    func tellRepaired(_ drifts: [SwitchDrift], latencyMicroseconds: Int) {
        for drift in drifts {
            let isToldOf = !contest.isContested(drift.object)
            tell(.repaired(drift, latencyMicroseconds: latencyMicroseconds, isToldOf: isToldOf))
        }
        if !contest.isPeaceful { tell(.fights(contest.fights)) }
    }

    private func awaitRelease() {
        release?.cancel()
        guard let time = contest.nextRelease else { return }
        release = eventLoop.scheduleTask(deadline: time) {
            self.assumeIsolated { keeper in
                let over = keeper.contest.release(now: .now())
                keeper.tell(.fights(keeper.contest.fights))
                for fight in over { keeper.tell(.released(fight)) }
                keeper.awaitRelease()
            }
        }
    }
}
