"""A whole host in a private world: Open vSwitch on a real datapath, a switch on the wire, and VMs in namespaces.

    VMs on br0.local - chain - br0 - br0-up - nic0 = tor0 - tor: the switch at the other end of the cable
                                |                           |
                        direct port, host port       stations on the wire
"""

import re

from namespaces import Station, run_in
from sandbox import Sandbox, end, until

LAYOUT = """version: 1
datapath: {datapath}
virtualSwitches:
  - name: vs0
    bridge: br0
    hostVlan: 10
    uplink:
      nics: [nic0]
      mode: active-backup
"""
CHAIN = ["br.mx", "br.microseg", "br.nf", "br.dmx"]
BRIDGES = ["br0.local", *CHAIN, "br0"]
LANE_PORTS = {"up": 40000, "down": 50000}  # that frames of lane 0 come from on a chain bridge


class Host(Sandbox):
    parent = "/run"

    def __init__(self, datapath="netdev"):
        self.datapath = datapath
        self.switch_options = [] if datapath == "system" else ["--disable-system"]

    def __enter__(self):
        self.links, self.namespaces = [], []
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        # Links first: a namespace ends some time after its deletion, and then only what is in it.
        for link in self.links:
            run_in(None, "ip", "link", "delete", link)
        for namespace in self.namespaces:
            run_in(None, "ip", "netns", "delete", namespace)

    def begin(self):
        super().begin()
        self.cable("nic0", "tor0")
        self.add_bridge("tor", "tor0")
        self.layout = f"{self.folder}/layout.yaml"
        with open(self.layout, "w", encoding="utf-8") as file:
            file.write(LAYOUT.format(datapath=self.datapath))

    def cable(self, *ends):
        """A NIC of this host, and one of the switch at the other end."""
        self.links.append(ends[0])
        # As NICs have them; a veth's own is random and says so.
        plug_in(*ends, address=f"00:16:3e:00:00:{len(self.links):02x}")

    def add_bridge(self, name, *ports):
        """A plain switch, nothing of the agent's."""
        ports = [word for port in ports for word in ("--", "add-port", name, port)]
        self.vsctl("add-br", name, "--", "set", "Bridge", name, f"datapath_type={self.datapath}", *ports)

    def agent_starts(self):
        self.agent, self.control = self.start_agent(self.layout)

    def agent_ends(self, kill=False):
        if kill:
            self.agent.kill()
        end(self.agent)
        self.control.close()

    def plug(self, bridge, name, number, *settings):
        """A station with its port on a bridge."""
        station = Station.behind(name, f"10.0.0.{number}", f"52:54:00:00:00:{number:02x}")
        self.links.append(name)
        self.namespaces.append(name)
        self.vsctl("add-port", bridge, name, *settings)
        return station

    def vm(self, name, number, vlan):
        """A VM, with the marks that libvirt gives its port."""
        return self.plug("br0.local", name, number, f"tag={vlan}", *self.marks(name, number))

    def marks(self, name, number):
        mac = f'external_ids:attached-mac="52:54:00:00:00:{number:02x}"'
        return ["--", "set", "Interface", name, f"external_ids:iface-id={name}", mac]

    def move(self, bridge, name, *settings):
        """A station's port to another bridge, where it is made anew; returns once ovs-vswitchd has done that."""
        made = ["--", "add-port", bridge, name, *settings]
        self.tool("ovs-vsctl", f"--db={self.db}", "--timeout=60", "del-port", name, *made)

    def host_port(self, number):
        """The host itself, on br0."""
        until("netdev br0", 60, lambda: link_exists("br0"))
        station = Station("host", f"10.0.0.{number}", device="br0")
        station.come_up()
        return station

    def restart_switch(self):
        """Kills ovs-vswitchd and starts it again, which opens its sockets some time later."""
        self.vswitchd.kill()
        self.vswitchd.wait()
        self.start_switch()

    def logs(self):
        """The last that the agent and ovs-vswitchd said."""
        texts = []
        for name in ("agent.log", "ovs-vswitchd.log"):
            try:
                with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as file:
                    texts.append(f"{name}:\n{file.read()[-3000:]}\n")
            except FileNotFoundError:
                pass
        return "".join(texts)

    def flows(self, bridge):
        """All flows of a bridge but the learned ones, in order, as text without what counts."""
        lines = self.ofctl("--no-stats", "dump-flows", bridge).splitlines()
        return sorted(line.strip() for line in lines if line.startswith(" ") and "cookie=0x6f7673614" not in line)

    def crossings(self):
        """Frames that have come from each side of each chain bridge so far: {("br.mx", "up"): 12, ...}."""
        self.appctl("revalidator/purge")
        counts = {}
        for bridge in CHAIN:
            for direction, port in LANE_PORTS.items():
                dump = self.ofctl("--no-names", "dump-flows", bridge, f"table=0,in_port={port}")
                counts[bridge, direction] = sum(map(int, re.findall(r"n_packets=(\d+)", dump)))
        return counts

    def megaflows(self, source, target):
        """The datapath's flows that carry IPv4 from a station to another, as text, by the datapath port that the frames
        come in by: on the way to the wire they pass the switch there, too."""
        wanted = f"src={source.hardware_address()}", f"dst={target.hardware_address()}", "eth_type(0x0800)"
        dump = self.appctl("dpctl/dump-flows")
        flows = {}
        for line in dump.splitlines():
            if all(part in line for part in wanted):
                flows.setdefault(re.search(r"in_port\((\w+)\)", line)[1], []).append(line)
        return flows


def plug_in(*ends, address=None):
    """Makes a cable with a NIC at each end, the first of this address."""
    run_in(None, "ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    if address:
        run_in(None, "ip", "link", "set", ends[0], "address", address)
    for nic in ends:
        run_in(None, "ethtool", "-K", nic, "tx", "off")
        run_in(None, "ip", "link", "set", nic, "up")


def link_exists(name):
    with open("/proc/net/dev", encoding="ascii") as file:
        return any(line.split(":")[0].strip() == name for line in file)
