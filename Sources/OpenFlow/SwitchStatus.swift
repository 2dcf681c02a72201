/// What a live switch told about itself; a value, so that it can be kept and compared.
public struct SwitchStatus: Hashable, Sendable {
    /// The lower 48 bits are a MAC address.
    public var datapathID: UInt64
    /// As of now: every change that the switch announces is in it.
    public var ports: SwitchPorts
    /// Flows in all tables, as of the last complete answer: flows come and go unannounced.
    public var flowCount: UInt32

    public init(datapathID: UInt64, ports: SwitchPorts, flowCount: UInt32) {
        self.datapathID = datapathID
        self.ports = ports
        self.flowCount = flowCount
    }
}
