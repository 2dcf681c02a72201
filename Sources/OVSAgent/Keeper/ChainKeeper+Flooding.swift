import NIOCore
import OpenFlow

/// Whether brN floods to the ports by which the host and its VMs live. Only OpenFlow 1.0 has a word for it, and nothing
/// tells of a change: found by looking.
extension ChainKeeper {
    /// Looks, and undoes what somebody did.
    func keepFlooding(on bridge: String) {
        guard resolved != nil, let lane = Lane(uplinkBridge: bridge), bridges[bridge]?.isLookingAtFlooding == false
        else { return }
        bridges[bridge]?.isLookingAtFlooding = true
        let own = LanePort.Place.allCases.map { LanePort($0, of: lane) }.filter { $0.bridge == bridge }.map(\.name)
        let began = NIODeadline.now()
        FloodBits.clear(
            of: vitalPorts(of: bridge).union(own).union([bridge]),
            socketPath: "\(openFlowFolder)/\(bridge).mgmt",
            on: eventLoop
        ).whenComplete { result in
            self.assumeIsolated { keeper in
                keeper.bridges[bridge]?.isLookingAtFlooding = false
                // A switch that can't be asked is asked again by the next look at everything.
                guard case .success(let names) = result else { return }
                let latency = Int((NIODeadline.now() - began).nanoseconds / 1000)
                let drifts = names.map { name in
                    SwitchDrift(object: "Port \(name)", column: "config", found: "no-flood", wanted: "0")
                }
                keeper.tellRepaired(drifts, latencyMicroseconds: latency)
            }
        }
    }
}
