import JSONRPC

/// The JSON that scripts read: its keys are a promise (they may grow, never change).
extension Status {
    var json: JSON {
        [
            "state": .string(state.rawValue),
            "reasons": .array(reasons.map { .string($0.line) }),
            "warnings": .array(warnings.map(JSON.string)),
            "version": .string(version),
            "pid": .integer(Int64(pid)),
            "database": [
                "remote": .string(database.remote),
                "connected": .boolean(database.connected),
                "lock": JSON(database.lock?.rawValue),
            ],
            "layout": [
                "path": .string(layout.path),
                "digest": JSON(layout.digest),
                "error": JSON(layout.error),
            ],
            "repairs": [
                "drifts": .integer(Int64(repairs.drifts)),
                "transactions": .integer(Int64(repairs.transactions)),
                "contested": .integer(Int64(repairs.contested)),
                "latencyMicroseconds": [
                    "p50": JSON(repairs.latency?.p50),
                    "p99": JSON(repairs.latency?.p99),
                    "max": JSON(repairs.latency?.max),
                ],
            ],
            "virtualSwitches": .array(virtualSwitches.map(\.json)),
            "chain": .array(chain.map(\.json)),
        ]
    }
}

extension Reason {
    /// As one text, with the remedy; on one line where there are no details.
    var line: String {
        let whole = ([text] + details).joined(separator: "\n")
        return remedy.map { "\(whole): \($0)" } ?? whole
    }
}

extension Status.VirtualSwitch {
    var json: JSON {
        [
            "name": .string(name),
            "bridge": .string(bridge),
            "uplink": uplink?.json ?? .null,
            "bridges": .array(bridges.map(\.json)),
        ]
    }
}

extension Status.Uplink {
    var json: JSON {
        [
            "name": .string(name),
            "mode": JSON(mode),
            "lacp": .string(lacp),
            "lacpStatus": .string(lacpStatus.rawValue),
            "activeMember": JSON(activeMember),
            "members": .array(members.map(\.json)),
            "present": .boolean(isPresent),
        ]
    }
}

extension Status.Member {
    var json: JSON {
        [
            "name": .string(name),
            "linkUp": .boolean(linkUp),
            "speedMbps": JSON(speedMbps),
            "enabled": .boolean(enabled),
        ]
    }
}

extension Status.ChainBridge {
    var json: JSON {
        let flows: JSON =
            self.flows.map { flows in
                [
                    "installed": .integer(Int64(flows.installed)),
                    "missing": .integer(Int64(flows.missing)),
                    "unmanaged": .integer(Int64(flows.unmanaged)),
                ]
            } ?? .null
        return ["bridge": .string(bridge), "present": .boolean(present), "flows": flows]
    }
}
