// What `learn` makes, so that a flow it made can be told from one that somebody put there.

extension Learn {
    /// Whether this could have made a flow out of some packet: a constant has to be as it stands here, and what comes
    /// from the packet may be anything.
    public func couldMake(_ flow: Flow) -> Bool {
        guard flow.table == table, flow.priority == priority, flow.cookie == cookie,
            flow.idleTimeout == idleTimeout, flow.hardTimeout == hardTimeout
        else { return false }
        var match = Match()
        var actions: [FlowAction] = []
        for spec in specs {
            switch spec {
            case .match(let bits, let value): match.add(bits.match(value))
            case .matchField(let bits, _):
                guard let found = flow.match[bits.field] else { return false }
                match.add(bits.match(found.value >> UInt128(bits.offset)))
            case .load(let value, let bits): actions.append(.load(UInt64(truncatingIfNeeded: value), bits))
            case .loadField(_, let bits):
                guard actions.count < flow.instructions.actions.count,
                    case .load(let value, bits) = flow.instructions.actions[actions.count]
                else { return false }
                actions.append(.load(value, bits))
            case .output:
                guard actions.count < flow.instructions.actions.count,
                    case .output(let port) = flow.instructions.actions[actions.count]
                else { return false }
                actions.append(.output(port))
            }
        }
        return flow.match == match && flow.instructions == Instructions(actions: actions)
    }
}

extension Subfield {
    /// That the bits have a value.
    fileprivate func match(_ value: UInt128) -> FieldMatch {
        let ones = UInt128.max >> UInt128(128 - count)
        return FieldMatch(field, (value & ones) << UInt128(offset), mask: ones << UInt128(offset))
    }
}
