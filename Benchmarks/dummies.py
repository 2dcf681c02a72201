"""A host on the dummy datapath, without root: its NICs' frames come and go by unix sockets, when they come and go."""

import os
import select
import socket
import struct
import threading
import time

from openflow import OpenFlow
from ports import mutate, string_map, transact
from sandbox import JSONStream, Sandbox, until

LAYOUT = """version: 1
datapath: dummy
virtualSwitches:
  - name: vs0
    bridge: br0
    hostVlan: 0
    uplink:
      nics: [eth0]
      mode: active-backup
"""
BRIDGES = ["br0.local", "br.mx", "br.microseg", "br.nf", "br.dmx", "br0"]
PLAIN = "plain"  # a bridge that switches by itself, nothing of the agent's
WIRES = {"br0.local": "eth0", PLAIN: "plain0"}
VLANS = 20
DESTINATIONS = {"br0.local": 20, "br0": 241}  # tables with a flow for every VM port
OURS = 0x6F767361_00000000, 0xFFFFFFFF_C0000000  # cookies of the agent's flows, without those of learned ones
AT_ONCE = 200


def mac(number):
    return f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def hardware(text):
    return bytes.fromhex(text.replace(":", ""))


class Cable:
    """The far end of a dummy NIC, which ovs-vswitchd connects to when it opens the NIC (options:stream)."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen()
        self.end, self.buffer = None, b""

    def attach(self, seconds=60):
        self.listener.settimeout(seconds)
        self.end, _ = self.listener.accept()
        self.end.settimeout(seconds)

    def send(self, frame):
        self.end.sendall(struct.pack("!H", len(frame)) + frame)

    def brings(self, source, seconds):
        """Whether a frame from this address comes within a time; others are dropped."""
        deadline = time.perf_counter() + seconds
        while True:
            while len(self.buffer) >= 2 and len(self.buffer) >= (size := 2 + int.from_bytes(self.buffer[:2], "big")):
                frame, self.buffer = self.buffer[2:size], self.buffer[size:]
                if frame[6:12] == source:
                    return True
            if not select.select([self.end], [], [], max(0, deadline - time.perf_counter()))[0]:
                return False
            self.buffer += self.end.recv(1 << 16)

    def wait_for_end(self):
        """Returns once ovs-vswitchd has closed the NIC."""
        try:
            while self.end.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass  # with frames of ours that nobody has read

    def close(self):
        for end in (self.listener, self.end):
            if end:
                end.close()
        os.unlink(self.path)


class DummyHost(Sandbox):
    """With an agent in sync, so many VM ports on br0.local, and a plain bridge beside it."""

    def __init__(self, vm_ports):
        self.vm_ports, self.made = vm_ports, 0

    def begin(self):
        super().begin()
        self.layout = f"{self.folder}/layout.yaml"
        with open(self.layout, "w", encoding="utf-8") as file:
            file.write(LAYOUT)
        self.agent, self.control = self.start_agent(self.layout)
        self.database = JSONStream(self.socket)
        self.vsctl("add-br", PLAIN, "--", "set", "Bridge", PLAIN, "datapath_type=dummy", "--", "add-port", PLAIN, "plain0")
        self.cables = {}
        for bridge, nic in WIRES.items():
            self.cables[bridge] = Cable(f"{self.folder}/{nic}")
            self.vsctl("set", "Interface", nic, f"options:stream=unix:{self.cables[bridge].path}")
            self.cables[bridge].attach()
        while self.made < self.vm_ports:
            self.insert("br0.local", min(AT_ONCE, self.vm_ports - self.made))
        until("served VM ports", 120, self.is_served, pause=0.05)
        self.flow_counts = self.counts()

    def insert(self, bridge, count, stream=None):
        """Commits so many VM ports with a NIC each, and gives the transaction's result: of each its Port, and so on."""
        ports = []
        for _ in range(count):
            self.made += 1
            name = f"vm{self.made}"
            ids = {"iface-id": name, "attached-mac": mac(self.made)}
            row = {"name": name, "external_ids": string_map(ids)}
            if stream:
                row["options"] = string_map({"stream": f"unix:{stream}"})
            port = {"name": name, "tag": self.made % VLANS + 1, "interfaces": ["named-uuid", f"i{self.made}"]}
            ports.append({"op": "insert", "table": "Port", "row": port, "uuid-name": f"p{self.made}"})
            ports.append({"op": "insert", "table": "Interface", "row": row, "uuid-name": f"i{self.made}"})
        named = ["set", [["named-uuid", one["uuid-name"]] for one in ports[::2]]]
        return transact(self.database, *ports, mutate("Bridge", [["name", "==", bridge]], "ports", named), self.next())

    def delete(self, bridge, uuid):
        where, gone = [["name", "==", bridge]], ["ports", "delete", uuid]
        transact(self.database, {"op": "mutate", "table": "Bridge", "where": where, "mutations": [gone]}, self.next())

    def next(self):
        """What makes ovs-vswitchd say when it is done, as ovs-vsctl does."""
        return {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}

    def is_served(self):
        """Whether the agent is in sync, and every VM port has the flow that frames find it by: on either bridge it comes
        with all others of the port."""
        found = {bridge: self.count(bridge, table=table) for bridge, table in DESTINATIONS.items()}
        return self.control.status()["state"] == "in-sync" and min(found.values()) >= self.vm_ports

    def management(self, bridge):
        return OpenFlow(f"{self.folder}/{bridge}.mgmt")

    def count(self, bridge, **what):
        switch = self.management(bridge).greet()
        try:
            return switch.flow_count(*OURS, **what)
        finally:
            switch.close()

    def counts(self):
        return {bridge: self.count(bridge) for bridge in BRIDGES}

    def texts(self):
        """The agent's flows as text without what counts."""
        ours = "cookie={:#x}/{:#x}".format(*OURS)
        dumps = (self.ofctl("--no-stats", "dump-flows", bridge, ours) for bridge in BRIDGES)
        return [sorted(line.strip() for line in dump.splitlines() if line.startswith(" ")) for dump in dumps]

    def first_frame(self, bridge):
        """Milliseconds from the commit of one more VM port until one of the frames that the VM sends without a pause leaves
        by the wire, and from when ovs-vswitchd, having told of the port, served an OpenFlow client."""
        wire = self.cables[bridge]
        cable = Cable(f"{self.folder}/cable")
        switch = self.management(bridge).greet()
        switch.follow_ports()
        served = []

        def follow(name):
            switch.wait_for_port(name)
            served.append(time.perf_counter())

        follower = threading.Thread(target=follow, args=[f"vm{self.made + 1}"])
        follower.start()
        result = self.insert(bridge, 1, cable.path)
        began = time.perf_counter()
        source = hardware(mac(self.made))
        frame = b"\x02\x00\x00\x00\xff\x01" + source + b"\x88\xb5" + bytes(46)
        cable.attach()
        cable.send(frame)
        while not wire.brings(source, 0.0002):
            if time.perf_counter() > began + 60:
                raise TimeoutError(f"{bridge}: no frame of vm{self.made} came to the wire")
            cable.send(frame)
        passed = time.perf_counter()
        follower.join()
        switch.close()
        self.delete(bridge, result[0]["uuid"])
        cable.wait_for_end()
        cable.close()
        until("as before", 60, lambda: self.counts() == self.flow_counts, pause=0.01)
        return (passed - began) * 1e3, (passed - served[0]) * 1e3

    def repair(self, switch, table, match):
        """Microseconds from sending a flow's deletion until the switch tells that it is there again."""
        began = time.perf_counter()
        switch.delete(table, match)
        switch.wait_for_add()
        return (time.perf_counter() - began) * 1e6

    def own_repair(self, switch, table, match):
        """The same by the one who deletes, who is the first to know: what ovs-vswitchd needs for both."""
        began = time.perf_counter()
        switch.delete(table, match)
        switch.barrier()
        switch.add(table, match)
        switch.barrier()
        return (time.perf_counter() - began) * 1e6

    def reprogram(self, away):
        """Kills ovs-vswitchd and starts it again after so many seconds. Gives milliseconds from the first socket of a
        bridge that opens until ovs-vswitchd serves it, and until every bridge has its flows again."""
        wanted = self.texts()
        self.vswitchd.kill()
        self.vswitchd.wait()
        time.sleep(away)
        self.start_switch()
        first = until("a bridge's socket", 120, self.any_switch, pause=0.0002)
        opened = time.perf_counter()
        first.greet()
        greeted = time.perf_counter()
        switches = {}
        for bridge in BRIDGES:
            until(bridge, 60, lambda: self.is_open(bridge, switches), pause=0.0002)
        for bridge, switch in switches.items():
            until("flows", 60, lambda: switch.flow_count(*OURS) == self.flow_counts[bridge])
        done = time.perf_counter()
        for switch in [first, *switches.values()]:
            switch.close()
        if self.texts() != wanted:
            raise RuntimeError("other flows than before")
        until("in-sync", 60, self.is_served, pause=0.02)
        return (greeted - opened) * 1e3, (done - opened) * 1e3

    def any_switch(self):
        for bridge in BRIDGES:
            try:
                return self.management(bridge)
            except OSError:
                pass  # what a killed ovs-vswitchd leaves refuses
        return None

    def is_open(self, bridge, switches):
        try:
            switches[bridge] = self.management(bridge).greet()
            return True
        except OSError:
            return False
