"""A client that edits the agent's rows in every way that leaves them standing, at a steady pace:

    editors.py SOCKET PER_SECOND SECONDS SEED      prints how many edits it made as a JSON object
"""

import json
import random
import sys
import time

from ports import mutate, string_map, transact
from sandbox import JSONStream

CHAIN = ["br.mx", "br.microseg", "br.nf", "br.dmx"]
BRIDGES = [*CHAIN, "br0.local"]


def update(table, name, **row):
    return [{"op": "update", "table": table, "where": [["name", "==", name]], "row": row}]


class Editor:
    def __init__(self, path, seed):
        self.stream, self.random, self.seed, self.made = JSONStream(path), random.Random(seed), seed, 0
        select = {"op": "select", "table": "Interface", "where": [["type", "==", "patch"]], "columns": ["name"]}
        self.patches = sorted(row["name"] for row in transact(self.stream, select)[0]["rows"])
        kinds = (self.peer, self.tag, self.vlans, self.bridge, self.controller, self.unknown_port, self.bond)
        self.kinds = [*kinds, self.peer, self.tag]

    def edit(self):
        self.made += 1
        transact(self.stream, *self.random.choice(self.kinds)())

    def patch(self):
        return self.random.choice(self.patches)

    def peer(self):
        return update("Interface", self.patch(), options=string_map({"peer": f"nowhere{self.made}"}))

    def tag(self):
        return update("Port", self.patch(), tag=self.random.randrange(1, 4095))

    def vlans(self):
        return update("Port", self.patch(), trunks=["set", [self.random.randrange(1, 4095)]], vlan_mode="native-tagged")

    def bridge(self):
        settings = [
            {"fail_mode": "standalone"},
            {"mcast_snooping_enable": True},
            {"other_config": string_map({"mac-table-size": "50"})},
            {"flood_vlans": self.random.randrange(1, 4095)},
        ]
        return update("Bridge", self.random.choice(BRIDGES), **self.random.choice(settings))

    def controller(self):
        row = {"target": "tcp:127.0.0.1:9"}
        insert = {"op": "insert", "table": "Controller", "row": row, "uuid-name": "controller"}
        name = self.random.choice([*BRIDGES, "br0"])
        return [insert, *update("Bridge", name, controller=["named-uuid", "controller"])]

    def unknown_port(self):
        """On the chain, where it is nobody's."""
        name = f"x{self.seed}.{self.made}"
        port = {"name": name, "interfaces": ["named-uuid", "interface"]}
        return [
            {"op": "insert", "table": "Interface", "row": {"name": name}, "uuid-name": "interface"},
            {"op": "insert", "table": "Port", "row": port, "uuid-name": "port"},
            mutate("Bridge", [["name", "==", self.random.choice(CHAIN)]], "ports", ["named-uuid", "port"]),
        ]

    def bond(self):
        settings = [{"bond_mode": "balance-slb"}, {"bond_mode": "balance-tcp"}, {"lacp": "active"}]
        return update("Port", "br0-up", **self.random.choice(settings))


def main(path, per_second, seconds, seed):
    editor = Editor(path, seed)
    began = time.perf_counter()
    while editor.made < per_second * seconds:
        wait = began + editor.made / per_second - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        editor.edit()
    print(json.dumps({"edits": editor.made, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
