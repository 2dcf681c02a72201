import Testing

@testable import OVSAgent

/// The way of a frame from what ovs-vswitchd printed, where a switch of the tests can't be brought to print it.
struct FramePathTests {
    private static let host = """
        bridge br0
          port br0
          port br0-up
            interface eth0 ofport=1
            interface eth1 ofport=2
          port br0.dmx
            interface br0.dmx type=patch
        bridge br0.local
          port br0.local
          port vm1 tag=10
            interface vm1 external_ids:iface-id=nic external_ids:attached-mac=02:00:00:00:00:0a
        """
    private static let ports = """
        system@ovs-system: hit:0 missed:0
          br.dmx:
            br0.dmx.n 50000/none: (patch: peer=br0.dmx)
            br0.dmx.s 40000/none: (patch: peer=br0.nf.n)
          br.microseg:
            br0.ms.n 50000/none: (patch: peer=br0.nf.s)
            br0.ms.s 40000/none: (patch: peer=br0.mx.n)
          br0:
            br0 65534/1: (internal)
            br0.dmx 40000/none: (patch: peer=br0.dmx.n)
            eth0 1/2: (system)
            eth1 2/3: (system)
            direct 3/5: (system)
          br0.local:
            vm1 1/4: (system)
        """

    private static func path(_ port: String, _ trace: String) throws -> FramePath {
        let uplink = Layout.Uplink(name: "br0-up", nics: .list(["eth0", "eth1"]))
        let layout = Layout(
            virtualSwitches: [Layout.VirtualSwitch(name: "vs0", lane: try #require(Lane(0)), uplink: uplink)]
        )
        let question = try TraceQuestion(
            port: port,
            frame: "",
            replica: PlanDatabase(host).replica,
            layout: layout,
            chain: ChainStanding()
        )
        return FramePath(question, trace: OfprotoTrace(trace), ports: DatapathPorts(ports))
    }

    @Test("a bond that picks its member by a hash is where the frame leaves")
    func balanced() throws {
        // As Open vSwitch 3.1 prints it of a bond in balance-tcp.
        let path = try Self.path(
            "br0.dmx",
            """
            Flow: in_port=40000,vlan_tci=0x0000,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:99,dl_type=0x0000

            bridge("br0")
            -------------
            243. priority 0, cookie 0x6f76736110000000
                NORMAL
                 -> no learned MAC for destination, flooding

            Final flow: unchanged
            Datapath actions: hash(l4(0)),recirc(0x1),5
            """
        )
        #expect(path.hops.map(\.outPorts) == [["direct", "br0-up"]])
        #expect(path.text.hasSuffix("\ndelivered to direct, br0-up (the wire)"))
    }

    @Test("a bridge that looks at a frame again drops it the second time only")
    func again() throws {
        let path = try Self.path(
            "vm1",
            """
            Flow: ip,in_port=1,dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:99
            bridge("br.microseg")
            ---------------------
             0. in_port=40000, priority 100, cookie 0x6f76736110000000
                goto_table:2
             2. ip, priority 9, cookie 0x6f76736110000000
                ct(table=3,zone=5)
                drop
                 -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 3.

            Final flow: unchanged
            Datapath actions: ct(zone=5),recirc(0x3)

            ===============================================================================
            recirc(0x3) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
            ===============================================================================

            Flow: recirc_id=0x3,ct_state=new|trk,ct_zone=5,eth,ip,in_port=1
            bridge("br.microseg")
            ---------------------
                thaw
                    Resuming from table 3
             3. No match.
                drop

            Final flow: unchanged
            Datapath actions: drop
            """
        )
        #expect(path.hops.map(\.drop) == [nil, "no flow takes it in table 3"])
        #expect(path.hops[1].words == ["again, from table 3"])
        #expect(path.text.contains("looked at again\n"))
        #expect(path.text.hasSuffix("\ndropped by br.microseg"))
    }

    @Test("a trace that says nothing, or of other bridges, is told as it is")
    func little() throws {
        #expect(try Self.path("vm1", "").text.hasSuffix("? -> ?\ndelivered nowhere"))
        let path = try Self.path(
            "vm1",
            "bridge(\"brX\")\n-----\n 0. tcp, priority 5\n    output:7\n\nTranslation failed"
        )
        #expect(path.hops.map(\.bridge) == ["brX"])
        #expect(path.hops[0].words == ["not the agent's flow: table=0, priority=5,tcp actions=output:7"])
        #expect(path.text.contains("\n  ? Translation failed\n"))
    }
}
