import Testing

@testable import OVSAgent

/// From what ovs-vswitchd prints to values, whatever it prints.
struct OfprotoTraceTests {
    /// As Open vSwitch 3.1 prints it.
    private static let broadcast = """
        Flow: in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:0a,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0000

        bridge("br.nf")
        ---------------
        20. priority 0, cookie 0x6f76736100000000
            output:NXM_NX_REG2[]
             -> output port is 40000

        bridge("br0.local")
        -------------------
         0. in_port=50000, priority 200, cookie 0x6f76736110000000
            goto_table:10
        10. dl_dst=01:00:00:00:00:00/01:00:00:00:00:00, priority 100, cookie 0x6f76736110000000
            resubmit(,12)
            12. No match.
                    drop
            resubmit(,11)
            11. reg0=0x2, priority 0
                    drop
            goto_table:32
        32. dl_vlan=10, priority 10, cookie 0x6f7673613000000a
            output:4
            pop_vlan
            output:1
             >> skipping output to input port

        Final flow: in_port=1,dl_vlan=10,dl_vlan_pcp=0,dl_src=02:00:00:00:00:0a,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0000
        Megaflow: recirc_id=0,eth,in_port=1,dl_src=02:00:00:00:00:0a,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x0000
        Datapath actions: push_vlan(vid=10,pcp=0),3,clone(ct(commit),4),12
        This flow is handled by the userspace slow path because it:
          - Consists of LACP packets.
        """

    @Test("bridges, lookups inside others, actions and remarks find their places")
    func parts() throws {
        let trace = OfprotoTrace(Self.broadcast)
        #expect(trace.flow.field("dl_dst") == "ff:ff:ff:ff:ff:ff")
        #expect(trace.sections.map(\.bridge) == ["br.nf", "br0.local"])
        #expect(
            trace.sections[0].steps[0].actions == [
                .init(text: "output:NXM_NX_REG2[]", remarks: ["output port is 40000"])
            ]
        )
        let local = trace.sections[1].steps
        #expect(local.map(\.table) == [0, 10, 12, 11, 32])
        #expect(local.map { $0.found == nil } == [false, false, true, true, false])
        #expect(local[1].actions.map(\.text) == ["resubmit(,12)", "resubmit(,11)", "goto_table:32"])
        #expect(local[2].actions.map(\.text) == ["drop"])
        #expect(local[4].found == .init(match: "dl_vlan=10", priority: 10, cookie: 0x6f76_7361_3000_000a))
        #expect(local[4].actions.map(\.isSkipped) == [false, false, true])
        #expect(trace.datapathActions == [["push_vlan(vid=10,pcp=0)", "3", "clone(ct(commit),4)", "12"]])
        #expect(
            trace.remarks == [
                "This flow is handled by the userspace slow path because it:", "- Consists of LACP packets.",
            ]
        )
    }

    @Test("a frame that is taken up again goes on in sections of their own")
    func recirculation() {
        let trace = OfprotoTrace(
            """
            Flow: tcp,in_port=1
            bridge("br.microseg")
            ---------------------
             2. ip, priority 10, cookie 0x6f76736100000000
                ct(table=3,zone=5)
                drop
                 -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 3.

            Final flow: unchanged
            Megaflow: recirc_id=0,eth,tcp,in_port=1,nw_frag=no
            Datapath actions: ct(zone=5),recirc(0x1)

            ===============================================================================
            recirc(0x1) - resume conntrack with default ct_state=trk|new (use --ct-next to customize)
            ===============================================================================

            Flow: recirc_id=0x1,ct_state=new|trk,tcp,in_port=1

            bridge("br.microseg")
            ---------------------
                thaw
                    Resuming from table 3
             3. No match.
                drop

            Final flow: unchanged
            Datapath actions: 7
            """
        )
        #expect(trace.flow == "tcp,in_port=1")
        #expect(trace.sections.map(\.bridge) == ["br.microseg", "br.microseg"])
        #expect(trace.sections[1].remarks == ["thaw", "Resuming from table 3"])
        #expect(trace.sections[1].steps.map(\.table) == [3])
        #expect(trace.datapathActions == [["ct(zone=5)", "recirc(0x1)"], ["7"]])
    }

    @Test("whatever is cut off, doubled or moved, it is read to the end")
    func anything() {
        let lines = Self.broadcast.split(separator: "\n", omittingEmptySubsequences: false)
        for index in lines.indices {
            let cut = lines[..<index].joined(separator: "\n")
            #expect(OfprotoTrace(cut).sections.count <= 2)
            let moved = (lines[index...] + lines[..<index]).joined(separator: "\n")
            #expect(OfprotoTrace(moved).sections.count == 2)
            let indented = lines[..<index].map { "\t   \($0)" } + lines[index...].map { "\($0).. )(" }
            _ = OfprotoTrace(indented.joined(separator: "\n"))
        }
    }

    @Test("ports are known by both of their numbers, each in its datapath")
    func ports() {
        let ports = DatapathPorts(
            """
            netdev@ovs-netdev: hit:0 missed:0
              br9:
                br9 65534/1: (tap)
            system@ovs-system: hit:3 missed:1
              br0:
                br0 65534/1: (internal)
                br0.dmx 40000/none: (patch: peer=br0.dmx.n)
                eth0 1/3: (system)
                vx 4/5: (vxlan: csum=true, remote_ip=192.0.2.1)
              br.dmx:
                nonsense
            """
        )
        #expect(ports.ports.map(\.name) == ["br9", "br0", "br0.dmx", "eth0", "vx"])
        #expect(ports.port(datapathNumber: 1, in: "system@ovs-system")?.name == "br0")
        #expect(ports.port(number: 40000, on: "br0")?.peer == "br0.dmx.n")
        #expect(ports.port(number: 40000, on: "br0")?.datapathNumber == nil)
        #expect(ports.port("eth0", on: "br0")?.datapathNumber == 3)
    }
}
