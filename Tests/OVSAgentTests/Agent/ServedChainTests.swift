import JSONRPC
import OpenFlow
import Testing

@testable import OVSAgent

/// What the keeper of the chain's flows was told, and what it has told.
@Suite("What the keeper knows")
struct ServedChainTests {
    private static func claims(_ since: Int) -> Claims {
        Claims([.random(): .init(address: EthernetAddress("52:54:00:00:00:01"), presence: .present(since: since))])
    }

    @Test("claims that another agent left behind are told once, and what the keeper told before says nothing of them")
    func inherited() {
        let (kept, theirs, told) = (Self.claims(1), Self.claims(2), Self.claims(3))
        var served = ServedChain(claims: kept)
        expect(!served.heard(told))
        #expect(served.claims == kept)
        expect(served.takeInherited() == kept)
        expect(served.takeInherited() == nil)
        expect(served.heard(told))
        #expect(served.claims == told)
        served.inherit(theirs)
        expect(!served.heard(told))
        expect(served.takeInherited() == theirs)
        expect(served.heard(told))
    }
}
