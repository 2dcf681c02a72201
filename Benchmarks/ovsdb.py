#!/usr/bin/env python3
"""Measures the OVSDB client beside others, on databases that hold nothing but ports of a foreign bridge (ports.py),
without ovs-vswitchd and fresh for every run.

- replica: from connecting until the replica is complete (Benchmarks/ovsdb-bench), beside a C program that asks the
  same and only reads the reply off the socket (reference/read_reply.c); beside ovs-vsctl, both from exec to exit; and
  beside the python library, from connecting, without its import.
- edits: CPU time of ours and of `ovsdb-client monitor` on the interfaces, which follow the same edits at the same
  time, both the agent's columns. Idle: voluntary context switches of both while all is silent,
  between two probes.
- transact: an empty transaction at a time, beside a C program on epoll (reference/transact.c). "awaited" is a
  Swift task that awaits each reply; the other sends the next request in the callback of the last, as the agent does.
- lag: round trips of `version` on ovs-agentd's control socket, which its enforcing event loop answers, without and with
  500 edits a second. They hold the asker's and the scheduler's part, too.

Peers alternate, and the first of a pair changes from pair to pair. A cell is the median over all pairs of all runs; a
ratio is the median of the pairs' ratios, not the ratio of the medians. Run it through scripts/bench, which builds first.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

from pairs import alternating
from ports import fill
from processes import cost, machine, memory
from python_library import pythons
from sandbox import AGENT, SCHEMA, Control, Database, end, until
from table import Table

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = f"{os.path.dirname(HERE)}/.build"
BENCH = f"{BUILD}/release/ovsdb-bench"
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface")
# Seconds of silence after which either side probes the other.
PROBE_INTERVAL = 5


def reference(name):
    """Builds a C program of reference/ and gives its path."""
    os.makedirs(f"{BUILD}/bench", exist_ok=True)
    path = f"{BUILD}/bench/{name}"
    subprocess.run(["clang", "-O2", "-std=c11", "-o", path, f"{HERE}/reference/{name}.c"], check=True)
    return path


def asked(*command):
    """What a program prints as its last JSON line, and the milliseconds from its exec to its exit."""
    began = time.perf_counter()
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    took = (time.perf_counter() - began) * 1e3
    return json.loads(output.splitlines()[-1]) | {"wall_ms": took}


def monitored(database, columns):
    """The tables and columns that ours asks for, by the tables' names."""
    output = subprocess.run([BENCH, "columns", database.db, columns], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(output)


def replicas(database, size, tools, arguments, table):
    """The agent's columns and all columns, beside the C reader of the same reply."""
    for columns, bound in (("agent", 1.15), ("all", 1.25)):
        requests = {name: [{"columns": names}] for name, names in monitored(database, columns).items()}
        read = [tools["read_reply"], database.socket, json.dumps(requests)]
        asked(*read)  # the server's first reply pays for memory that the next ones find
        replica = [BENCH, "replica", database.db, columns]
        for ours, peer in alternating(arguments.pairs, lambda: asked(*replica), lambda: asked(*read)):
            title = f"replica, {size} ports, {columns} columns"
            table.add(f"{title}: ms, beside C that only reads", ours["synced_ms"], peer["reply_ms"], bound)
            table.add(f"{title}: CPU, ms", ours["cpu_ms"])
            table.add(f"{title}: RssAnon, KiB", ours["RssAnon_kib"], limit=30 << 10 if columns == "agent" else None)


def programs(database, size, tools, arguments, table):
    """All columns, beside programs that bring a replica of their own."""
    title = f"replica, {size} ports, all columns"
    replica = [BENCH, "replica", database.db, "all"]

    def listing():
        began = time.perf_counter()
        command = ["ovs-vsctl", f"--db={database.db}", "--no-wait", "list", "interface"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        return (time.perf_counter() - began) * 1e3

    for ours, peer in alternating(arguments.pairs, lambda: asked(*replica), listing):
        table.add(f"{title}: exec to exit, ms, beside ovs-vsctl list interface", ours["wall_ms"], peer, 1 / 1.7)
    for name, python in tools["python"]:
        if python is None:
            table.miss(f"{title}: ms, beside the python IDL of {name}")
            continue
        idl = [python, "-B", f"{HERE}/reference/python_idl.py", database.db, SCHEMA, *TABLES]
        for ours, peer in alternating(1, lambda: asked(*replica), lambda: asked(*idl)):
            row = f"{title}: ms, beside the python IDL of {name}"
            table.add(row, ours["synced_ms"], peer["synced_ms"], 1 / 4 if name == "PyPI" else None)


def following(database, size, arguments, table):
    """Ours and ovsdb-client follow the same edits at the same time; gives our CPU time an edit."""
    columns = ",".join(monitored(database, "agent")["Interface"])
    ours = database.start(BENCH, "follow", database.db, "agent", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ours.stdout.readline()  # the replica is complete
    printed = f"{database.folder}/monitor"
    with open(printed, "wb") as output:
        what = [database.db, "Open_vSwitch", "Interface", columns]
        peer = database.start("ovsdb-client", "-vconsole:off", "monitor", *what, stdout=output)
    until("ovsdb-client", 20, lambda: os.path.getsize(printed) > 0)

    def spent(during):
        settle(ours.pid, peer.pid)
        before = cost(ours.pid), cost(peer.pid)
        result = during()
        settle(ours.pid, peer.pid)
        after = cost(ours.pid), cost(peer.pid)
        nanoseconds, switches = ([b[i] - a[i] for a, b in zip(before, after)] for i in (0, 1))
        return nanoseconds, switches, result

    edit = [sys.executable, "-B", f"{HERE}/ports.py", "edit", database.socket, "200", str(arguments.seconds)]
    nanoseconds, switches, edits = spent(lambda: asked(*edit)["edits"])
    ours.stdin.write(b"\n")
    ours.stdin.flush()
    changed = json.loads(ours.stdout.readline())["changed"]
    if changed != edits:
        raise RuntimeError(f"{edits} edits, and ours was told of {changed}")
    title = f"200 edits/s, {size} ports"
    each = [one / 1e3 / edits for one in nanoseconds]
    bound = 0.75 if size == arguments.large else None
    table.add(f"{title}: CPU microseconds an edit, beside ovsdb-client monitor", *each, bound)
    table.add(f"{title}: voluntary switches an edit", *(one / edits for one in switches))

    # Past the first probe: a timer that the edits had put off comes before it, once. Then for less than the silence
    # after which either side probes the other.
    time.sleep(PROBE_INTERVAL + 0.5)
    _, switches, _ = spent(lambda: time.sleep(arguments.idle))
    table.add(f"idle for {arguments.idle} s, {size} ports: voluntary switches", *switches, limit=0)
    end(ours)
    end(peer)
    return each[0]


def settle(*pids):
    """Waits until the processes have done nothing for a moment."""
    last = []

    def still():
        now = [cost(pid) for pid in pids]
        same, last[:] = now == last, now
        return same

    until("processes at rest", 60, still, pause=0.1)


def round_trips(database, tools, arguments, table):
    """An empty transaction at a time."""
    count = str(arguments.round_trips)
    ours = [BENCH, "transact", database.db, count]
    peer = [tools["transact"], database.socket, count]
    for mine, theirs in alternating(arguments.pairs, lambda: asked(*ours), lambda: asked(*peer)):
        table.add("transact: p50, microseconds, beside C on epoll", mine["callback_p50_us"], theirs["p50_us"], 1.3)
        table.add("transact: p99, microseconds", mine["callback_p99_us"], theirs["p99_us"])
        table.add("transact, awaited: p50, microseconds", mine["await_p50_us"], theirs["p50_us"])
        table.add("transact, awaited: p99, microseconds", mine["await_p99_us"], theirs["p99_us"])


def agent_on(database, size, table, lag_seconds=None):
    """ovs-agentd on a database without ovs-vswitchd: its rows stand, nobody applies them."""
    state = f"{database.folder}/state"
    os.mkdir(state)
    path = f"{database.folder}/control.sock"
    options = ["--layout", f"{os.path.dirname(HERE)}/Examples/layout.yaml", "--db", database.db]
    with open(f"{database.folder}/agent.log", "wb") as log:
        agent = database.start(AGENT, *options, "--control", path, "--state-dir", state, stderr=log)
    control = Control.of(agent, path)
    until("ovs-agentd's rows", 60, lambda: all(one["present"] for one in control.status()["chain"]), pause=0.05)
    settle(agent.pid)
    table.add(f"ovs-agentd, {size} ports: RssAnon, KiB", memory(agent.pid)["RssAnon, KiB"])
    if lag_seconds:
        lag(control, None, lag_seconds, f"loop's lag, {size} ports, quiet", table)
        editor = [sys.executable, "-B", f"{HERE}/ports.py", "edit", database.socket, "500", str(lag_seconds)]
        editor = database.start(*editor, stdout=subprocess.PIPE)
        lag(control, editor, lag_seconds, f"loop's lag, {size} ports, 500 edits/s", table)
        made = json.loads(editor.communicate()[0])
        table.add("edits a second that were made meanwhile", made["per_second"])
    control.close()
    end(agent)


def lag(control, editor, seconds, title, table):
    """Asks every two milliseconds, for so long or while the editor lives."""
    samples = []
    deadline = time.perf_counter() + seconds
    while editor.poll() is None if editor else time.perf_counter() < deadline:
        began = time.perf_counter()
        control.ask("version")
        samples.append((time.perf_counter() - began) * 1e6)
        time.sleep(0.002)
    samples.sort()
    table.add(f"{title}: p50, microseconds", statistics.median(samples))
    table.add(f"{title}: p99, microseconds", samples[len(samples) * 99 // 100])
    table.add(f"{title}: most, microseconds", samples[-1])


def one_run(arguments, tools, table):
    resident, each = {}, {}
    for size in (arguments.large, arguments.medium, arguments.few, arguments.small):
        with Database() as database:
            fill(database.socket, size)
            if size == arguments.large:
                replicas(database, size, tools, arguments, table)
                programs(database, size, tools, arguments, table)
            if size in (arguments.large, arguments.few):
                each[size] = following(database, size, arguments, table)
            if size == arguments.small:
                round_trips(database, tools, arguments, table)
            if size in (arguments.medium, arguments.small):
                resident[size] = asked(BENCH, "replica", database.db, "agent")["RssAnon_kib"]
                table.add(f"replica, {size} ports, agent columns: RssAnon, KiB", resident[size])
            if size != arguments.few:
                agent_on(database, size, table, arguments.seconds if size == arguments.large else None)
    title = f"200 edits/s: CPU microseconds an edit, {arguments.large} beside {arguments.few} ports"
    table.add(title, each[arguments.large], each[arguments.few], 1.2)
    title = f"replica, agent columns: RssAnon, {arguments.medium} less {arguments.small} ports, KiB"
    table.add(title, resident[arguments.medium] - resident[arguments.small], limit=3 << 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3, help="of each comparison that takes less than seconds, per run")
    parser.add_argument("--seconds", type=int, default=5, help="of edits, each time")
    parser.add_argument("--quick", action="store_true", help="one short run on few ports: does it work at all")
    arguments = parser.parse_args()
    arguments.large, arguments.medium, arguments.few, arguments.small = 10_000, 1_000, 100, 10
    arguments.idle, arguments.round_trips = 3, 3000
    if arguments.quick:
        arguments.runs = arguments.pairs = arguments.seconds = arguments.idle = 1
        arguments.large, arguments.medium, arguments.few, arguments.round_trips = 500, 200, 50, 300
    if min(arguments.runs, arguments.pairs, arguments.seconds) <= 0:
        parser.error("--runs, --pairs and --seconds must be positive")

    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the databases are ended then, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    tools = {name: reference(name) for name in ("read_reply", "transact")}
    # The network is not for a check whether it works at all.
    tools["python"] = pythons(f"{BUILD}/bench/python", install=not arguments.quick)
    print(f"{machine()}; {arguments.runs} runs\n", flush=True)
    table = Table()
    for number in range(arguments.runs):
        print(f"run {number + 1} of {arguments.runs}", file=sys.stderr, flush=True)
        one_run(arguments, tools, table)
    table.print()


if __name__ == "__main__":
    main()
