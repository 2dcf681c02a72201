import JSONRPC

/// The files of the state folder, and what is wrong with them. To keep something new, give it a line here and one in
/// ``KeptState``.
struct KeptFiles: Sendable {
    /// The bytes of the last accepted layout.
    var layout: KeptFile<[UInt8]>
    /// The pause that is not over.
    var pause: KeptFile<Pause?>
    /// Where a VM's port loses its mark while no agent runs, the next one has to know whose it was.
    var vmInterfaces: KeptFile<Versioned<Set<UUID>>>
    /// A restarted agent, or the next one, has to know who has spoken.
    var claims: KeptFile<Versioned<Claims>>
    /// Once such a port is taken off, a restarted agent has nothing else to know of it by.
    var misplaced: KeptFile<[MisplacedVM]>
    /// As ``ActiveMembers/bytes(of:)`` has them.
    var activeMembers: KeptFile<[UInt8]>
    var found: KeptFile<FoundValues>
    var troubles = StateTroubles()

    /// - Parameter state: what was read of the folder.
    init(in folder: String, _ state: KeptState) {
        layout = KeptFile(.layout(in: folder), held: state.layout.value?.bytes) { _ in
            "the accepted layout could not be kept for a restart"
        } encode: {
            $0
        }
        pause = KeptFile(.pause(in: folder), held: .some(state.pause.value)) { pause in
            pause == nil
                ? "the file of a pause that is over could not be removed" : "the pause could not be kept for a restart"
        } encode: {
            $0?.bytes
        }
        vmInterfaces = KeptFile(.vmInterfaces(in: folder), held: Versioned(nil, 0), remembered: \.bare) { _ in
            "which ports are VMs' could not be kept for a restart"
        } encode: {
            $0.content.flatMap { $0.isEmpty ? nil : Quarantine.bytes(of: $0) }
        }
        let spoken = (state.claims.value ?? Claims()).version
        claims = KeptFile(.claims(in: folder), held: Versioned(nil, spoken), remembered: \.bare) { _ in
            "which VM ports have spoken could not be kept for a restart"
        } encode: {
            $0.content?.bytes
        }
        misplaced = KeptFile(.misplaced(in: folder), held: state.misplaced.value ?? []) { _ in
            "which VM ports were taken off the chain could not be kept for a restart"
        } encode: {
            $0.isEmpty ? nil : MisplacedVM.bytes(of: $0)
        }
        activeMembers = KeptFile(.activeMembers(in: folder)) { _ in
            "which member each bond uses could not be kept for a restart"
        } encode: {
            $0
        }
        found = KeptFile(.found(in: folder), held: state.found.value ?? FoundValues()) { _ in
            "what was found on the host could not be kept for a restart"
        } encode: {
            $0.bytes
        }
    }

    /// What is damaged, could not be saved or lacks its copy is to be written anew, whatever is to stand there.
    mutating func forgetUnsound() {
        let troubles = troubles
        forget { troubles.isDamaged($0) || troubles.isUnsaved($0) }
    }

    private mutating func forget(where isLost: (StateFile) -> Bool) {
        if isLost(layout.file) { layout.forget() }
        if isLost(pause.file) { pause.forget() }
        if isLost(vmInterfaces.file) { vmInterfaces.forget() }
        if isLost(claims.file) { claims.forget() }
        if isLost(misplaced.file) { misplaced.forget() }
        if isLost(activeMembers.file) { activeMembers.forget() }
        if isLost(found.file) { found.forget() }
    }

    /// What could not be saved may be tried again.
    mutating func unblock() {
        layout.unblock()
        pause.unblock()
        vmInterfaces.unblock()
        claims.unblock()
        misplaced.unblock()
        activeMembers.unblock()
        found.unblock()
    }
}
