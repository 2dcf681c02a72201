import OVSDB

/// What the keeper of the chain's flows was told, and what it has told: a pure value.
struct ServedChain: Sendable {
    /// The lanes that it serves for us; `nil` while it is to touch nothing.
    var lanes: ChainLanes?
    /// The interfaces on brN that are the controller VMs', as it knows them.
    var controllerPorts: [Lane: Set<String>] = [:]
    /// What it told of VM ports.
    var standing = ChainStanding(served: [:])
    /// Over what it keeps, as last told.
    var fights: [Contest.Fight] = []
    /// Which VM ports have spoken, as last told.
    private(set) var claims: Claims
    /// Whether it has yet to be told of them: an earlier run or another agent left them behind.
    private var areInherited = true

    /// - Parameter claims: what an earlier run left behind.
    init(claims: Claims = Claims()) { self.claims = claims }

    /// Another agent left these behind.
    mutating func inherit(_ claims: Claims) { (self.claims, areInherited) = (claims, true) }

    /// What the keeper has to be told of before it serves; `nil` where it knows.
    mutating func takeInherited() -> Claims? {
        guard areInherited else { return nil }
        areInherited = false
        return claims
    }

    /// The keeper tells of claims. Says whether they count: what was told before another agent's were taken over does not.
    mutating func heard(_ claims: Claims) -> Bool {
        guard !areInherited else { return false }
        self.claims = claims
        return true
    }
}
