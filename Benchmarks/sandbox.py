"""A private database or Open vSwitch for one measurement, and the two sockets that the benchmark looks through: the
agent's control socket and the database's."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
AGENT = f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/.build/release/ovs-agentd"


def until(what, seconds, condition, pause=0.001):
    """Polls `condition` until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(pause)


class Database:
    """Fresh ovsdb-server with an empty database; `with` ends it and whatever was started beside it."""

    parent = "/tmp"  # short: a unix socket's path has 107 bytes
    agent_program = AGENT

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="ovsa.", dir=self.parent)
        self.socket = f"{self.folder}/db.sock"
        self.db = f"unix:{self.socket}"
        self.environment = os.environ | {
            name: self.folder for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        }
        self.children = []
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        database = f"{self.folder}/conf.db"
        subprocess.run(["ovsdb-tool", "create", database, SCHEMA], check=True)
        self.start("ovsdb-server", database, f"--remote=punix:{self.socket}", "--pidfile", "-vconsole:off")
        until("ovsdb-server", 10, lambda: os.path.exists(self.socket))
        self.vsctl("init")

    def __exit__(self, *_):
        for child in reversed(self.children):
            end(child)
        shutil.rmtree(self.folder)

    def start(self, *command, **options):
        child = subprocess.Popen(command, env=self.environment, **{"stdin": subprocess.DEVNULL} | options)
        self.children.append(child)
        return child

    def vsctl(self, *command):
        """Commits and does not wait for ovs-vswitchd."""
        subprocess.run(["ovs-vsctl", f"--db={self.db}", "--no-wait", *command], env=self.environment, check=True)


class Sandbox(Database):
    """The same with ovs-vswitchd on the dummy datapath, and with agents where they are started."""

    switch_options = ["--enable-dummy=override", "--disable-system"]

    def begin(self):
        super().begin()
        self.start_switch()
        until("ovs-vswitchd", 60, self.switch_answers, pause=0.02)

    def start_switch(self):
        """Does not wait until it answers."""
        log = ["-vconsole:off", "--log-file"]
        self.vswitchd = self.start("ovs-vswitchd", self.db, *self.switch_options, "--pidfile", *log)

    def switch_answers(self):
        command = ["ovs-appctl", "-t", "ovs-vswitchd", "version"]
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0

    def start_agent(self, layout):
        """Starts an agent on a layout file, waits until it is in sync, and returns it with its control connection."""
        path, state = f"{self.folder}/control.sock", f"{self.folder}/state"
        os.makedirs(state, exist_ok=True)
        options = ["--layout", layout, "--db", self.db, "--control", path, "--state-dir", state]
        with open(f"{self.folder}/agent.log", "ab") as log:
            agent = self.start(self.agent_program, *options, stderr=log)
        control = Control.of(agent, path)
        until("in-sync", 120, lambda: control.status()["state"] == "in-sync")
        return agent, control

    def tool(self, *command):
        """What a program prints that is to succeed, run where it finds this switch."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def ofctl(self, *arguments):
        return self.tool("ovs-ofctl", "-O", "OpenFlow14", *arguments)

    def appctl(self, *arguments):
        return self.tool("ovs-appctl", *arguments)


def end(child):
    """Ends a process that may have ended: TERM, KILL after five seconds."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class JSONStream:
    """JSON texts one after the other on a unix socket, unframed as RFC 7047 and unixctl send them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = ""

    def send(self, value):
        self.socket.sendall(json.dumps(value).encode())

    def receive(self):
        """The next value; None when the peer has closed."""
        while True:
            try:
                value, end_of_value = json.JSONDecoder().raw_decode(self.buffer)
                self.buffer = self.buffer[end_of_value:].lstrip()
                return value
            except json.JSONDecodeError:
                data = self.socket.recv(1 << 20)
                if not data:
                    return None
                self.buffer += data.decode()

    def close(self):
        self.socket.close()


class Control:
    """Asks the agent on its control socket (unixctl: JSON-RPC 1.0)."""

    def __init__(self, path):
        self.stream = JSONStream(path)

    @classmethod
    def of(cls, agent, path):
        """Waits until an agent that was just started listens, and not once it has ended."""

        def connected():
            if agent.poll() is not None:
                raise RuntimeError(f"ovs-agentd ended with {agent.returncode}")
            try:
                return cls(path)
            except OSError:
                return None  # no socket yet, or one that nobody listens on yet

        return until("control socket", 20, connected)

    def ask(self, method, *arguments):
        self.stream.send({"id": 1, "method": method, "params": [*arguments]})
        reply = self.stream.receive()
        if reply is None or reply.get("error") is not None:
            raise RuntimeError(f"{method}: {reply}")
        return reply["result"]

    def status(self):
        result = self.ask("status", "--json")
        return json.loads(result) if isinstance(result, str) else result

    def close(self):
        self.stream.close()


class Editor:
    """A client of the database of its own that edits patch ports and sees, through its monitor, when the edit is undone.

    Editing and watching share a session: ovsdb-server tells a session of its own edit before it replies to it (RFC 7047,
    section 4.1.6), so an edit and its undoing never reach the monitor as one change that is none. A second session
    may miss both when they follow each other fast enough.
    """

    def __init__(self, path):
        self.stream = JSONStream(path)
        # monitor_cond: the older `monitor` would make every writer pay for it.
        request = ["Open_vSwitch", None, {"Interface": [{"columns": ["name", "options"]}]}]
        self.stream.send({"id": 0, "method": "monitor_cond", "params": request})
        self.uuids, self.peers = {}, {}
        for uuid, row in self.stream.receive()["result"].get("Interface", {}).items():
            peer = peer_in(row["initial"])
            if peer is not None:
                self.uuids[row["initial"]["name"]] = uuid
                self.peers[row["initial"]["name"]] = peer

    def patch_ports(self):
        """Every patch port with its peer, in order of names, as they were at the start."""
        return dict(sorted(self.peers.items()))

    def restored(self, name, edited, seconds):
        """Microseconds from the reply to an edit of the port's peer to the notification of its undoing."""
        row = {"options": ["map", [["peer", edited]]]}
        where = [["_uuid", "==", ["uuid", self.uuids[name]]]]
        update = {"op": "update", "table": "Interface", "where": where, "row": row}
        self.stream.socket.settimeout(seconds)
        self.stream.send({"id": 1, "method": "transact", "params": ["Open_vSwitch", update]})
        replied = None
        try:
            while (message := self.stream.receive()) is not None:
                if message.get("method") == "echo":
                    self.stream.send({"id": message["id"], "result": message["params"], "error": None})
                elif message.get("id") == 1:
                    replied = time.perf_counter()
                elif message.get("method") == "update2":
                    change = message["params"][1].get("Interface", {}).get(self.uuids[name], {})
                    # of a map, "modify" holds what differs
                    if replied is not None and peer_in(change.get("modify", {})) == self.peers[name]:
                        return (time.perf_counter() - replied) * 1e6
        except TimeoutError:
            raise TimeoutError(f"{name}: peer={edited} was not undone within {seconds} s") from None
        raise RuntimeError("ovsdb-server closed the connection")

    def close(self):
        self.stream.close()


def peer_in(row):
    return dict(row.get("options", ["map", []])[1]).get("peer")
