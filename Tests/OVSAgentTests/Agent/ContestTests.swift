import NIOCore
import Testing

@testable import OVSAgent

@Suite("A fight over an object") struct ContestTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("whoever runs ovs-ofctl in a loop, some thirty times a second, fights, and is not one after a hundred edits")
    func flows() {
        let configuration = AgentConfiguration(layoutPath: "", remotes: [], controlPath: "", stateFolder: "")
        var contest = Contest(configuration.flowContest)
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var begun: [Int] = []
        for blow in 0..<600 where contest.isPeaceful {
            let now = start + .milliseconds(Int64(blow) * 33)
            if !contest.spend(on: ["Flow br.mx table=0"], now: now).begun.isEmpty { begun.append(blow) }
        }
        #expect(begun.count == 1 && (100...400).contains(begun.first ?? 0), "\(begun)")
    }

    @Test("a thousand repairs are made at once; what comes then waits for its turn, and nothing else does")
    func budget() {
        var contest = Contest()
        for _ in 0..<Int(Contest.Limits().burst) {
            let verdict = contest.spend(on: ["Bridge br.mx"], now: start)
            #expect(verdict == Contest.Verdict())
        }
        let verdict = contest.spend(on: ["Bridge br.mx", "Bridge br.nf"], now: start)
        #expect(verdict.held.keys.sorted() == ["Bridge br.mx"])
        #expect(verdict.begun == ["Bridge br.mx"])
        #expect(contest.isContested("Bridge br.mx") && !contest.isContested("Bridge br.nf"))
        #expect(contest.fights == [.init(object: "Bridge br.mx", repairs: 0)])
    }

    @Test("who never stops gets pauses that grow, none of them longer than 200 ms")
    func pace() throws {
        var contest = Contest()
        var now = start
        var repairs: [NIODeadline] = []
        var begun = 0
        // Foreign edits every 100 microseconds, for 20 seconds.
        var heldUntil = now
        for _ in 0..<200_000 {
            now = now + .microseconds(100)
            guard now >= heldUntil else { continue }
            let verdict = contest.spend(on: ["Port br0.mx.n"], now: now)
            begun += verdict.begun.count
            if let until = verdict.held["Port br0.mx.n"] { heldUntil = until } else { repairs.append(now) }
        }
        #expect(begun == 1)
        let gaps = zip(repairs.dropFirst(), repairs).map { ($0 - $1).nanoseconds / 1_000_000 }
        let paced = Array(gaps.drop { $0 < 5 })
        #expect(paced.prefix(8) == [5, 10, 20, 40, 80, 160, 200, 200])
        #expect(paced.allSatisfy { $0 <= 200 } && paced.dropFirst(8).allSatisfy { $0 == 200 })
        let fight = try #require(contest.fights.first)
        #expect((90...120).contains(fight.repairs))
    }

    @Test("who changes an object 200 times a second and no more has each change undone at once, for ever")
    func moderate() {
        var contest = Contest()
        for number in 0..<100_000 as Range<Int64> {
            let verdict = contest.spend(on: ["Port br0.mx.n"], now: start + .milliseconds(5 * number))
            #expect(verdict == Contest.Verdict())
        }
        #expect(contest.isPeaceful)
    }

    @Test("an object is held from one of its repairs to the next, and no other one is")
    func held() {
        var contest = Contest()
        for _ in 0...Int(Contest.Limits().burst) { _ = contest.spend(on: ["Port a"], now: start) }
        #expect(contest.pauseEnd(of: "Port a", now: start + .milliseconds(4)) == start + .milliseconds(5))
        #expect(contest.pauseEnd(of: "Port a", now: start + .milliseconds(5)) == nil)
        #expect(contest.pauseEnd(of: "Port b", now: start) == nil)
    }

    @Test("it is over when nobody has touched the object for 10 s, and a new one needs a new thousand")
    func release() {
        var contest = Contest()
        #expect(contest.nextRelease == nil)
        for _ in 0...Int(Contest.Limits().burst) { _ = contest.spend(on: ["Port a"], now: start) }
        #expect(contest.nextRelease == start + .seconds(10))
        let early = contest.release(now: start + .seconds(10) - .nanoseconds(1))
        #expect(early == [])
        _ = contest.spend(on: ["Port a"], now: start + .seconds(5))
        let late = contest.release(now: start + .seconds(10))
        #expect(late == [] && contest.nextRelease == start + .seconds(15))
        let over = contest.release(now: start + .seconds(15))
        #expect(over == [.init(object: "Port a", repairs: 1)])
        #expect(contest.fights == [] && contest.nextRelease == nil)
        let verdict = contest.spend(on: ["Port a"], now: start + .seconds(15))
        #expect(verdict == Contest.Verdict())
    }

    @Test("a clock that stands still or objects without number do no harm")
    func bounds() {
        var contest = Contest()
        for number in 0..<(3 * Contest.limit) {
            _ = contest.spend(on: ["Port \(number)"], now: start + .seconds(Int64(number)))
        }
        for _ in 0...Int(Contest.Limits().burst) { _ = contest.spend(on: ["Port a"], now: start) }
        #expect(contest.isContested("Port a"))
    }
}

@Suite("What the server does not take") struct RefusalsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("it is tried again after pauses that double up to the longest, and told once")
    func pauses() throws {
        var refusals = Refusals()
        var time = start
        var pauses: [Int64] = []
        for attempt in 0..<9 {
            let isNews = refusals.refused(["Port a", "Interface a"], reason: "full", now: time)
            #expect(isNews == (attempt == 0))
            let held = refusals.held(now: time)
            #expect(held.objects == ["Port a", "Interface a"])
            let until = try #require(held.until)
            pauses.append((until - time).nanoseconds / 1_000_000)
            #expect(refusals.held(now: until).objects == [])
            time = until
        }
        #expect(pauses == [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000])
        let isNews = refusals.refused(["Port a", "Interface a"], reason: "forbidden", now: time)
        #expect(isNews && refusals.all.map(\.reason) == ["forbidden"])
    }

    @Test("it is over when nothing of it differs any more")
    func over() {
        var refusals = Refusals()
        _ = refusals.refused(["Port a", "Interface a"], reason: "full", now: start)
        _ = refusals.refused(["Port b"], reason: "full", now: start)
        #expect(refusals.held(now: start).objects == ["Port a", "Interface a", "Port b"])
        let none = refusals.keep(["Port a", "Port b"])
        #expect(none == [])
        let over = refusals.keep(["Interface a"])
        #expect(over.map(\.object) == ["Port b"])
        #expect(refusals.all.map(\.object) == ["Interface a, Port a"])
    }
}
