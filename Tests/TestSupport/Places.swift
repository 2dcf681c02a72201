import NIOCore

/// Bounds how many tests have daemons at once: more of them than the machine has cores for only make each slow enough
/// to miss a deadline. A test that has a place takes no second one.
///
/// A test's time limit counts the wait for a place as well, so it must be far longer than the test's own deadlines.
actor Places {
    static let shared = Places(8 * System.coreCount)

    @TaskLocal private static var isTaken = false

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    private init(_ count: Int) { free = count }

    /// Calls `body` as soon as there is a place.
    nonisolated func withPlace<R>(_ body: () async throws -> R) async throws -> R {
        if Self.isTaken { return try await body() }
        await take()
        do {
            let result = try await Self.$isTaken.withValue(true) { try await body() }
            await giveBack()
            return result
        } catch {
            await giveBack()
            throw error
        }
    }

    private func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func giveBack() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
