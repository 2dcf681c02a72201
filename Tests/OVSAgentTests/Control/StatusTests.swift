import JSONRPC
import Testing

@testable import OVSAgent

@Suite struct StatusTests {
    private let healthy = Status(
        state: .inSync,
        version: "0.1.0",
        pid: 4711,
        database: .init(remote: "unix:/run/openvswitch/db.sock", connected: true, lock: .held),
        layout: .init(path: "/etc/ovs-agent/layout.yaml", digest: "9f2c41"),
        repairs: .init(
            drifts: 12,
            transactions: 10,
            contested: 1,
            latency: Latency(p50: 310, p99: 1840, max: 2_500_000)
        ),
        virtualSwitches: [
            .init(
                name: "vs0",
                bridge: "br0",
                uplink: .init(
                    name: "br0-up",
                    isPresent: true,
                    mode: "balance-tcp",
                    lacp: "active",
                    lacpStatus: .negotiated,
                    activeMember: "eth0",
                    members: [
                        .init(name: "eth0", linkUp: true, speedMbps: 10000, enabled: true),
                        .init(name: "eth1", linkUp: false, speedMbps: nil, enabled: false),
                    ]
                ),
                bridges: [
                    .init(bridge: "br0.local", present: true, flows: .init(installed: 10, missing: 0, unmanaged: 0)),
                    .init(bridge: "br0", present: true, flows: .init(installed: 11, missing: 0, unmanaged: 2)),
                ]
            ),
            .init(name: "inner", bridge: "br1", uplink: nil),
        ],
        chain: [
            .init(bridge: "br.mx", present: true, flows: .init(installed: 4, missing: 0, unmanaged: 0)),
            .init(bridge: "br.microseg", present: true, flows: .init(installed: 1, missing: 2, unmanaged: 3)),
            .init(bridge: "br.nf", present: false),
        ]
    )

    private let broken = Status(
        state: .degraded,
        reasons: [
            .init("ovs-vswitchd does not answer", remedy: "systemctl status ovs-vswitchd"),
            .init(
                "the layout file was not taken: l.yaml:3:1: error: unknown key",
                details: ["l.yaml:4:1: error: no bridge"]
            ),
        ],
        warnings: ["Port tap0 on br0 has no tag"],
        version: "0.1.0",
        pid: 1,
        database: .init(remote: "tcp:[::1]:6640", connected: false),
        layout: .init(path: "l.yaml", error: "l.yaml:3:1: error: unknown key\nl.yaml:4:1: error: no bridge"),
        virtualSwitches: [
            .init(
                name: "a-long-switch-name",
                bridge: "br0",
                uplink: .init(name: "br0-up", isPresent: false, lacp: "off", lacpStatus: .off, members: [])
            )
        ]
    )

    @Test("a healthy status reads so")
    func healthyText() {
        #expect(
            healthy.text == """
                in-sync      ovs-agentd 0.1.0, pid 4711

                database     unix:/run/openvswitch/db.sock, connected, lock held
                layout       /etc/ovs-agent/layout.yaml, 9f2c41
                repairs      12 drifts, 10 transactions, 1 contested; p50 310 us, p99 1.8 ms, max 2.5 s

                vs0          br0, uplink br0-up: balance-tcp, LACP active, negotiated
                               eth0  up    10 Gbit/s  enabled   active
                               eth1  down  -          disabled
                             br0.local  present  10 flows
                             br0        present  11 flows, 2 unmanaged

                inner        br1, no uplink

                chain        br.mx        present  4 flows
                             br.microseg  present  1 flow, 2 missing, 3 unmanaged
                             br.nf        MISSING
                """
        )
    }

    @Test("what is wrong stands next to the state, with the remedy")
    func brokenText() {
        #expect(
            broken.text == """
                degraded     ovs-agentd 0.1.0, pid 1
                  ! ovs-vswitchd does not answer
                    -> systemctl status ovs-vswitchd
                  ! the layout file was not taken: l.yaml:3:1: error: unknown key
                    l.yaml:4:1: error: no bridge
                  ? Port tap0 on br0 has no tag

                database     tcp:[::1]:6640, not connected
                layout       l.yaml, no layout at work, the file was refused
                repairs      0 drifts, 0 transactions, 0 contested

                a-long-switch-name br0, uplink br0-up missing
                """
        )
    }

    @Test("a name that somebody gave a port makes no line of its own, and gives the terminal no command")
    func foreignNames() {
        var status = broken
        status.reasons = [.init("port a\u{1b}[31m is odd", remedy: "look\u{7}")]
        status.warnings = ["port b\n  ! forged\u{1b}[31m has no tag"]
        let lines = status.text.split(separator: "\n").prefix(5)
        #expect(
            lines.dropFirst().prefix(3) == [
                "  ! port a [31m is odd", "    -> look ", "  ? port b   ! forged [31m has no tag",
            ]
        )
    }

    @Test("what the database has not told yet is not called missing")
    func unknownText() throws {
        var status = broken
        status.isKnown = false
        #expect(status.text.hasSuffix("contested\n\nswitch       not known yet: the database has not told its rows"))
        #expect(status.json == broken.json)
        #expect(Topology(isKnown: false, virtualSwitches: []).text == .rowsUnknown)
        #expect(VMListing(isKnown: false).text == .rowsUnknown)
    }

    @Test("the JSON has every key in its order")
    func json() throws {
        let expected = #"""
            {"state":"in-sync","reasons":[],"warnings":[],"version":"0.1.0","pid":4711,
            "database":{"remote":"unix:/run/openvswitch/db.sock","connected":true,"lock":"held"},
            "layout":{"path":"/etc/ovs-agent/layout.yaml","digest":"9f2c41","error":null},
            "repairs":{"drifts":12,"transactions":10,"contested":1,
            "latencyMicroseconds":{"p50":310,"p99":1840,"max":2500000}},
            "virtualSwitches":[{"name":"vs0","bridge":"br0","uplink":{"name":"br0-up","mode":"balance-tcp",
            "lacp":"active","lacpStatus":"negotiated","activeMember":"eth0","members":[
            {"name":"eth0","linkUp":true,"speedMbps":10000,"enabled":true},
            {"name":"eth1","linkUp":false,"speedMbps":null,"enabled":false}],"present":true},
            "bridges":[{"bridge":"br0.local","present":true,"flows":{"installed":10,"missing":0,"unmanaged":0}},
            {"bridge":"br0","present":true,"flows":{"installed":11,"missing":0,"unmanaged":2}}]},
            {"name":"inner","bridge":"br1","uplink":null,"bridges":[]}],
            "chain":[{"bridge":"br.mx","present":true,"flows":{"installed":4,"missing":0,"unmanaged":0}},
            {"bridge":"br.microseg","present":true,"flows":{"installed":1,"missing":2,"unmanaged":3}},
            {"bridge":"br.nf","present":false,"flows":null}]}
            """#
        #expect(healthy.json == (try JSON(parsing: expected.utf8)))
        #expect(
            broken.json["reasons"] == [
                "ovs-vswitchd does not answer: systemctl status ovs-vswitchd",
                "the layout file was not taken: l.yaml:3:1: error: unknown key\nl.yaml:4:1: error: no bridge",
            ]
        )
        #expect(broken.json["warnings"] == ["Port tap0 on br0 has no tag"])
        #expect(broken.json["repairs"]?["latencyMicroseconds"] == ["p50": nil, "p99": nil, "max": nil])
    }

    @Test(
        "only in sync and standby need nobody",
        arguments: zip(
            ["in-sync", "reconciling", "degraded", "contested", "paused", "disconnected", "standby"],
            [true, false, false, false, false, false, true]
        )
    )
    func health(word: String, isHealthy: Bool) {
        #expect(Status.State(rawValue: word)?.isHealthy == isHealthy)
    }
}
