"""ovn-controller, the peer of one row: where it is found, and how it is run on a private database."""

import glob
import json
import os
import subprocess
import sys

from sandbox import until

PACKAGES = f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/packaging/apt-packages-bench"
CONTROLLER, SCHEMA = "usr/bin/ovn-controller", "usr/share/ovn/ovn-sb.ovsschema"


def controller_root(folder, install):
    """Below which root ovn-controller and its southbound schema lie: this machine's own, else `folder`, where Debian's
    packages are unpacked first if `install`; and why there is none, as a pair of which one is None."""
    for root in ("/", f"{folder}/root"):
        if is_complete(root):
            return root, None
    if not install:
        return None, "not installed"
    os.makedirs(folder, exist_ok=True)
    with open(PACKAGES, encoding="utf-8") as file:
        packages = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    try:
        subprocess.run(["apt-get", "-q", "download", *packages], cwd=folder, check=True, stdout=sys.stderr)
        for package in glob.glob(f"{folder}/*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, f"{folder}/root"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return None, f"Debian's package can't be fetched: {error}"
    return (f"{folder}/root", None) if is_complete(f"{folder}/root") else (None, "the packages hold no ovn-controller")


def is_complete(root):
    return all(os.path.exists(os.path.join(root, path)) for path in (CONTROLLER, SCHEMA))


def start(database, root):
    """Starts ovn-controller with a southbound database of its own, and waits until it has made br-int."""
    southbound = f"{database.folder}/sb"
    subprocess.run(["ovsdb-tool", "create", f"{southbound}.db", os.path.join(root, SCHEMA)], check=True)
    options = [f"--remote=punix:{southbound}.sock", f"--unixctl={southbound}.ctl", "-vconsole:off"]
    database.start("ovsdb-server", f"{southbound}.db", *options)
    until("the southbound ovsdb-server", 10, lambda: os.path.exists(f"{southbound}.sock"))
    first = json.dumps(["OVN_Southbound", {"op": "insert", "table": "SB_Global", "row": {}}])
    client = ["ovsdb-client", "transact", f"unix:{southbound}.sock", first]
    subprocess.run(client, check=True, stdout=subprocess.DEVNULL)
    settings = {
        "ovn-remote": f"unix:{southbound}.sock",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": "127.0.0.1",
        "system-id": "bench",
    }
    database.vsctl("set", "Open_vSwitch", ".", *(f"external_ids:{key}={value}" for key, value in settings.items()))
    libraries = ":".join(glob.glob(os.path.join(root, "usr/lib/*-linux-*")))
    path = [] if root == "/" else [f"LD_LIBRARY_PATH={libraries}"]
    command = ["env", f"OVN_RUNDIR={database.folder}", *path, os.path.join(root, CONTROLLER), database.db]
    with open(f"{database.folder}/ovn-controller.log", "wb") as log:
        controller = database.start(*command, "-vconsole:info", stdout=log, stderr=log)

    def made():
        if controller.poll() is not None:
            with open(f"{database.folder}/ovn-controller.log", encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"ovn-controller ended with {controller.returncode}: {log.read()[-400:]}")
        listed = ["ovs-vsctl", f"--db={database.db}", "--no-wait", "br-exists", "br-int"]
        return subprocess.run(listed, env=database.environment).returncode == 0

    until("br-int", 20, made, pause=0.05)
    return controller
