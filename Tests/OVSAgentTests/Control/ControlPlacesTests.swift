import Testing

@testable import OVSAgent

@Suite struct ControlPlacesTests {
    /// One of three callers who take all places, longest silent first.
    typealias Caller = (mayChange: Bool, occupation: ControlPlaces<Int>.Occupation)

    @Test(
        "a newcomer takes the place of who is silent longest and not above it; nobody at work goes",
        arguments: [
            // Equals.
            ([(false, .idle), (false, .idle), (false, .idle)], false, .admittedInstead(of: 0)),
            ([(true, .idle), (true, .idle), (true, .idle)], true, .admittedInstead(of: 0)),
            ([(false, .working), (false, .awaitingEvents), (false, .idle)], false, .admittedInstead(of: 2)),
            ([(false, .awaitingEvents), (false, .awaitingEvents), (false, .working)], false, .refused),
            ([(true, .awaitingEvents), (true, .awaitingEvents), (true, .working)], true, .refused),
            // One who may change something among those who may look.
            ([(true, .idle), (false, .working), (false, .awaitingEvents)], false, .refused),
            ([(true, .idle), (false, .awaitingEvents), (false, .idle)], false, .admittedInstead(of: 2)),
            ([(true, .idle), (false, .awaitingEvents), (false, .idle)], true, .admittedInstead(of: 2)),
            ([(true, .idle), (false, .awaitingEvents), (false, .awaitingEvents)], true, .admittedInstead(of: 1)),
            ([(true, .awaitingEvents), (true, .idle), (false, .working)], true, .admittedInstead(of: 1)),
            ([(false, .working), (false, .working), (false, .working)], true, .refused),
        ] as [([Caller], Bool, ControlPlaces<Int>.Admission)]
    )
    func full(callers: [Caller], mayChange: Bool, admission: ControlPlaces<Int>.Admission) {
        var places = ControlPlaces<Int>(count: callers.count)
        for (id, caller) in callers.enumerated() {
            #expect(places.enter(id, mayChange: caller.mayChange) == .admitted)
            places.note(id, caller.occupation)
        }
        #expect(places.enter(9, mayChange: mayChange) == admission)
    }

    @Test("a request makes its caller the last to go, and who left makes room")
    func order() {
        var places = ControlPlaces<Int>(count: 2)
        #expect(places.enter(0, mayChange: false) == .admitted)
        #expect(places.enter(1, mayChange: false) == .admitted)
        places.note(0, .working)
        places.note(0, .idle)
        #expect(places.enter(2, mayChange: false) == .admittedInstead(of: 1))
        places.leave(1)
        places.leave(0)
        #expect(places.enter(3, mayChange: false) == .admitted)
        #expect(places.enter(4, mayChange: false) == .admittedInstead(of: 2))
    }
}
