import JSONRPC

/// What the state folder holds: what must survive a restart, and what the next holder of the lock has to know.
struct KeptState: Sendable {
    /// The last accepted layout.
    var layout: StateFile.Kept<ActiveLayout>
    /// The pause that an operator gave and nobody ended.
    var pause: StateFile.Kept<Pause>
    /// The interfaces that were seen as a VM's.
    var vmInterfaces: StateFile.Kept<Set<UUID>>
    /// Which VM ports have spoken.
    var claims: StateFile.Kept<Claims>
    /// The VM ports that were taken off the chain's bridges.
    var misplaced: StateFile.Kept<[MisplacedVM]>
    /// Which member each active-backup bond used.
    var activeMembers: StateFile.Kept<ActiveMembers> = .missing
    /// What was found on the host.
    var found: StateFile.Kept<FoundValues>
    /// Files whose copy is missing, damaged or another's.
    var lackingCopies: [StateFile] = []

    /// Reads it.
    static func load(from folder: String) -> KeptState {
        let layout = StateFile.layout(in: folder)
        return KeptState(
            layout: layout.load { try ActiveLayout($0, file: layout.path) },
            pause: read(.pause(in: folder), "it holds no pause") { Pause($0) },
            vmInterfaces: read(.vmInterfaces(in: folder), "it does not hold one UUID a line") {
                Quarantine.vmInterfaces(in: $0)
            },
            claims: read(.claims(in: folder), "it does not hold one VM port a line") { Claims(bytes: $0) },
            misplaced: read(.misplaced(in: folder), "it does not hold VM ports") { MisplacedVM.all(in: $0) },
            activeMembers: read(.activeMembers(in: folder), "it does not hold a process and one bond a line") {
                ActiveMembers(kept: $0)
            },
            found: read(.found(in: folder), "it does not hold what agents find on a host") { FoundValues(kept: $0) },
            lackingCopies: [.pause(in: folder), .found(in: folder)].filter(\.lacksCopy)
        )
    }

    /// - Parameter flaw: what is wrong with a file of which `parse` makes nothing.
    private static func read<Value: Sendable>(
        _ file: StateFile,
        _ flaw: String,
        _ parse: ([UInt8]) -> Value?
    ) -> StateFile.Kept<Value> {
        file.load { bytes in
            guard let value = parse(bytes) else { throw StateFormat.Flaw(description: flaw) }
            return value
        }
    }

    /// The pause that goes on. Nobody lets one end because its file is damaged: see ``Pause/init(_:now:)``.
    func pause(now: Timestamp) -> Pause? { pause.value ?? pause.damage.map { Pause($0, now: now) } }

    /// What is wrong with which file, and what follows from it.
    var damages: [(damage: StateFile.Damage, consequence: String)] {
        var damages: [(StateFile.Damage, String)] = []
        if let damage = layout.damage {
            damages.append((damage, "what the one accepted before made and this one does not have stays where it is"))
        }
        if let damage = pause.damage {
            let consequence =
                if pause.value != nil {
                    damage.isOfCopy ? "the file itself tells the pause" : "its copy tells the pause"
                } else if damage.writtenAt != nil {
                    "the pause lasts as long as one can that it held"
                } else {
                    "nothing tells whether it held a pause, or since when: one goes on for a day, or until resume"
                }
            damages.append((damage, consequence))
        }
        if let damage = claims.damage {
            damages.append((damage, "every VM port is expected until it speaks again"))
        }
        if let damage = misplaced.damage {
            damages.append((damage, "VM ports that were taken off a bridge of the chain before are not named any more"))
        }
        if let damage = activeMembers.damage {
            let consequence = "where ovs-vswitchd was restarted meanwhile, bonds use the members that it has chosen"
            damages.append((damage, consequence))
        }
        if let damage = vmInterfaces.damage {
            damages.append((damage, "every port that stands on a brN.local now counts as a VM's"))
        }
        if let damage = found.damage {
            let consequence =
                found.value != nil
                ? "\(damage.isOfCopy ? "the file itself" : "its copy") tells what was found on the host"
                : "what stands on the host now counts as found, where the layout says nothing"
            damages.append((damage, consequence))
        }
        return damages
    }
}
