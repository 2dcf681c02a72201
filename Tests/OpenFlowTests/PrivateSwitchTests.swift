import Glibc
import Testing

@testable import TestSupport

/// The private switch that every integration test stands on, held to its own promises.
@Suite("a private switch", .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"))
struct PrivateSwitchTests {
    @Test("answers stock tools, survives the loss of either daemon, and leaves nothing behind")
    func life() async throws {
        var folder = ""
        var pids: [pid_t] = []
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            folder = ovs.runFolder
            pids = [ovs.serverProcess, ovs.switchProcess].compactMap { $0 }
            try await ovs.vsctl("add-br", "br0")
            #expect(try await ovs.check("ovs-ofctl", "-O", "OpenFlow14", "show", "br0").contains("LOCAL"))

            try await ovs.killSwitch()
            #expect(ovs.switchProcess == nil)
            #expect(try await ovs.run("ovs-ofctl", ["show", "br0"]).exitCode == 1)
            try await ovs.restartSwitch()
            #expect(try await ovs.run("ovs-ofctl", ["show", "br0"]).exitCode == 0)

            try await ovs.killServer(SIGTERM)
            try await ovs.restartServer()
            #expect(try await ovs.vsctl("list-br") == "br0")
            try await ovs.restartServer(freshDatabase: true)
            #expect(try await ovs.vsctl("list-br", wait: false) == "")
            pids += [ovs.serverProcess, ovs.switchProcess].compactMap { $0 }
        }
        #expect(pids.count == 4)
        for pid in pids { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
        #expect(access(folder, F_OK) == -1 && errno == ENOENT)
    }

    @Test("goes with its last reference when nobody stopped it")
    func forgotten() async throws {
        var ovs: PrivateSwitch? = try await PrivateSwitch.start(vswitchd: false)
        let connection = try #require(ovs.flatMap { PrivateSwitch.connect(to: $0.databaseSocket) })
        defer { close(connection) }
        ovs = nil
        // The server's end closes this one.
        #expect(try wait(for: [connection], until: .now + .seconds(10)) == [connection])
    }

    @Test("says what failed")
    func failure() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let error = await #expect(throws: PrivateSwitchError.self) { try await ovs.vsctl("del-br", "br9") }
            #expect(error?.description.contains("no bridge named br9") == true)
        }
    }
}
