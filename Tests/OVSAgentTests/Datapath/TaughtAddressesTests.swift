import NIOCore
import OpenFlow
import Testing

@testable import OVSAgent

/// What a brN was told of addresses that have left.
struct TaughtAddressesTests {
    @Test("an address that comes back is taken out once, with the VLANs of all that was taught within an hour")
    func take() throws {
        let (a, b) = (EthernetAddress(rawValue: 1), EthernetAddress(rawValue: 2))
        let vlans = try (1...100).map { try #require(VLAN($0)) }
        let start = NIODeadline.uptimeNanoseconds(0)
        var taught = TaughtAddresses()
        taught.note(Unguarded(address: a, vlans: [vlans[6]]), now: start)
        taught.note(Unguarded(address: a, vlans: [vlans[8]]), now: start + .minutes(50))
        // In which VLANs is not known yet: nothing was taught.
        taught.note(Unguarded(address: b, vlans: nil), now: start)
        taught.note(Unguarded(address: b, vlans: []), now: start)
        expect(taught.take(b) == [])
        expect(taught.take(a) == [vlans[6], vlans[8]])
        expect(taught.take(a) == [])
        // No more of a long list than is taught.
        taught.note(Unguarded(address: a, vlans: vlans), now: start)
        expect(taught.take(a).count == 64)
        taught.note(Unguarded(address: a, vlans: vlans), now: start)
        taught.note(Unguarded(address: b, vlans: [vlans[0]]), now: start + .minutes(61))
        expect(taught.take(a) == [])
    }
}
