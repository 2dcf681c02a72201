import NIOCore
import Testing

@testable import OVSDB

/// Scripts on a virtual clock, in the manner of OVS's tests/reconnect.at: what happens at which millisecond, and what
/// is due then.
@Suite struct ReconnectTests {
    enum Step: Sendable {
        case start, stop, connected, received, lost, closed, refused, proved
        /// Moves the clock to the deadline, which must be at this millisecond, and expects this.
        case due(Int, Reconnect.Action)
        /// Moves the clock to this millisecond, when nothing is due yet.
        case quiet(Int)
        /// Nothing will ever be due.
        case never
    }

    private static let silent = Reconnect.Action.disconnect(reason: "no answer to a probe within 5.0 s")
    private static let late = Reconnect.Action.disconnect(reason: "no connection within 1.0 s")

    @Test(
        "a script gives what OVS's reconnect gives",
        arguments: [
            ("nothing before the start", .init(), [.never]),
            (
                "the first attempt comes at once, and starting twice is starting once", .init(),
                [
                    .start, .start, .due(0, .connect), .start, .quiet(999), .due(1000, late),
                ]
            ),
            (
                "pauses double up to 8 s", .init(),
                [
                    .start, .due(0, .connect), .lost, .quiet(99), .due(100, .connect), .lost, .due(300, .connect),
                    .lost,
                    .due(700, .connect), .lost, .due(1500, .connect), .lost, .due(3100, .connect), .lost,
                    .due(6300, .connect), .lost,
                    .due(12700, .connect), .lost, .due(20700, .connect), .lost, .due(28700, .connect), .lost,
                    .quiet(36699),
                ]
            ),
            (
                "an attempt may take a second, or the pause before it when that is longer",
                .init(minimumBackoff: .seconds(3)),
                [
                    .start, .due(0, .connect), .due(1000, late), .lost, .due(4000, .connect),
                    .due(7000, .disconnect(reason: "no connection within 3.0 s")),
                ]
            ),
            (
                "a silent peer is probed, and dropped when the probe is not answered", .init(),
                [
                    .start, .due(0, .connect), .connected, .received, .quiet(4999), .due(5000, .probe), .quiet(9999),
                    .due(10000, silent), .lost, .due(10100, .connect),
                ]
            ),
            (
                "a new connection has its own time for a first byte", .init(firstReply: .seconds(3)),
                [
                    .start, .due(0, .connect), .connected, .quiet(2999),
                    .due(3000, .disconnect(reason: "not a byte within 3.0 s of connecting")), .lost,
                    .due(3100, .connect), .connected, .quiet(6000), .received, .due(11000, .probe),
                ]
            ),
            (
                "any bytes answer a probe", .init(),
                [
                    .start, .due(0, .connect), .connected, .received, .due(5000, .probe), .quiet(9000), .received,
                    .due(14000, .probe), .received, .due(19000, .probe), .due(24000, silent),
                ]
            ),
            (
                "activity puts the probe off", .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(3000), .received, .quiet(6000), .received,
                    .quiet(10999), .due(11000, .probe),
                ]
            ),
            (
                "a connection that outlived the last pause begins with the shortest again", .init(),
                [
                    .start, .due(0, .connect), .lost, .due(100, .connect), .lost, .due(300, .connect), .connected,
                    .quiet(700), .received, .lost, .due(800, .connect),
                ]
            ),
            (
                "a connection that did not goes on doubling", .init(),
                [
                    .start, .due(0, .connect), .lost, .due(100, .connect), .lost, .due(300, .connect), .connected,
                    .quiet(310), .received, .lost, .due(710, .connect),
                ]
            ),
            (
                "a good server that closes in order is tried at once, and then with pauses", .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(3000), .received, .proved, .closed,
                    .due(3000, .connect), .lost, .due(3100, .connect), .lost, .due(3300, .connect),
                ]
            ),
            (
                "one that closes before it did what it was for is not, however long it talked", .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(100), .received, .proved, .quiet(3000), .received,
                    .closed, .due(3000, .connect), .connected, .quiet(6000), .received, .closed, .due(6100, .connect),
                    .connected, .quiet(9000), .received, .closed, .due(9100, .connect),
                ]
            ),
            (
                "one that closes as soon as it has spoken is not", .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(10), .received, .proved, .closed,
                    .due(110, .connect), .connected, .quiet(120), .received, .proved, .closed, .due(320, .connect),
                ]
            ),
            (
                "one that closes without a word is not", .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(5000), .closed, .due(5100, .connect),
                ]
            ),
            (
                "a server that we would not go on with is not worth the shortest pause, however long it talked",
                .init(),
                [
                    .start, .due(0, .connect), .connected, .quiet(3000), .received, .refused, .due(3100, .connect),
                    .connected, .quiet(6000), .received, .refused, .due(6200, .connect), .connected, .quiet(9000),
                    .received, .refused, .due(9400, .connect),
                ]
            ),
            (
                "after as many attempts as it may make it stops, and starts with as many again",
                .init(maximumTries: 2),
                [
                    .start, .due(0, .connect), .lost, .due(100, .connect), .lost, .never, .start,
                    .due(100, .connect), .lost, .due(200, .connect), .connected, .quiet(250), .received, .lost, .never,
                ]
            ),
            (
                "a connection that did what it was for gives all tries back", .init(maximumTries: 2),
                [
                    .start, .due(0, .connect), .lost, .due(100, .connect), .connected, .quiet(200), .received,
                    .proved, .lost, .due(300, .connect), .lost, .due(500, .connect), .lost, .never,
                ]
            ),
            (
                "after a stop nothing is due, whatever still happens", .init(),
                [
                    .start, .due(0, .connect), .connected, .stop, .never, .lost, .never, .received, .never, .start,
                    .due(0, .connect),
                ]
            ),
            (
                "what is lost twice is lost once", .init(),
                [.start, .due(0, .connect), .lost, .lost, .due(100, .connect)]
            ),
            (
                "without an interval a peer is never probed", .init(probeInterval: .zero),
                [
                    .start, .due(0, .connect), .connected, .received, .never, .lost, .due(100, .connect),
                ]
            ),
            (
                "a pause is at least 0.1 s and an interval 1 s, whatever is asked for",
                .init(minimumBackoff: .zero, maximumBackoff: .milliseconds(1), probeInterval: .milliseconds(1)),
                [
                    .start, .due(0, .connect), .lost, .due(100, .connect), .lost, .due(200, .connect), .connected,
                    .received, .due(1200, .probe),
                    .due(2200, .disconnect(reason: "no answer to a probe within 1.0 s")),
                ]
            ),
        ] as [(String, Reconnect.Pace, [Step])]
    )
    func scripts(name: String, pace: Reconnect.Pace, steps: [Step]) {
        var reconnect = Reconnect(pace: pace)
        func at(_ milliseconds: Int) -> NIODeadline {
            .uptimeNanoseconds(1_000_000_000) + .milliseconds(Int64(milliseconds))
        }
        var now = at(0)
        for (index, step) in steps.enumerated() {
            switch step {
            case .start: reconnect.start(now: now)
            case .stop: reconnect.stop()
            case .connected: reconnect.connected(now: now)
            case .received: reconnect.received(now: now)
            case .lost: reconnect.disconnected(now: now)
            case .closed: reconnect.disconnected(now: now, .closedByPeer)
            case .refused: reconnect.disconnected(now: now, .closedByUs)
            case .proved: reconnect.proved()
            case .due(let time, let action):
                #expect(reconnect.deadline == at(time), "step \(index)")
                if at(time) > now {
                    #expect(reconnect.run(now: at(time) - .nanoseconds(1)) == nil, "step \(index)")
                    now = at(time)
                }
                #expect(reconnect.run(now: now) == action, "step \(index)")
            case .quiet(let time):
                now = at(time)
                #expect(reconnect.run(now: now) == nil, "step \(index)")
            case .never:
                #expect(reconnect.deadline == nil, "step \(index)")
                #expect(reconnect.run(now: at(1_000_000)) == nil, "step \(index)")
            }
        }
    }

    @Test("a longest pause of 0 is OVS's own of 8 s")
    func defaultPause() {
        #expect(Reconnect.Pace(maximumBackoff: .zero).maximumBackoff == .seconds(8))
        #expect(Reconnect.Pace(minimumBackoff: .seconds(9), maximumBackoff: .zero).maximumBackoff == .seconds(9))
    }

    @Test("several remotes are all tried before the first pause, and again after a connection that was good")
    func freeTries() {
        var reconnect = Reconnect(pace: .init(), remotes: 3)
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        func pauses(_ count: Int) -> [TimeAmount] {
            (0..<count).map { _ in
                let due = reconnect.deadline ?? .distantFuture
                defer { now = due }
                #expect(reconnect.run(now: due) == .connect)
                reconnect.disconnected(now: due)
                return due - now
            }
        }
        reconnect.start(now: now)
        #expect(pauses(5) == [.zero, .zero, .zero, .milliseconds(100), .milliseconds(200)])
        now = reconnect.deadline ?? now
        #expect(reconnect.run(now: now) == .connect)
        reconnect.connected(now: now)
        reconnect.received(now: now)
        reconnect.proved()
        reconnect.disconnected(now: now)
        #expect(pauses(4) == [.zero, .zero, .milliseconds(100), .milliseconds(200)])
    }
}
