#!/usr/bin/env python3
"""Measures this tree's ovs-agentd beside another build of it, such as that of an earlier commit:

    scripts/bench against PATH/TO/ovs-agentd

Both take turns on the same machine, the first of a pair changes from pair to pair, and each ratio is the median of the
pairs' ratios: at 1.00 nothing changed.

- start: from exec until the control socket says `in-sync`, on a private Open vSwitch with a dummy datapath; memory then.
- many rows: from exec until every row of the layout stands, in a database with many ports of a foreign bridge.
- repair: as in repair.py, one column of one row, seen at a third client.
- VM ports: all flows back after a restart of ovs-vswitchd, a further port's first frame, and memory.
- status: CPU time of the agent for one `status --json`, with as many VM ports.
"""

import argparse
import os
import signal
import statistics
import sys
import time

from bench import start
from dummies import DummyHost
from ovsdb import reference
from pairs import alternating
from ports import fill
from processes import cost, machine, memory
from repair import LAYOUT, PEER, Bench, fail_mode
from sandbox import AGENT, Database, Sandbox
from table import Table


def starting(program, _):
    with Sandbox() as sandbox:
        sandbox.agent_program = program
        result = {}
        agent, control = start(sandbox, LAYOUT, result)
        control.close()
        return {
            "exec to in-sync, ms": result["exec to in-sync on the control socket, ms"],
            "RssAnon in sync, KiB": memory(agent.pid)["RssAnon, KiB"],
        }


def with_vm_ports(program, arguments):
    host = DummyHost(arguments.vms)
    host.agent_program = program
    title = f"{arguments.vms} VM ports"
    with host:
        time.sleep(1)  # what was needed once to make all flows is given back when nothing more comes
        resident = memory(host.agent.pid)["RssAnon, KiB"]
        spent = cost(host.agent.pid)[0]
        for _ in range(arguments.questions):
            host.control.status()
        asked = (cost(host.agent.pid)[0] - spent) / arguments.questions / 1e3
        frames = [host.first_frame("br0.local")[0] for _ in range(arguments.frames)]
        return {
            f"{title}: all flows back after a restart of ovs-vswitchd, ms": host.reprogram(1)[1],
            f"{title}: commit to first frame of one more, ms": statistics.median(frames),
            f"{title}: RssAnon, KiB": resident,
            f"{title}: CPU of a status --json, microseconds": asked,
        }


def rows_and_repairs(programs, arguments, tools, table):
    """On one database without ovs-vswitchd, which both agents find in the same state."""
    with Database() as database:
        fill(database.socket, arguments.elsewhere)
        bench = Bench(database, arguments, tools)

        def sample(program, edit):
            database.agent_program = program
            return bench.latencies(bench.agent, edit)

        def beginning(program):
            database.agent_program = program
            began = time.perf_counter()
            with bench.agent():
                return (time.perf_counter() - began) * 1e3

        elsewhere = f"{arguments.elsewhere} ports elsewhere"
        for ours, theirs in alternating(arguments.pairs, *(lambda one=one: beginning(one) for one in programs)):
            table.add(f"exec to all rows seen, {elsewhere}, ms", ours, theirs)
        for title, edit in (("peer", PEER), ("fail_mode", fail_mode("br.mx"))):
            for ours, theirs in alternating(arguments.pairs, *(lambda one=one: sample(one, edit) for one in programs)):
                for key in ("p50_us", "p99_us"):
                    name = f"repair of a {title}, {elsewhere}: {key[:3]}, microseconds"
                    table.add(name, ours[key], theirs[key])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", metavar="PROGRAM", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--pause", type=int, default=2000, metavar="MICROSECONDS")
    parser.add_argument("--quick", action="store_true", help="one short run on few ports: does it work at all")
    arguments = parser.parse_args()
    arguments.pairs, arguments.elsewhere, arguments.vms = arguments.runs, 10_000, 1000
    arguments.frames, arguments.questions = 5, 50
    if arguments.quick:
        arguments.runs = arguments.pairs = 1
        arguments.edits, arguments.elsewhere, arguments.vms = 20, 200, 50
    if min(arguments.runs, arguments.edits) <= 0 or arguments.pause < 0:
        parser.error("--runs and --edits must be positive")
    if not os.access(arguments.other, os.X_OK):
        parser.error(f"{arguments.other}: no program: give the path of another build of ovs-agentd")

    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the sandboxes are ended then, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    tools = {name: reference(name) for name in ("repair", "edits")}
    programs = (AGENT, arguments.other)
    print(f"{machine()}; {arguments.runs} runs; peer: {arguments.other}\n", flush=True)
    table = Table()
    for part in (starting, with_vm_ports):
        for ours, theirs in alternating(arguments.runs, *(lambda one=one: part(one, arguments) for one in programs)):
            for title in ours:
                table.add(title, ours[title], theirs[title])
    rows_and_repairs(programs, arguments, tools, table)
    table.print()


if __name__ == "__main__":
    main()
