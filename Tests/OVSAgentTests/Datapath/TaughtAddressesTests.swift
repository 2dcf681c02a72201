import NIOCore
import OpenFlow
import Testing

@testable import OVSAgent

/// What a brN was told of addresses that have left.
struct TaughtAddressesTests {
    @Test("an address that comes back is taken out once, within an hour")
    func take() {
        let (a, b) = (EthernetAddress(rawValue: 1), EthernetAddress(rawValue: 2))
        let start = NIODeadline.uptimeNanoseconds(0)
        var taught = TaughtAddresses()
        expect(!taught.take(a))
        taught.note([a, b], now: start)
        expect(taught.take(a))
        expect(!taught.take(a))
        taught.note([a], now: start + .minutes(59))
        expect(taught.take(b))
        taught.note([b], now: start + .minutes(59))
        taught.note([], now: start + .minutes(120))
        expect(!taught.take(a) && !taught.take(b))
    }
}
