"""ovs-agentd under fire, beside ovs-vswitchd on the dummy datapath: many edits of many objects (editors.py), and those
who fight over one. Parts of repair.py."""

import json
import os
import subprocess
import sys
import time

from ovsdb import BUILD, HERE, monitored, settle
from ports import fill, transact
from processes import cost, memory
from sandbox import JSONStream, Sandbox, end, until

CLIENTS, PER_SECOND = 4, 500
# What ovs-vswitchd writes of the columns that the agent follows.
STATUS = set(
    "cur_cfg next_cfg ofport error mac_in_use link_state link_speed admin_state lacp_current mtu "
    "bond_active_slave".split()
)


def configuration(sandbox):
    """Every row of the configuration that the agent follows, by its identity."""
    columns = monitored(sandbox, "agent")
    stream = JSONStream(sandbox.socket)
    rows = {}
    for table, names in columns.items():
        wanted = ["_uuid", *(name for name in names if name not in STATUS)]
        for row in transact(stream, {"op": "select", "table": table, "where": [], "columns": wanted})[0]["rows"]:
            rows[row["_uuid"][1]] = row
    stream.close()
    return rows


def in_sync(control):
    return control.status()["state"] == "in-sync" and not json.loads(control.ask("plan", "--json"))["changes"]


def under_fire(seconds, layout, table):
    with Sandbox() as sandbox:
        fill(sandbox.socket, 100)
        agent, control = sandbox.start_agent(layout)
        settle(agent.pid, sandbox.vswitchd.pid)
        before, spent = configuration(sandbox), cost(agent.pid)
        resident = [memory(agent.pid)["RssAnon, KiB"]]
        began = time.perf_counter()
        editors = []
        for number in range(CLIENTS):
            pace = [str(PER_SECOND // CLIENTS), str(seconds), str(number)]
            command = [sys.executable, "-B", f"{HERE}/editors.py", sandbox.socket, *pace]
            editors.append(sandbox.start(*command, stdout=subprocess.PIPE))
        while any(editor.poll() is None for editor in editors):
            resident.append(memory(agent.pid)["RssAnon, KiB"])
            time.sleep(0.25)
        took = time.perf_counter() - began
        until("all as wanted again", 30, lambda: in_sync(control))
        calm = time.perf_counter() - began - took
        told = [json.loads(editor.communicate()[0]) for editor in editors]
        made = sum(one["edits"] for one in told)
        nanoseconds = cost(agent.pid)[0] - spent[0]
        after, status = configuration(sandbox), control.status()
        different = [row["name"] for uuid, row in before.items() if after.get(uuid) != row]
        title = f"fire, {CLIENTS} clients, {seconds} s"
        table.add(f"{title}: edits a second that were made", made / max(one["seconds"] for one in told))
        others = len(different) + len(after.keys() - before.keys())
        table.add(f"{title}: rows that are not as before, or are others", others, limit=0)
        table.add(f"{title}: from the last edit to in-sync with an empty plan, ms", calm * 1e3, limit=2000)
        table.add(f"{title}: repairing transactions a second", status["repairs"]["transactions"] / took)
        table.add(f"{title}: drifts a second", status["repairs"]["drifts"] / took)
        table.add(f"{title}: objects contested", status["repairs"]["contested"])
        for key in ("p50", "p99", "max"):
            latency = status["repairs"]["latencyMicroseconds"][key]
            table.add(f"{title}: repair by the agent: {key}, microseconds", latency)
        table.add(f"{title}: CPU of ovs-agentd, % of a core", nanoseconds / took / 1e7)
        table.add(f"{title}: CPU of ovs-agentd an edit, microseconds", nanoseconds / made / 1e3)
        table.add(f"{title}: RssAnon before, KiB", resident[0])
        table.add(f"{title}: RssAnon at most, KiB", max(resident), limit=16 << 10)
        if different:
            print(f"not as before: {', '.join(sorted(different)[:20])}", file=sys.stderr)
        control.close()


def fights(seconds, layout, table):
    """Somebody who wants a wrong value, and then two who want different ones, each at once whenever it is not there."""
    for writers in (["nowhere"], ["nowhere", "elsewhere"]):
        with Sandbox() as sandbox:
            agent, control = sandbox.start_agent(layout)
            settle(agent.pid, sandbox.vswitchd.pid)
            where = [["name", "==", "br0.ms.n"]]
            stream = JSONStream(sandbox.socket)
            select = {"op": "select", "table": "Interface", "where": where, "columns": ["_uuid"]}
            row = transact(stream, select)[0]["rows"][0]["_uuid"][1]
            requests = json.dumps({"Interface": [{"columns": ["name", "options"]}]})
            for peer in writers:
                value = f'["map",[["peer","{peer}"]]]'
                what = ["Interface", row, "options", value]
                command = [f"{BUILD}/bench/repair", sandbox.socket, requests, *what]
                writer = sandbox.start(*command, stdout=subprocess.PIPE)
                writer.stdout.readline()
            first = {"options": ["map", [["peer", "first"]]]}
            transact(stream, {"op": "update", "table": "Interface", "where": where, "row": first})
            stream.close()
            until("contested", 60, lambda: control.status()["repairs"]["contested"] > 0, pause=0.05)
            spent, repaired, began = cost(agent.pid)[0], transactions(sandbox), time.perf_counter()
            time.sleep(seconds)
            took = time.perf_counter() - began
            title = "one who wants another value" if len(writers) == 1 else "two who want two other values"
            title = f"fight with {title}"
            used = (cost(agent.pid)[0] - spent) / took / 1e7
            table.add(f"{title}: CPU of ovs-agentd while contested, % of a core", used, limit=5)
            table.add(f"{title}: next_cfg a second", (transactions(sandbox) - repaired) / took)
            table.add(f"{title}: state is contested", int(control.status()["state"] == "contested"))
            control.close()


def transactions(sandbox):
    """`next_cfg`: it counts the transactions of the agent, and nobody else's in a fight."""
    stream = JSONStream(sandbox.socket)
    rows = transact(stream, {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["next_cfg"]})[0]["rows"]
    stream.close()
    return rows[0]["next_cfg"]
