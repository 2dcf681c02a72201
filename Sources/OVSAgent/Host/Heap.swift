import CMalloc
import Glibc

/// The memory that this process takes for itself.
package enum Heap {
    /// Has all threads share two heaps. Each would have one of its own, which keeps what it needed once. To be called before
    /// there are threads.
    package static func share() { mallopt(M_ARENA_MAX, 2) }

    /// Gives back to the host what a big piece of work needed once, such as the flows of a thousand VM ports: the C library
    /// keeps it, for as long as anything above it in memory is in use. It takes milliseconds, in which whoever asks for
    /// memory waits.
    ///
    /// - Parameter slack: how many bytes may lie idle.
    static func giveBack(slack: Int = 2 << 20) {
        let known = mallinfo2()
        guard let resident = anonymous, resident > Int(known.uordblks) + Int(known.hblkhd) + fixed + slack else {
            return
        }
        malloc_trim(0)
    }

    /// What a process of ours has beside its heap: stacks, and what the linker changes in the program.
    private static let fixed = 2 << 20

    /// How many bytes of this process's own memory are in use (proc(5), `statm`): what is resident and in no file.
    private static var anonymous: Int? {
        guard let text = try? BoundedFile.text(of: "/proc/self/statm", limit: 4096) else { return nil }
        let pages = text.split(separator: " ").compactMap { Int($0) }
        guard pages.count > 2 else { return nil }
        return (pages[1] - pages[2]) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
