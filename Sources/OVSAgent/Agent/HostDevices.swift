/// What is known of the host's devices beyond what the rows say, and what stops frames for their sake: a pure value.
struct HostDevices: Sendable {
    /// What the host tells of the layout's NICs, by name.
    var nics: [String: NICHardware] = [:]
    /// Those of the uplinks' members.
    var uplinks = UplinkDevices()
    /// Those behind VM ports.
    var vms = VMDevices()
    /// What stops frames though all is as wanted, as last seen.
    var blockages: [Blockage] = []
}
