"""Where the python library of Open vSwitch is found, the peer of one row."""

import os
import subprocess
import sys


def pythons(folder, install):
    """Pairs of a name and an interpreter that can import it, or None: PyPI's `ovs`, which is kept in a virtual
    environment in `folder` and put there first if `install`; and the distribution's, which parses JSON in C."""
    interpreter = f"{folder}/bin/python"
    if install and not can_import(interpreter):
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, stdout=sys.stderr)
            pip = [interpreter, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
            subprocess.run([*pip, "--retries=1", "--timeout=15", "ovs"], check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"python library from PyPI: {error}", file=sys.stderr)
    found = (("PyPI", interpreter), ("python3-openvswitch", "/usr/bin/python3"))
    return [(name, path if can_import(path) else None) for name, path in found]


def can_import(interpreter):
    if not os.path.exists(interpreter):
        return False
    return subprocess.run([interpreter, "-c", "import ovs.db.idl"], capture_output=True).returncode == 0
