import OVSDB
import Testing

@testable import OVSAgent

/// Who may write, by script: no socket, no clock, no database.
struct AuthorityTests {
    private typealias Action = Authority.Action

    private enum Step: CaseIterable, Hashable {
        case waits, gets, snapshot, reads, pauses, resumes
    }

    private static func pause() throws -> Pause { try Pause(seconds: 60, reason: "cables", now: .now()) }

    private static func remote() throws -> Remote { try #require(Remote.list("unix:/run/db.sock").first) }

    /// Every order of these.
    private static func orders(of steps: [Step]) -> [[Step]] {
        guard !steps.isEmpty else { return [[]] }
        return steps.indices.flatMap { index in
            var rest = steps
            let first = rest.remove(at: index)
            return orders(of: rest).map { [first] + $0 }
        }
    }

    @Test(
        "a takeover in every order of lock, snapshot, what was kept and a pause: it begins when the last of them is there"
    )
    func takeover() throws {
        let isPossible = { (order: [Step]) in
            func place(_ step: Step) -> Int { order.firstIndex(of: step) ?? 0 }
            return place(.waits) < place(.gets) && place(.gets) < place(.reads) && place(.pauses) < place(.resumes)
        }
        let orders = Self.orders(of: Step.allCases).filter(isPossible)
        #expect(orders.count == 60)
        for order in orders {
            var authority = Authority()
            authority.connected(to: try Self.remote())
            for (index, step) in order.enumerated() {
                let couldWrite = authority.mayWrite
                var actions: [Action] = []
                switch step {
                case .waits: actions = authority.lockChanged(to: .waiting)
                case .gets: actions = authority.lockChanged(to: .held)
                case .snapshot: actions = authority.synced()
                case .reads: expect(authority.tookOver(authority.term))
                case .pauses: actions = authority.paused(try Self.pause())
                case .resumes: actions = authority.resumed()
                }
                let done = Set(order[...index])
                let isAll = done.isSuperset(of: [.gets, .snapshot, .reads])
                #expect(authority.mayWrite == (isAll && done.contains(.pauses) == done.contains(.resumes)), "\(order)")
                // What was kept is taken first, by whoever read it.
                #expect(actions.contains(.begin) == (authority.mayWrite && step != .reads), "\(order): \(step)")
                #expect(actions.contains(.readKept) == (step == .gets))
                if couldWrite, !authority.mayWrite { #expect(actions.contains(.stand), "\(order): \(step)") }
                #expect(actions.contains(.forgetOwn) == (step == .waits))
            }
        }
    }

    @Test("a lock that goes while what is kept is read, or comes again, makes that reading void")
    func void() throws {
        var authority = Authority()
        authority.connected(to: try Self.remote())
        _ = authority.synced()
        _ = authority.lockChanged(to: .waiting)
        expect(authority.lockChanged(to: .held) == [.tellLock(.held, former: .waiting), .readKept])
        let former = authority.term
        expect(authority.lockChanged(to: .lost).contains(.stand))
        expect(!authority.tookOver(former))
        expect(authority.lockChanged(to: .held).contains(.readKept))
        #expect(authority.term == former + 1)
        expect(!authority.tookOver(former))
        #expect(authority.isTakingOver && !authority.mayWrite)
        expect(authority.tookOver(authority.term))
        #expect(authority.mayWrite)
    }

    @Test("a connection that goes during a takeover does not end it: the next one reads, too")
    func interrupted() throws {
        var authority = Authority()
        authority.connected(to: try Self.remote())
        _ = authority.lockChanged(to: .waiting)
        _ = authority.lockChanged(to: .held)
        let loss = Reason("closed")
        expect(authority.disconnected(loss) == [.stand, .tellDisconnected(loss)])
        authority.connected(to: try Self.remote())
        let actions = authority.lockChanged(to: .held)
        #expect(actions.contains(.readKept) && !actions.contains(.mendState))
        expect(authority.tookOver(authority.term))
        // The lock was ours: nobody else has written meanwhile.
        _ = authority.disconnected(loss)
        authority.connected(to: try Self.remote())
        let again = authority.lockChanged(to: .held)
        #expect(again.contains(.mendState) && !again.contains(.readKept))
        expect(authority.synced() == [.begin])
    }

    @Test("a server is told when it has proved that it will do, and losses that are alike once")
    func telling() throws {
        let (remote, loss) = (try Self.remote(), Reason("refused"))
        var authority = Authority()
        authority.connected(to: remote)
        expect(authority.disconnected(loss) == [.stand, .tellDisconnected(loss)])
        authority.connected(to: remote)
        expect(authority.disconnected(loss) == [.stand])
        #expect(authority.connection == .lost(reason: "refused"))
        authority.connected(to: remote)
        #expect(authority.connection == .opening)
        expect(authority.lockChanged(to: .waiting).first == .tellConnected(remote))
        expect(authority.synced() == [])
        let other = Reason("gone", remedy: "look")
        expect(authority.disconnected(other) == [.stand, .tellDisconnected(other)])
        #expect(authority.connection == .lost(reason: "gone", remedy: "look") && authority.lock == nil)
        authority.connected(to: remote)
        _ = authority.synced()
        // After a connection that did, it is news again.
        expect(authority.disconnected(other) == [.stand, .tellDisconnected(other)])
    }

    @Test("whoever is asked to end writes nothing more, and does not begin again")
    func end() throws {
        var authority = Authority(pause: try Self.pause())
        authority.connected(to: try Self.remote())
        _ = authority.synced()
        expect(authority.lockChanged(to: .held) == [.tellLock(.held, former: nil), .mendState])
        expect(authority.stops() == [.stand])
        expect(authority.resumed() == [])
        #expect(!authority.mayWrite && authority.lock == .held)
        authority.ended()
        #expect(authority.lock == nil)
    }
}
