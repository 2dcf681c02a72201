"""The same replica by the python library of Open vSwitch (PyPI `ovs`): every column of the tables named, until it is
complete. Prints milliseconds as a JSON object; importing the library is not in them.

    python_idl.py REMOTE SCHEMA TABLE...
"""

import json
import sys
import time

import ovs.db.idl
import ovs.poller

remote, schema, *tables = sys.argv[1:]
started = time.perf_counter()
helper = ovs.db.idl.SchemaHelper(location=schema)
for table in tables:
    helper.register_table(table)
idl = ovs.db.idl.Idl(remote, helper)
while not idl.has_ever_connected():
    if idl.run():
        continue
    poller = ovs.poller.Poller()
    idl.wait(poller)
    poller.block()
took = (time.perf_counter() - started) * 1e3
print(json.dumps({"synced_ms": took, "rows": sum(len(idl.tables[table].rows) for table in tables)}))
