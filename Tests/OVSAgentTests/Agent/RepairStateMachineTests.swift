import JSONRPC
import NIOCore
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// What is repaired when, by script: no socket, no clock, no database.
@Suite("Repairs")
struct RepairStateMachineTests {
    @Test("nothing is planned before the agent may write, nor once it may not")
    func standing() {
        var script = RepairScript()
        #expect(script.repair.isStanding && !script.repair.mayPlan)
        #expect(script.begin() == ["plan"])
        #expect(script.repair.mayPlan && !script.repair.isStanding)
        script.repair.stand()
        #expect(script.repair.isStanding && !script.repair.mayPlan && script.repair.deadline == nil)
    }

    @Test("a repair: told once it is on its way, looked at again in a moment, and in sync then")
    func repair() {
        var script = RepairScript(settled: true)
        #expect(script.repair.isSettled)
        script.edit()
        #expect(!script.repair.isSettled)
        #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
        #expect(script.repair.isBusy && !script.repair.mayPlan)
        script.now = script.now + .microseconds(400)
        // Its own notification comes before the answer.
        script.edit()
        #expect(script.succeeds() == ["repaired br.mx 400", "committed"])
        #expect(script.repair.deadline == script.now + RepairStateMachine.moment)
        #expect(script.rings() == ["plan"])
        #expect(script.plan() == ["settle"])
        #expect(script.repair.isSettled && script.repair.deadline == nil)
        #expect(script.repair.tally.repairs.drifts == 1 && script.repair.tally.repairs.transactions == 1)
    }

    @Test("what the layout wants anew is no drift, and is planned to its end at once")
    func layout() {
        var script = RepairScript(settled: true)
        script.repair.wantAnew()
        #expect(script.plan("br.mx", "br.nf") == ["commit br.mx, br.nf"])
        script.edit()
        #expect(script.succeeds() == ["committed", "plan"])
        #expect(script.plan() == ["settle"])
        #expect(script.repair.tally.drifts == 0)
    }

    @Test("a repair that another edit overtakes is planned again at once, and the edit is a drift of its own")
    func overtaken() {
        for isDrift in [true, false] {
            var script = RepairScript(settled: true)
            if isDrift { script.edit() } else { script.repair.wantAnew() }
            #expect(script.plan("br.mx") == ["commit br.mx"] + (isDrift ? ["drift br.mx"] : []))
            script.edit()
            script.edit()
            #expect(script.succeeds() == (isDrift ? ["repaired br.mx 0"] : []) + ["committed", "plan"])
            #expect(script.plan("br.nf") == ["commit br.nf", "drift br.nf"])
        }
    }

    @Test("a stale guard is no refusal: the same is planned again, told once, and measured from the first notification")
    func staleGuard() {
        var script = RepairScript(settled: true)
        script.edit()
        #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
        script.now = script.now + .microseconds(100)
        #expect(script.fails(.init(operation: 1, name: "timed out")) == ["plan"])
        #expect(script.plan("br.mx") == ["commit br.mx"])
        script.now = script.now + .microseconds(200)
        #expect(script.succeeds() == ["repaired br.mx 300", "committed"])
        #expect(script.repair.refusals.all.isEmpty)
    }

    @Test("what fails because somebody came in between is no refusal either")
    func failsOvertaken() {
        var script = RepairScript(settled: true)
        script.edit()
        #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
        script.edit()
        #expect(script.fails(.init(operation: nil, name: "referential integrity violation")) == ["plan"])
        #expect(script.repair.refusals.all.isEmpty)
    }

    @Test("of a refusal that names nothing each part is sent by itself: the culprit waits alone")
    func namesNothing() {
        let refusal = TransactionError(operation: nil, name: "constraint violation", details: "no")
        var script = RepairScript(settled: true)
        script.edit()
        #expect(script.plan("br.dmx", "br.mx") == ["commit br.dmx, br.mx", "drift br.dmx", "drift br.mx"])
        #expect(script.fails(refusal) == ["plan"])
        #expect(script.plan("br.dmx", "br.mx") == ["commit br.dmx"])
        #expect(script.fails(refusal) == ["refused br.dmx: constraint violation: no", "plan"])
        #expect(script.plan("br.dmx", "br.mx") == ["commit br.mx"])
        #expect(script.succeeds() == ["repaired br.mx 0", "committed", "plan"])
        #expect(script.plan("br.dmx") == ["wait"])
        #expect(script.repair.deadline == script.now + Refusals.shortestPause)
        #expect(script.rings() == ["plan"])
        #expect(script.plan("br.dmx") == ["commit br.dmx"])
        #expect(script.fails(refusal) == ["plan"], "the same reason once more is no news")
        #expect(script.plan() == ["accepted Bridge br.dmx", "settle"])
    }

    @Test("a refusal that names an operation holds up that part, and no other")
    func namesOne() {
        var script = RepairScript(settled: true)
        script.edit()
        #expect(script.plan("br.dmx", "br.mx") == ["commit br.dmx, br.mx", "drift br.dmx", "drift br.mx"])
        // After the assert of the lock come the updates in their order.
        #expect(script.fails(.init(operation: 2, name: "domain error")) == ["refused br.mx: domain error", "plan"])
        #expect(script.plan("br.dmx", "br.mx") == ["commit br.dmx"])
    }

    @Test("a server that takes nothing is asked now and then, and told of when it is again")
    func closed() {
        var script = RepairScript(settled: true)
        script.edit()
        #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
        #expect(script.fails(.init(operation: 0, name: "not owner")) == ["closed", "plan"])
        #expect(script.plan("br.mx") == ["wait"])
        #expect(script.rings() == ["plan"])
        #expect(script.plan("br.mx") == ["commit br.mx"])
        #expect(script.succeeds().contains("opened"))
    }

    @Test("an answer that comes when the agent had to stand decides nothing, and what was done is told")
    func lateAnswer() {
        let error = TransactionError(operation: 1, name: "constraint violation")
        for beginsAgain in [false, true] {
            for isMade in [false, true] {
                var script = RepairScript(settled: true)
                script.edit()
                #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
                let late = script.sent
                script.repair.stand()
                if beginsAgain {
                    #expect(script.begin() == ["plan"])
                    #expect(script.plan("br.mx") == ["commit br.mx"])
                }
                let isBusy = script.repair.isBusy
                let said = script.answers(isMade ? nil : error, to: late)
                #expect(said == (isMade ? ["repaired br.mx 0", "committed"] : []))
                #expect(script.repair.isBusy == isBusy && script.repair.refusals.all.isEmpty)
                #expect(script.repair.isStanding == !beginsAgain)
            }
        }
    }

    @Test("what a fight holds back waits alone, without a word for every blow, until nobody touches it")
    func fight() throws {
        var script = RepairScript(settled: true, .init(burst: 2, refill: 1, quiet: .seconds(10)))
        for _ in 0..<2 {
            script.edit()
            #expect(script.plan("br.mx") == ["commit br.mx", "drift br.mx"])
            #expect(script.succeeds().first == "repaired br.mx 0")
            #expect(script.plan() == ["settle"])
        }
        script.edit()
        #expect(script.plan("br.mx", "br.nf") == ["contested br.mx", "commit br.nf", "drift br.nf"])
        #expect(script.repair.tally.contested == 1)
        #expect(script.succeeds().first == "repaired br.nf 0")
        let end = try #require(script.repair.contest.pauseEnd(of: "Bridge br.mx", now: script.now))
        script.now = end
        #expect(script.rings() == ["plan"])
        #expect(script.plan("br.mx") == ["commit br.mx"])
        #expect(script.succeeds() == ["committed"])
        script.now = script.now + .seconds(1)
        #expect(script.rings() == ["plan"])
        #expect(script.plan() == ["settle"])
        script.now = script.now + .seconds(11)
        #expect(script.rings() == ["released br.mx"])
        #expect(script.repair.contest.fights.isEmpty && script.repair.deadline == nil)
    }

    @Test("each obstacle is told when it comes and when it goes")
    func obstacles() {
        var script = RepairScript(settled: true)
        #expect(script.plan(obstacles: ["br0-up", "br1-up"]) == ["obstacle br0-up", "obstacle br1-up", "settle"])
        #expect(script.plan(obstacles: ["br1-up"]) == ["cleared br0-up", "settle"])
        #expect(script.plan(obstacles: ["br1-up"]) == ["settle"])
        #expect(script.plan() == ["cleared br1-up", "settle"])
    }

    @Test("in whatever order things happen, at most one transaction is in flight, and what differs is not forgotten")
    func anyOrder() {
        for seed in 0..<300 as Range<UInt64> {
            var random = Seeded(state: seed)
            var script = RepairScript(settled: true, .init(burst: 5, refill: 50, quiet: .seconds(1)))
            var broken: Set<String> = []
            for _ in 0..<200 {
                script.now = script.now + .microseconds(Int64.random(in: 0...3000, using: &random))
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    broken.insert(["br.mx", "br.nf", "br.dmx"].randomElement(using: &random)!)
                    script.edit()
                case 2: script.answerIfBusy(&broken, fails: Bool.random(using: &random))
                case 3 where Int.random(in: 0..<8, using: &random) == 0:
                    script.repair.stand()
                    script.isPlanDue = false
                    _ = script.begin()
                default: _ = script.rings()
                }
                script.planWhileDue(broken)
                #expect(script.inFlight <= 1)
                // Whatever differs is on its way, or there is a time at which it is looked at.
                #expect(broken.isEmpty || script.repair.isBusy || script.repair.deadline != nil, "seed \(seed)")
            }
            // Everybody lets go: within a minute all is in sync.
            for _ in 0..<1000 where !(broken.isEmpty && script.repair.isSettled) {
                script.answerIfBusy(&broken, fails: false)
                if let deadline = script.repair.deadline { script.now = max(script.now, deadline) }
                _ = script.rings()
                script.planWhileDue(broken)
            }
            #expect(broken.isEmpty && script.repair.isSettled, "seed \(seed)")
        }
    }
}
