"""Network namespaces to put VMs into, in a private world of one process: its own network, mounts and processes, so that
nothing of the machine is touched, two may run at once, and all of it ends with the process, however that ends."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys

MARK = "OVS_AGENT_PRIVATE_WORLD"
CLONE_NEWNET = 0x40000000
NEW_WORLD = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
PRIVATE_RUN = "mount -t tmpfs none /run && mkdir /run/netns"  # where ip(8) keeps the names of namespaces
LIBC = ctypes.CDLL(None, use_errno=True)


def reason_to_skip():
    """Why this machine can't have such a world; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("ip", "ethtool", "unshare", "setpriv", "ovs-vswitchd"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    trial = "ip netns add a && ip link add v type veth peer name eth0 netns a && ip tuntap add dev t mode tap"
    done = subprocess.run([*NEW_WORLD, "sh", "-c", f"{PRIVATE_RUN} && {trial}"], capture_output=True, text=True)
    if done.returncode != 0:
        return f"no network namespaces with veth and tap devices here: {done.stderr.strip()}"
    return None


def enter():
    """Goes on in a world of its own: this process runs itself again in there and ends with its exit status."""
    if os.environ.get(MARK) == str(os.getpid()):
        subprocess.run(["sh", "-c", PRIVATE_RUN], check=True)
        quieten(None)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    # In there it is process 1. All are killed with `unshare`, and that with this process (--pdeathsig).
    again = [sys.executable, "-B", os.path.abspath(sys.argv[0]), *sys.argv[1:]]
    command = ["setpriv", "--pdeathsig", "KILL", *NEW_WORLD, *again]
    child = subprocess.Popen(command, env=os.environ | {MARK: "1"})

    def leave(number, _):
        child.kill()
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    sys.exit(child.wait())


def quieten(namespace):
    """No frames that nobody asked for: no neighbour discovery, no router solicitations."""
    for name in ("all", "default"):
        run_in(namespace, "sh", "-c", f"f=/proc/sys/net/ipv6/conf/{name}/disable_ipv6; ! [ -e $f ] || echo 1 >$f")


def run_in(namespace, *command):
    inside = ["ip", "netns", "exec", namespace] if namespace else []
    subprocess.run([*inside, *command], check=True, stdout=subprocess.DEVNULL)


class Station:
    """Somebody with an address on one NIC: in a namespace of its own, or in this one."""

    def __init__(self, name, address, mac=None, device="eth0", namespace=None):
        self.name, self.address, self.mac, self.device, self.namespace = name, address, mac, device, namespace

    @classmethod
    def behind(cls, port, address, mac):
        """In a namespace named like the port, whose eth0 the port leads to."""
        run_in(None, "ip", "netns", "add", port)
        quieten(port)
        run_in(None, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", port)
        run_in(None, "ip", "link", "set", port, "up")
        # The userspace datapath sends what it gets: a checksum left to a NIC would never be filled in.
        run_in(port, "ethtool", "-K", "eth0", "tx", "off")
        station = cls(port, address, mac, namespace=port)
        station.come_up()
        return station

    def come_up(self):
        mac = ["address", self.mac] if self.mac else []
        run_in(self.namespace, "ip", "link", "set", self.device, *mac, "up")
        run_in(self.namespace, "ip", "address", "replace", f"{self.address}/24", "dev", self.device)

    def know(self, other):
        """Needs not ask for the other's MAC, so that no frame but the wanted ones is on the way."""
        mac = ["lladdr", other.hardware_address(), "dev", self.device]
        run_in(self.namespace, "ip", "neighbour", "replace", other.address, *mac, "nud", "permanent")

    def hardware_address(self):
        with self.entered():
            link = subprocess.run(["ip", "-o", "link", "show", self.device], capture_output=True, text=True, check=True)
        return link.stdout.split("link/ether ")[1].split()[0]

    @contextlib.contextmanager
    def entered(self):
        """This thread is there: sockets opened meanwhile are its for good."""
        if not self.namespace:
            yield
            return
        with open("/proc/thread-self/ns/net", "rb") as here, open(f"/run/netns/{self.namespace}", "rb") as there:
            change(there)
            try:
                yield
            finally:
                change(here)

    def __str__(self):
        return self.name


def change(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
