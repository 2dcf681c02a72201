import JSONRPC

extension JSON {
    /// This value with each of its parts in turn replaced by each of `junk`, or left out.
    func mutations(with junk: [JSON]) -> [JSON] {
        switch self {
        case .array(let elements):
            junk
                + elements.indices.flatMap { index in
                    elements[index].mutations(with: junk).map { part in
                        var changed = elements
                        changed[index] = part
                        return .array(changed)
                    } + [.array(Array(elements[..<index] + elements[(index + 1)...]))]
                }
        case .object(let members):
            junk
                + members.indices.flatMap { index in
                    members[index].value.mutations(with: junk).map { part in
                        var changed = members
                        changed[index].value = part
                        return .object(changed)
                    } + [.object(Array(members[..<index] + members[(index + 1)...]))]
                }
                + members.indices.map { index in
                    var changed = members
                    changed[index].name = "junk"
                    return .object(changed)
                }
        default: junk
        }
    }
}
