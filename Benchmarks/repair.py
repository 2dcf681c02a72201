#!/usr/bin/env python3
"""Measures what a repair takes, and what ovs-agentd does under fire.

- latency: one column of one row is edited again and again, each time after it was put back. From the editor's reply to
  the notification of the repair at a third client (reference/edits.c, which is both of them). ovs-agentd, and in its
  place a C program that knows nothing but this one repair (reference/repair.c), in turn on the same database, with so
  many ports of a foreign bridge elsewhere, and on a bridge that has so many VM ports itself. Without ovs-vswitchd.
- flat: how a repair's p50 grows from few ports to many, ovs-agentd's beside the C program's.
- fire: four clients edit all kinds of owned rows, 500 edits a second together, beside ovs-vswitchd (fire.py). In the
  end every row has to be as before, under the same identity.
- fight: somebody puts one wrong value back whenever it is repaired; and two who want different ones.
- repairers: the same repair in one run by C, by ovs-agentd, by a short program on the python library, and what
  ovn-controller takes to put br-int's fail_mode back, the one column that all of them can be asked for.

Whoever repairs is started anew for each cell, which alternate; the first of a pair changes from pair to pair. A cell is
the median over all runs of the p50 of so many edits; a ratio is the median of the pairs' ratios. Run it through
scripts/bench, which builds first.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys

import ovn
from fire import fights, under_fire
from ovsdb import BUILD, HERE, TABLES, alternating, asked, monitored, reference, settle
from ports import fill, plug, transact
from processes import machine
from python_library import pythons
from sandbox import SCHEMA, Control, Database, JSONStream, end, until
from table import Comparison, Table

LAYOUT = f"{os.path.dirname(HERE)}/Examples/layout.yaml"


class Edit:
    """One column of one row, the value that is wanted there and the wrong one that it gets; values as the server writes
    them."""

    def __init__(self, table, name, column, wanted, edited):
        self.table, self.name, self.column = table, name, column
        self.wanted, self.edited = (json.dumps(value, separators=(",", ":")) for value in (wanted, edited))

    def row(self, database):
        stream = JSONStream(database.socket)
        where = [["name", "==", self.name]]
        rows = transact(stream, {"op": "select", "table": self.table, "where": where, "columns": ["_uuid"]})[0]["rows"]
        stream.close()
        return rows[0]["_uuid"][1]


def peer(port, wanted):
    return Edit("Interface", port, "options", ["map", [["peer", wanted]]], ["map", [["peer", "nowhere"]]])


def fail_mode(bridge):
    return Edit("Bridge", bridge, "fail_mode", "secure", "standalone")


class Bench:
    """A database with the agent's rows, and who can repair them."""

    def __init__(self, database, arguments, tools):
        self.database, self.arguments, self.tools = database, arguments, tools
        with self.agent():
            pass
        self.columns = monitored(database, "agent")
        self.requests = json.dumps({name: [{"columns": names}] for name, names in self.columns.items()})

    @contextlib.contextmanager
    def agent(self, _=None):
        folder = self.database.folder
        path, state = f"{folder}/control.sock", f"{folder}/state"
        os.makedirs(state, exist_ok=True)
        options = ["--layout", LAYOUT, "--db", self.database.db, "--control", path, "--state-dir", state]
        with open(f"{folder}/agent.log", "wb") as log:
            process = self.database.start(self.database.agent_program, *options, stderr=log)
        control = Control.of(process, path)
        until("ovs-agentd's rows", 60, lambda: all(one["present"] for one in control.status()["chain"]), pause=0.02)
        control.close()
        yield process
        end(process)

    @contextlib.contextmanager
    def program(self, *command):
        """One that says when it is ready."""
        process = self.database.start(*command, stdout=subprocess.PIPE)
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{command[0]} ended with {process.wait()}")
        yield process
        end(process)
        process.stdout.close()

    def c(self, edit):
        row = [edit.table, edit.row(self.database), edit.column, edit.wanted]
        return self.program(self.tools["repair"], self.database.socket, self.requests, *row)

    def c_guarded(self, edit):
        """The C program with the operations of ovs-agentd's transaction but the lock's: what they cost the server."""
        row = edit.row(self.database)
        where = [["_uuid", "==", ["uuid", row]]]
        wanted, edited = ({edit.column: json.loads(value)} for value in (edit.wanted, edit.edited))
        guard = {"op": "wait", "table": edit.table, "where": where, "columns": [edit.column], "rows": [edited]}
        operations = [
            guard | {"until": "==", "timeout": 0},
            {"op": "update", "table": edit.table, "where": where, "row": wanted},
            {"op": "comment", "comment": f"ovs-agentd: repair: {edit.table} {edit.name} {edit.column}"},
            {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]},
            {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]},
        ]
        text = json.dumps(operations)[1:-1]
        what = [edit.table, row, edit.column, edit.wanted, text]
        return self.program(self.tools["repair"], self.database.socket, self.requests, *what)

    def idl(self, python):
        script = f"{HERE}/reference/python_repair.py"

        def program(edit):
            row = [edit.table, edit.row(self.database), edit.column, edit.wanted]
            return self.program(python, "-B", script, self.database.db, SCHEMA, json.dumps(self.columns), *row)

        return program

    @contextlib.contextmanager
    def ovn_controller(self, _):
        process = ovn.start(self.database, self.tools["ovn"][0])
        yield process
        end(process)

    def latencies(self, repairer, edit):
        """What the repairs of one edit took, in microseconds, by a repairer that is started for it."""
        with repairer(edit) as process:
            settle(process.pid)
            what = [edit.table, edit.row(self.database), edit.column, edit.edited, edit.wanted]
            counts = [str(self.arguments.edits), str(self.arguments.pause)]
            return asked(self.tools["edits"], self.database.socket, *counts, *what)


def beside_c(bench, title, edit, limit, table):
    """Pairs of ovs-agentd and the C program; gives their p50, each the last."""
    pairs = alternating(
        bench.arguments.pairs, lambda: bench.latencies(bench.agent, edit), lambda: bench.latencies(bench.c, edit)
    )
    for ours, theirs in pairs:
        table.add(f"{title}: p50, microseconds, beside C", ours["p50_us"], theirs["p50_us"], limit)
        table.add(f"{title}: p99, microseconds", ours["p99_us"], theirs["p99_us"])
    return ours["p50_us"], theirs["p50_us"]


def latency(arguments, tools, table):
    """With ports elsewhere."""
    p50 = {}
    for size in arguments.sizes:
        with Database() as database:
            fill(database.socket, size)
            bench = Bench(database, arguments, tools)
            p50[size] = beside_c(bench, f"peer of br0.ms.n, {size} ports elsewhere", PEER, 1.5, table)
            if size == arguments.sizes[-1]:
                beside_c(bench, f"fail_mode of br.mx, {size} ports elsewhere", fail_mode("br.mx"), 1.5, table)
    few, many = arguments.sizes[0], arguments.sizes[-1]
    growths = [many_us / few_us for many_us, few_us in zip(p50[many], p50[few])]
    table.add(f"growth of the peer's p50 from {few} to {many} ports, beside C's", *growths, 1.2)


def busy_bridge(arguments, tools, table):
    """With VM ports on the bridge that is edited."""
    with Database() as database:
        bench = Bench(database, arguments, tools)
        plug(database.socket, "br0.local", arguments.vms)
        for title, edit in (("fail_mode of br0.local", fail_mode("br0.local")), ("peer of its patch port", LOCAL_PEER)):
            beside_c(bench, f"{title}, {arguments.vms} VM ports on it", edit, 1.3, table)


def repairers(arguments, tools, comparison):
    """All that can repair, in one run on one database."""
    with Database() as database:
        fill(database.socket, arguments.elsewhere)
        bench = Bench(database, arguments, tools)
        idls = [(f"python ovs IDL, {name}", python) for name, python in tools["python"]]
        for title, edit in (("options:peer of a patch port", PEER), ("fail_mode of a bridge", fail_mode("br.mx"))):
            cells = [("C, hard-coded", bench.c), ("C, the agent's operations", bench.c_guarded)]
            cells += [("ovs-agentd", bench.agent)]
            cells += [(name, bench.idl(python) if python else None) for name, python in idls]
            for name, repairer in cells:
                comparison.add(name, title, bench.latencies(repairer, edit) if repairer else "not available")
        root, reason = tools["ovn"]
        name = "ovn-controller, its br-int"
        if root is None:
            comparison.add(name, "fail_mode of a bridge", f"not available: {reason}")
        else:
            comparison.add(name, "fail_mode of a bridge", bench.latencies(bench.ovn_controller, fail_mode("br-int")))


PEER = peer("br0.ms.n", "br0.nf.s")
LOCAL_PEER = peer("br0.local.n", "br0.mx.s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--edits", type=int, default=200, help="of one column at a time; a thousand would be a fight")
    parser.add_argument("--pause", type=int, default=2000, metavar="MICROSECONDS", help="between a repair and an edit")
    parser.add_argument("--only", choices=["latency", "vms", "repairers", "fight", "fire"], action="append")
    parser.add_argument("--quick", action="store_true", help="one short run on few ports: does it work at all")
    arguments = parser.parse_args()
    arguments.pairs = 1
    arguments.sizes, arguments.vms, arguments.elsewhere = [10, 1000, 10_000, 50_000], 10_000, 1000
    arguments.fire, arguments.fight = 60, 10
    if arguments.quick:
        arguments.runs, arguments.edits = 1, 20
        arguments.sizes, arguments.vms, arguments.elsewhere = [10, 200], 200, 50
        arguments.fire, arguments.fight = 4, 2
    if min(arguments.runs, arguments.edits) <= 0 or arguments.pause < 0:
        parser.error("--runs and --edits must be positive")

    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the databases are ended then, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    tools = {name: reference(name) for name in ("repair", "edits")}
    # The network is not for a check whether it works at all.
    tools["python"] = pythons(f"{BUILD}/bench/python", install=not arguments.quick)
    tools["ovn"] = ovn.controller_root(f"{BUILD}/bench/ovn", install=not arguments.quick)
    print(f"{machine()}; {arguments.runs} runs of {arguments.edits} edits\n", flush=True)
    table, comparison = Table(), Comparison("C, hard-coded")
    parts = {
        "latency": lambda: latency(arguments, tools, table),
        "vms": lambda: busy_bridge(arguments, tools, table),
        "repairers": lambda: repairers(arguments, tools, comparison),
        "fight": lambda: fights(arguments.fight, LAYOUT, table),
        "fire": lambda: under_fire(arguments.fire, LAYOUT, table),
    }
    for number in range(arguments.runs):
        print(f"run {number + 1} of {arguments.runs}", file=sys.stderr, flush=True)
        for name, part in parts.items():
            if not arguments.only or name in arguments.only:
                part()
    table.print()
    comparison.print()


if __name__ == "__main__":
    main()
