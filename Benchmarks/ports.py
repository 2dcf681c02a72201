"""Fills a database with the ports of a foreign bridge, as ovs-vswitchd and libvirt would leave them, and edits them.

Run as a program it edits at a steady pace, so that it shares no interpreter with what is measured:

    ports.py edit SOCKET PER_SECOND SECONDS      prints how many edits it made as a JSON object
"""

import json
import sys
import time
import uuid

from sandbox import JSONStream

AT_ONCE = 1000
STATISTICS = (
    "collisions rx_bytes rx_crc_err rx_dropped rx_errors rx_frame_err rx_missed_errors rx_over_err rx_packets "
    "tx_bytes tx_dropped tx_errors tx_packets"
).split()


def string_map(values):
    return ["map", sorted([key, value] for key, value in values.items())]


def interface(number):
    mac = ":".join(["52", "54"] + [f"{(number >> shift) & 255:02x}" for shift in (24, 16, 8, 0)])
    return {
        "name": f"tap{number}",
        "external_ids": string_map(
            {
                "attached-mac": mac,
                "iface-id": str(uuid.UUID(int=number)),
                "iface-status": "active",
                "vm-id": str(uuid.UUID(int=number // 2 + (1 << 64))),
            }
        ),
        "admin_state": "up",
        "duplex": "full",
        "ifindex": number + 10,
        "link_resets": 1,
        "link_speed": 10_000_000_000,
        "link_state": "up",
        "mac_in_use": mac,
        "mtu": 1500,
        "ofport": number % 65000 + 1,
        "statistics": string_map({name: number * 1000 + len(name) for name in STATISTICS}),
        "status": string_map({"driver_name": "tun", "driver_version": "1.6", "firmware_version": ""}),
    }


def fill(path, count):
    """Makes the bridge br-ext with so many ports, an interface each."""
    stream = JSONStream(path)
    bridge = {"op": "insert", "table": "Bridge", "row": {"name": "br-ext"}, "uuid-name": "bridge"}
    transact(stream, bridge, mutate("Open_vSwitch", [], "bridges", ["named-uuid", "bridge"]))
    stream.close()
    plug(path, "br-ext", count)


def plug(path, bridge, count):
    """Adds so many VM ports to a bridge that stands, an interface each."""
    stream = JSONStream(path)
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        operations = []
        for number in numbers:
            port = {"name": f"tap{number}", "interfaces": ["named-uuid", f"i{number}"], "tag": number % 4094 + 1}
            row = interface(number)
            operations.append({"op": "insert", "table": "Interface", "row": row, "uuid-name": f"i{number}"})
            operations.append({"op": "insert", "table": "Port", "row": port, "uuid-name": f"p{number}"})
        ports = ["set", [["named-uuid", f"p{number}"] for number in numbers]]
        transact(stream, *operations, mutate("Bridge", [["name", "==", bridge]], "ports", ports))
    stream.close()


def mutate(table, where, column, values):
    return {"op": "mutate", "table": table, "where": where, "mutations": [[column, "insert", values]]}


def transact(stream, *operations):
    stream.send({"id": 1, "method": "transact", "params": ["Open_vSwitch", *operations]})
    reply = stream.receive()
    if reply is None or reply["error"] is not None or any("error" in (one or {}) for one in reply["result"]):
        raise RuntimeError(f"transact: {str(reply)[-400:]}")
    return reply["result"]


def edit(path, per_second, seconds):
    """Changes one key of one interface's external_ids at a time, in turn over all of the bridge's."""
    stream = JSONStream(path)
    ours = [["external_ids", "includes", string_map({"iface-status": "active"})]]
    columns = ["_uuid", "external_ids"]
    select = {"op": "select", "table": "Interface", "where": ours, "columns": columns}
    rows = transact(stream, select)[0]["rows"]
    began = time.perf_counter()
    made = late = 0
    while made < per_second * seconds:
        due = began + made / per_second
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        row = rows[made % len(rows)]
        values = dict(row["external_ids"][1]) | {"iface-status": f"edit-{made}"}
        where = [["_uuid", "==", row["_uuid"]]]
        changed = {"external_ids": string_map(values)}
        transact(stream, {"op": "update", "table": "Interface", "where": where, "row": changed})
        made += 1
        late = max(late, time.perf_counter() - due)
    took = time.perf_counter() - began
    print(json.dumps({"edits": made, "seconds": took, "per_second": made / took, "latest_ms": late * 1e3}))


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] != "edit":
        sys.exit(__doc__)
    edit(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
