"""The same repair by the python library of Open vSwitch (PyPI `ovs`), as an operator would write it: a replica of the
agent's columns, and a look at the one row after each change. Prints `ready` once it follows.

    python_repair.py REMOTE SCHEMA COLUMNS TABLE UUID COLUMN VALUE     COLUMNS, VALUE: JSON; COLUMNS by table
"""

import json
import sys
import uuid

import ovs.db.idl
import ovs.poller

remote, schema, columns, table, row_uuid, column, value = sys.argv[1:]
wanted = json.loads(value)
if isinstance(wanted, list) and wanted[0] == "map":
    wanted = dict(wanted[1])
row_uuid = uuid.UUID(row_uuid)

helper = ovs.db.idl.SchemaHelper(location=schema)
for name, followed in json.loads(columns).items():
    helper.register_columns(name, followed)
idl = ovs.db.idl.Idl(remote, helper)
is_ready = False
while True:
    seqno = idl.change_seqno
    idl.run()
    if idl.has_ever_connected():
        if not is_ready:
            is_ready = True
            print("ready", flush=True)
        row = idl.tables[table].rows[row_uuid]
        found = getattr(row, column)
        if found != (wanted if isinstance(wanted, dict) else [wanted]):
            transaction = ovs.db.idl.Transaction(idl)
            setattr(row, column, wanted)
            transaction.commit_block()
            continue
    if seqno == idl.change_seqno:
        poller = ovs.poller.Poller()
        idl.wait(poller)
        poller.block()
