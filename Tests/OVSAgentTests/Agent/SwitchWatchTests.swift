import NIOCore
import Testing

@testable import OVSAgent

/// Which process ovs-vswitchd is, told from looks that come in any order with what bridges tell.
struct SwitchWatchTests {
    private let former = SwitchProcess(pid: 7, start: 1)
    private let other = SwitchProcess(pid: 8, start: 2)

    private static func serving(_ process: SwitchProcess?) -> SwitchWatch {
        var watch = SwitchWatch()
        restart(&watch)
        #expect(Self.look(&watch, process) == .init(finding: .first))
        return watch
    }

    /// Looks, and gives what that found.
    private static func look(_ watch: inout SwitchWatch, _ process: SwitchProcess?) -> SwitchWatch.Found? {
        let isFirst = watch.look()
        #expect(isFirst)
        return watch.found(process)
    }

    /// Both bridges go, come and have their flows; says whether a look is wanted.
    @discardableResult
    private static func restart(_ watch: inout SwitchWatch) -> Bool {
        for bridge in ["br0", "br.mx"] { watch.lost(bridge, now: .now()) }
        for bridge in ["br0", "br.mx"] { watch.answers(bridge, now: .now()) }
        return ["br0", "br.mx"].map { watch.serves($0, now: .now()) }.contains(true)
    }

    @Test("one look at a time, and what is asked for during a look is answered by the next")
    func looks() {
        var watch = Self.serving(former)
        let looks = (1...3).map { _ in watch.look() }
        #expect(looks == [true, false, false])
        // Read before it was asked for: it says nothing.
        let found = [former, other].map { watch.found($0) }
        #expect(found == [nil, .init(finding: .another)])
        #expect(watch.process == other)
        #expect(Self.look(&watch, nil) == .init(finding: .unknown))
        #expect(watch.process == other)
        #expect(Self.look(&watch, other) == .init(finding: .same))
    }

    @Test(
        "a restart is told once, whether the other process was seen before the bridges were back or after",
        arguments: [false, true]
    )
    func restarts(isSeenBefore: Bool) {
        var watch = Self.serving(former)
        if isSeenBefore {
            #expect(Self.look(&watch, other) == .init(finding: .another))
        }
        #expect(Self.restart(&watch))
        let found = Self.look(&watch, other)
        #expect(found?.restart != nil && found?.finding == (isSeenBefore ? .same : .another))
        #expect(Self.look(&watch, other) == .init(finding: .same))
        // The next absence is none where the process is the one of before.
        #expect(Self.restart(&watch))
        #expect(Self.look(&watch, other) == .init(finding: .same))
        // Where nobody can say, all bridges at once is what a restart looks like.
        #expect(Self.restart(&watch))
        #expect(Self.look(&watch, nil)?.restart != nil)
    }
}
