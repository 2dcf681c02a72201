import Testing

@testable import OVSAgent

@Suite("When to plan") struct ReconcileStateMachineTests {
    private var committing: ReconcileStateMachine {
        var machine = ReconcileStateMachine()
        machine.begin()
        machine.committing()
        return machine
    }

    @Test("nothing is planned before there is a snapshot and the lock, nor once they are gone")
    func standing() {
        var machine = ReconcileStateMachine()
        #expect(!machine.changed())
        machine.begin()
        #expect(machine.changed())
        machine.stand()
        #expect(!machine.changed())
    }

    @Test("what changes during a transaction is planned when it is over, not before")
    func oneInFlight() {
        var machine = committing
        #expect(!machine.changed() && machine.isBusy)
        expect(machine.answered())
        #expect(machine.changed() && !machine.isBusy)
    }

    @Test("an answer that comes after the session's end decides nothing")
    func lateAnswer() {
        var machine = committing
        machine.stand()
        expect(!machine.answered())
        #expect(!machine.changed())
    }
}
