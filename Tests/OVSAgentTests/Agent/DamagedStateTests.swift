import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

/// What happens to an agent's state folder while it does not run.
@Suite("A damaged state folder", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct DamagedStateTests {
    /// How a file is damaged.
    enum Damage: String, CaseIterable {
        case emptied, halved, garbage, huge, folder

        func strike(_ path: String) throws {
            let bytes = try BoundedFile.bytes(of: path)
            switch self {
            case .emptied: try write("", to: path)
            case .halved: try write(String(decoding: bytes.prefix(bytes.count / 2), as: UTF8.self), to: path)
            case .garbage: try write("\u{1}\u{fffd}%%%\0\n\n9 9 9", to: path)
            case .huge: try write(String(repeating: "x 1\n", count: 600_000), to: path)
            case .folder:
                unlink(path)
                mkdir(path, 0o700)
            }
        }
    }

    @Test("a damaged pause goes on for its time, is told, and ends on request", arguments: Damage.allCases)
    func pause(_ damage: Damage) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let file = "\(ovs.runFolder)/a.state/pause"
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try await agent.ask("pause", "3600", "bond swap")
                try await agent.waitForState("paused", reason: "bond swap")
            }
            try await ovs.edit("del-port br.nf br0.nf.s")
            try damage.strike(file)
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("paused", reason: "bond swap", warning: "\(file): ")
                try await ovs.settled()
                #expect(try await !ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
                try await agent.waitForEvent("state-damaged", object: "File \(file)")
                #expect(agent.logs.contains("state-damaged File \(file)"))
            }
            // Its copy, too; what is known then is that no pause lasts longer than a day.
            for path in [file, "\(file).copy"] {
                rmdir(path)
                if access(path, F_OK) != 0 { try write("x", to: path) }
                try damage.strike(path)
            }
            var ends: [String] = []
            for _ in 0..<2 {
                try await RunningAgent.with(ovs) { agent in
                    let status = try await agent.waitForState("paused", reason: "whose file is damaged")
                    try await ovs.settled()
                    #expect(try await !ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
                    ends.append(status["reasons"]?.array?.first?.string ?? "")
                }
                // It was written anew, unless a folder stands there: then as long as that does.
                if damage != .folder { #expect(access("\(file).copy", F_OK) == 0) }
            }
            #expect(ends[0] == ends[1] && ends[0].contains("run ovs-agentctl resume"), "\(ends)")
            rmdir(file)
            rmdir("\(file).copy")
            try await RunningAgent.with(ovs) { agent in
                // Without any file nobody paused it.
                if damage != .folder {
                    try await agent.waitForState("paused")
                    try await agent.ask("resume")
                }
                try await agent.waitForState("in-sync")
                #expect(try await ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
                #expect(access(file, F_OK) != 0)
            }
        }
    }

    /// Waits until a file holds these bytes again.
    private static func restored(_ path: String, _ bytes: [UInt8]) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while (try? BoundedFile.bytes(of: path, limit: 1 << 20)) != bytes {
            try #require(ContinuousClock.now < deadline, "\(path)")
        }
    }

    @Test(
        "a copy that is damaged is told and made anew; one that is not there is made anew",
        arguments: [nil] + Damage.allCases
    )
    func copies(_ damage: Damage?) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let files = ["pause", "found.json"].map { "\(ovs.runFolder)/a.state/\($0)" }
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try await agent.ask("pause", "3600", "bond swap")
            }
            let sound = try files.map { try BoundedFile.bytes(of: $0, limit: 1 << 20) }
            for file in files {
                if let damage { try damage.strike("\(file).copy") } else { unlink("\(file).copy") }
            }
            try await RunningAgent.with(ovs) { agent in
                for file in files where damage != nil {
                    try await agent.waitForEvent("state-damaged", object: "File \(file).copy")
                    #expect(agent.logs.contains("state-damaged File \(file).copy"))
                    try await agent.waitForState("paused", reason: "bond swap", warning: "\(file).copy: ")
                }
                try await agent.waitForState("paused", reason: "bond swap")
                if damage == .folder {
                    for file in files { rmdir("\(file).copy") }
                }
                for (file, bytes) in zip(files, sound) { try await Self.restored("\(file).copy", bytes) }
                for (file, bytes) in zip(files, sound) { try await Self.restored(file, bytes) }
                let told = try await agent.events().filter { $0.kind == "state-damaged" }
                #expect(told.count == (damage == nil ? 0 : 2))
                if damage == nil { try await agent.waitForState("paused", lacking: "kept for a restart") }
            }
            // And then it can tell.
            for file in files { try write("", to: file) }
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("paused", reason: "bond swap", warning: "its copy tells what was found")
            }
        }
    }

    @Test("a pause whose file was damaged more than a day ago is over")
    func overlong() {
        let now = Timestamp(microseconds: 1_700_000_000_000_000)
        func damage(hoursAgo: Int64) -> StateFile.Damage {
            let time = Timestamp(microseconds: now.microseconds - hoursAgo * 3_600_000_000)
            return StateFile.Damage(path: "/s/pause", reason: "it is\nempty", writtenAt: time)
        }
        for (hours, left) in [(0, 24), (5, 19), (23, 1), (24, nil), (1000, nil), (-100, 24)] as [(Int64, Int64?)] {
            let pause = Pause(damage(hoursAgo: hours), now: now)
            #expect(pause.remaining(now: now) == left.map { .hours($0) }, "\(hours)")
            #expect(Pause(pause.bytes) == pause)
        }
        let unknown = Pause(.init(path: "/s/pause", reason: "?", writtenAt: nil), now: now)
        #expect(unknown.remaining(now: now) == .hours(24))
    }

    @Test("a pause goes on, too, where the system tells nothing of its file")
    func unreachable() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let state = "\(ovs.runFolder)/a.state"
            // Whatever is looked for in there, the system fails.
            try #require(symlink("a.state", state) == 0)
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("paused", reason: "whose file is damaged", warning: "\(state)/pause: ")
                #expect(try await ovs.vsctl("list-br", wait: false) == "")
                unlink(state)
                try await agent.ask("resume")
                try await agent.waitForState("in-sync")
            }
            try await RunningAgent.with(ovs) { try await $0.waitForState("in-sync") }
        }
    }

    @Test("a pause and a layout that an agent without checksums left are taken as they are")
    func older() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let state = "\(ovs.runFolder)/a.state"
            mkdir(state, 0o700)
            let until = Timestamp.now().microseconds + 3_600_000_000
            try write("\(until) 3600\nbond swap\n", to: "\(state)/pause")
            try write(.oneSwitch, to: "\(state)/layout.yaml")
            try write("0b6a3e5c-35a1-4f0e-8a63-111111111111\n", to: "\(state)/vm-interfaces")
            try await RunningAgent.with(ovs, layout: "version: 2\n") { agent in
                try await agent.waitForState("paused", reason: "bond swap")
                try await agent.ask("resume")
                try await agent.waitForState("degraded", reason: "the layout file was not taken")
                try await agent.waitForEvent("applied")
                #expect(try await agent.events().allSatisfy { $0.kind != "state-damaged" })
            }
        }
    }

    @Test("a damaged layout is told, and kept anew from the layout file", arguments: Damage.allCases)
    func layout(_ damage: Damage) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let file = "\(ovs.runFolder)/a.state/layout.yaml"
            try await RunningAgent.with(ovs, layout: .oneSwitch) { try await $0.waitForState("in-sync") }
            try damage.strike(file)
            let refusal = await #expect(throws: LayoutRejection.self) {
                try await RunningAgent.with(ovs, layout: "version: 2\n") { _ in }
            }
            #expect(refusal?.findings.last?.hasPrefix("\(file): ") == true)
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForEvent("state-damaged", object: "File \(file)")
                try await agent.waitForState("in-sync", warning: "kept for a restart and damaged: \(file)")
                if damage == .folder { rmdir(file) }
                try await agent.ask("reload")
                #expect(try keptText(of: file) == .oneSwitch)
            }
        }
    }

    @Test("a port that lost its mark stays when the file of VMs' interfaces is damaged", arguments: Damage.allCases)
    func vmInterfaces(_ damage: Damage) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let file = "\(ovs.runFolder)/a.state/vm-interfaces"
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try await ovs.edit("add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=vm1")
                try await ovs.settled()
            }
            try damage.strike(file)
            try await ovs.edit("remove interface vm1 external_ids iface-id")
            try await RunningAgent.with(ovs, quarantine: .milliseconds(100)) { agent in
                try await agent.waitForEvent("state-damaged", object: "File \(file)")
                try await agent.waitForState("in-sync", warning: "it was one before, and stays")
                // One that comes now is none.
                try await ovs.edit("add-port br0.local vm2")
                let deadline = ContinuousClock.now + .seconds(20)
                var ports = "vm2"
                while ports.contains("vm2") {
                    try #require(ContinuousClock.now < deadline)
                    ports = try await ovs.vsctl("list-ports", "br0.local")
                }
                #expect(ports.contains("vm1"))
            }
        }
    }
}
