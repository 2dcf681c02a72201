import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// Layout files that come, go wrong, and are kept for a restart.
@Suite("Reloading", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ReloadTests {
    @Test("a bad layout is refused with its place and changes nothing; a good one mends it")
    func bad() async throws {
        try await RunningAgent.inSync { agent in
            let before = try await agent.ovs.rows()
            let bad: [(String, String)] = [
                ("version: 1\nvirtualSwitchs: []\n", ":2:1: error: "), ("version: 1\n\t- {", ":2:1: error: "),
                ("", ": error: "), ("\u{0}\u{1}\u{2}", ": error: "),
                (String(repeating: "# ten megabytes of comment\n", count: 400_000), "larger than"),
            ]
            for (text, words) in bad {
                let last = try await agent.lastEvent()
                try write(text, to: agent.configuration.layoutPath)
                let error = await #expect(throws: ControlClientError.self) { try await agent.ask("reload") }
                #expect(error.map { "\($0)".contains("\(agent.configuration.layoutPath)") } == true)
                #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "")")
                let rejected = try await agent.waitForEvent(after: last, "layout-rejected")
                #expect(rejected.reason == error.map { "\($0)" })
                let status = try await agent.waitForState("degraded", reason: "the layout file was not taken")
                #expect(status["layout"]?["error"]?.string == rejected.reason)
            }
            unlink(agent.configuration.layoutPath)
            let error = await #expect(throws: ControlClientError.self) { try await agent.ask("reload") }
            #expect(error.map { "\($0)".contains("No such file") } == true)
            try write(.oneSwitch, to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            let status = try await agent.waitForState("in-sync")
            #expect(status["layout"]?["error"]?.isNull == true)
            #expect(try await agent.ovs.rows() == before)
        }
    }

    @Test("plan says beside the changes what they take and what is not done, in JSON too")
    func notes() async throws {
        try await RunningAgent.inSync { agent in
            let layout = String.switches(7) + "managementBridge: {name: virbr0}\n"
            let answer = try await agent.ask("plan", "l.yaml", layout)
            let notes = answer["notes"]?.array?.compactMap(\.string) ?? []
            #expect(notes.count == 2, "\(notes)")
            #expect(notes.first?.hasPrefix("managementBridge virbr0: not managed yet") == true, "\(notes)")
            #expect(notes.last?.hasPrefix("reload needs --allow-removal: ") == true, "\(notes)")
            #expect(answer["text"]?.string?.hasSuffix(notes.map { "\n! \($0)" }.joined()) == true)
        }
    }

    @Test("another switch comes at once; its removal needs a word, and takes away exactly what was made")
    func removal() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            // The switch's word on br0 is taken by now, or else it would come between the two looks.
            let address = try await ovs.vsctl("get", "interface", "br0", "mac_in_use")
            try await ovs.vsctl("wait-until", "bridge", "br0", "other_config:hwaddr=\(address)")
            func names() async throws -> [String] { try await ovs.rows().dropFirst().map { $0 } }
            let before = try await names()
            try write(.switches(0, 7), to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            try await agent.waitForState("in-sync")
            #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 8)

            try write(.oneSwitch, to: agent.configuration.layoutPath)
            let error = await #expect(throws: ControlClientError.self) { try await agent.ask("reload") }
            #expect(error.map { "\($0)".contains("--allow-removal") } == true)
            #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 8)
            try await agent.ask("reload", "--allow-removal")
            try await agent.waitForState("in-sync")
            #expect(try await names() == before)

            // It was allowed once, for what stood there then: not for what somebody restores from an old copy.
            let role = "external_ids:ovs-agent-role=uplink-bridge"
            let made = "external_ids:ovs-agent-made=true"
            try await ovs.edit("add-br br7 -- set bridge br7 datapath_type=dummy \(role) \(made)")
            try await agent.waitForState("degraded", reason: "Bridge br7")
            #expect(try await ovs.vsctl("list-br").contains("br7"))
            try await agent.ask("reload", "--allow-removal")
            try await agent.waitForState("in-sync")
            #expect(try await names() == before)
        }
    }

    @Test("a restart with a bad file uses the last accepted one; half of that one is none")
    func kept() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .oneSwitch) { try await $0.waitForState("in-sync") }
            let before = try await ovs.rows()
            try await RunningAgent.with(ovs, layout: "version: 2\n") { agent in
                let status = try await agent.waitForState("degraded", reason: "the layout file was not taken")
                #expect(status["layout"]?["error"]?.string?.contains("layout.yaml:1:") == true)
                try await agent.waitForEvent("applied")
                let last = try await agent.lastEvent()
                try await ovs.vsctl("set-fail-mode", "br.mx", "standalone", wait: false)
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.mx", column: "fail_mode")
            }
            #expect(try await ovs.rows().dropFirst() == before.dropFirst())
            let configuration = try RunningAgent.configuration(ovs)
            for text in ["version: 1\nvirtualSwitches:\n  - name: vs0\n    bri", "\u{0}\u{0}", ""] {
                try write(text, to: "\(configuration.stateFolder)/layout.yaml")
                // A good file is taken whatever is kept.
                try await RunningAgent.with(ovs, layout: .oneSwitch) { try await $0.waitForState("in-sync") }
                try write(text, to: "\(configuration.stateFolder)/layout.yaml")
                await #expect(throws: LayoutRejection.self) {
                    try await RunningAgent.with(ovs, layout: "version: 2\n") { _ in }
                }
            }
        }
    }

    @Test("what reload answered is kept by then, and what SIGHUP brought a moment before SIGTERM is kept after it")
    func keptInTime() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let (path, kept) = ("\(ovs.runFolder)/layout.yaml", "\(ovs.runFolder)/d.state/layout.yaml")
            let layouts = [String.oneSwitch + "# again\n", .switches(0, 7)]
            try write(.oneSwitch, to: path)
            try await Daemon.with(ovs) { daemon in
                for layout in layouts {
                    try write(layout, to: path)
                    #expect(try await daemon.ctl("reload") == 0)
                    #expect(try keptText(of: kept) == layout)
                }
                let last = try await daemon.lastEvent()
                try write(.switches(0, 7, 8), to: path)
                daemon.program.send(SIGHUP)
                try await daemon.waitForEvent(after: last, "layout-loaded")
                daemon.program.send(SIGTERM)
                #expect(try await daemon.program.end() == 0)
                #expect(try keptText(of: kept) == .switches(0, 7, 8))
            }
        }
    }

    @Test("a bad file and none kept: it does not begin, and touches nothing")
    func nothingKept() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let before = try await ovs.rows()
            let error = await #expect(throws: LayoutRejection.self) {
                try await RunningAgent.with(ovs, layout: "version: 1\n") { _ in }
            }
            #expect(error?.findings.first?.hasPrefix("\(ovs.runFolder)/layout.yaml:1:1: error: ") == true)
            #expect(try await ovs.rows() == before)
            #expect(access("\(ovs.runFolder)/a.sock", F_OK) != 0)
        }
    }

    @Test("a state folder that can't be written and a doubtful layout are warned of, and no reason not to work")
    func unwritable() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let file = "\(ovs.runFolder)/file"
            try write("", to: file)
            let layout = String.oneSwitch.replacing("[eth0, eth1]", with: "[eth0]")
            try await RunningAgent.with(ovs, layout: layout, stateFolder: "\(file)/state") { agent in
                let failure = "could not be kept for a restart: \(file)"
                let status = try await agent.waitForState("in-sync", warning: failure)
                #expect("warning: one NIC only".isPart(of: status["warnings"]?.array?.compactMap(\.string) ?? []))
                #expect(agent.logs.contains(failure))
                #expect(try await agent.ask("reload")["text"]?.string?.contains(failure) == true)
                // What can be kept again is no longer warned of.
                try #require(unlink(file) == 0 && mkdir(file, 0o700) == 0)
                try await agent.ask("reload")
                try await agent.waitForState("in-sync", lacking: failure)
            }
        }
    }
}
