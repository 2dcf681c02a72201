#!/usr/bin/env python3
"""Measures ovs-agentd from outside, on a private Open vSwitch with a fresh database for every run.

- start: from just before fork and exec until the control socket answers `in-sync` (asked every millisecond, which
  costs the agent a little), and until the time stamp of its first `applied` event. Both hold ovs-vswitchd's own work.
- memory: RssAnon and RssFile right after the start (static Swift library; jansson, libyaml and libc are shared).
- idle: CPU time of the process and voluntary context switches. Nobody asks meanwhile.
- repair: patch ports get a wrong peer, one at a time, each after the last was undone. "seen outside" is from the reply
  to the editor to the undoing's notification at that editor; "by the agent" is what `status` says: from its notification
  to the reply of its transaction.
- end: from SIGTERM until the agent has ended.
- outage: on a switch of its own, from SIGKILL of ovs-vswitchd until `status` is degraded, asked every millisecond.
- peer: the same edits in the same run on the same database, undone by ovsdb-client and ovs-vsctl in a shell loop
  (Benchmarks/peer.sh), seen outside in the same way.

Run it through scripts/bench, which builds first. Each cell is the median of the runs, with the least and the most.
"""

import argparse
import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import time

from processes import cost, machine, memory
from sandbox import AGENT, Control, Editor, Sandbox, end, until

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def start(sandbox, layout, result):
    """Starts the agent, waits until it is in sync, and returns it with a connection to its control socket."""
    path = f"{sandbox.folder}/control.sock"
    os.mkdir(f"{sandbox.folder}/state")
    options = ["--layout", layout, "--db", sandbox.db, "--control", path, "--state-dir", f"{sandbox.folder}/state"]
    with open(f"{sandbox.folder}/agent.log", "wb") as log:
        wall, began = time.time(), time.perf_counter()
        agent = sandbox.start(sandbox.agent_program, *options, stderr=log)

    try:
        control = Control.of(agent, path)
    except RuntimeError as error:
        raise RuntimeError(f"{error}: {agent_log(sandbox)}") from None
    until("in-sync", 10, lambda: control.status()["state"] == "in-sync")
    result["exec to in-sync on the control socket, ms"] = (time.perf_counter() - began) * 1e3

    applied = until("event applied", 5, lambda: [e for e in events(control) if e["kind"] == "applied"])
    stamp = datetime.datetime.fromisoformat(applied[0]["time"].replace("Z", "+00:00"))
    result["exec to event applied, ms"] = (stamp.timestamp() - wall) * 1e3
    return agent, control


def agent_log(sandbox):
    with open(f"{sandbox.folder}/agent.log", encoding="utf-8", errors="replace") as log:
        return log.read()[-2000:]


def events(control):
    """The journal: objects one after the other, in a list, or in an object's `events`."""
    text, found, decoder = control.ask("events", "--json"), [], json.JSONDecoder()
    while text.strip():
        value, length = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[length:]
        if isinstance(value, dict):
            value = value.get("events", [value])
        found += value
    return found


def idle(pid, seconds, result):
    before = cost(pid)
    time.sleep(seconds)
    after = cost(pid)
    result["idle: CPU, microseconds per second"] = (after[0] - before[0]) / 1e3 / seconds
    result["idle: voluntary context switches per second"] = (after[1] - before[1]) / seconds


def repairs(editor, edits, who, result):
    """Makes the edits in turn over the patch ports and notes how long each lived."""
    ports = list(editor.patch_ports())
    latencies = []
    for number in range(edits):
        latencies.append(editor.restored(ports[number % len(ports)], f"nowhere{number}", 10))
    percentiles(sorted(latencies), f"repair, {who}, seen outside", result)


def percentiles(values, title, result):
    result[f"{title}: p50, microseconds"] = statistics.median(values)
    result[f"{title}: p99, microseconds"] = values[min(len(values) - 1, len(values) * 99 // 100)]
    result[f"{title}: max, microseconds"] = values[-1]


def one_run(arguments):
    result = {}
    with Sandbox() as sandbox:
        agent, control = start(sandbox, arguments.layout, result)
        control.close()
        result |= memory(agent.pid)
        idle(agent.pid, arguments.idle, result)

        editor = Editor(sandbox.socket)
        repairs(editor, arguments.edits, "ovs-agentd", result)
        control = Control(f"{sandbox.folder}/control.sock")
        told = control.status()["repairs"]
        control.close()
        for key in ("p50", "p99", "max"):
            latency = told["latencyMicroseconds"][key]
            result[f"repair, ovs-agentd, by the agent: {key}, microseconds"] = latency
        for key in ("drifts", "contested"):
            result[f"{key} told by the agent"] = told[key]
        result["RssAnon after the repairs, KiB"] = memory(agent.pid)["RssAnon, KiB"]
        began = time.perf_counter()
        end(agent)
        result["SIGTERM to end, ms"] = (time.perf_counter() - began) * 1e3

        wanted = [f"{name}={peer}" for name, peer in editor.patch_ports().items()]
        command = ["bash", f"{ROOT}/Benchmarks/peer.sh", sandbox.db, *wanted]
        with open(f"{sandbox.folder}/peer.log", "wb") as log:
            peer = sandbox.start(*command, start_new_session=True, stderr=log)
        repairs(editor, arguments.edits, "ovsdb-client + ovs-vsctl", result)
        os.killpg(peer.pid, signal.SIGTERM)  # the shell with its two children
        editor.close()
    outage(arguments, result)
    return result


def outage(arguments, result):
    with Sandbox() as sandbox:
        _, control = start(sandbox, arguments.layout, {})
        sandbox.vswitchd.kill()
        began = time.perf_counter()
        until("degraded", 10, lambda: control.status()["state"] == "degraded")
        result["ovs-vswitchd killed to degraded, ms"] = (time.perf_counter() - began) * 1e3
        control.close()


def head(arguments):
    print(f"{machine()}, dummy datapath")
    print(f"binary {os.path.getsize(AGENT) / 1e6:.1f} MB; layout {os.path.relpath(arguments.layout, ROOT)}; ", end="")
    print(f"{arguments.runs} runs of {arguments.edits} edits, {arguments.idle} s idle\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--edits", type=int, default=200, help="per run")
    parser.add_argument("--idle", type=float, default=10, metavar="SECONDS")
    parser.add_argument("--layout", default=f"{ROOT}/Examples/layout.yaml", type=os.path.abspath)
    parser.add_argument("--quick", action="store_true", help="one short run: does it work at all")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.runs, arguments.edits, arguments.idle = 1, 20, 1
    if min(arguments.runs, arguments.edits, arguments.idle) <= 0:
        parser.error("--runs, --edits and --idle must be positive")

    for number in (signal.SIGTERM, signal.SIGHUP):  # so that the sandbox is ended then, too
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    head(arguments)
    results = []
    for number in range(arguments.runs):
        print(f"run {number + 1} of {arguments.runs}", file=sys.stderr, flush=True)
        results.append(one_run(arguments))

    print(f"{'':<64}{'median':>10}{'least':>10}{'most':>10}")
    for name in results[0]:
        values = [result[name] for result in results]
        cells = (statistics.median(values), min(values), max(values))
        print(f"{name:<64}" + "".join(f"{cell:>10.{0 if cell >= 100 or cell == int(cell) else 1}f}" for cell in cells))


if __name__ == "__main__":
    main()
