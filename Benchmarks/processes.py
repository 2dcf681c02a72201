"""What the system says of itself and of a running process."""

import os
import platform
import subprocess
import time


def machine():
    """One line: kernel, processors, load, Open vSwitch."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    version = subprocess.run(["ovsdb-server", "--version"], capture_output=True, text=True, check=True).stdout
    cpus = f"{os.cpu_count()} x {model or platform.machine()}"
    system = f"{platform.system()} {platform.release()}"
    return f"{system}, {cpus}, load {os.getloadavg()[0]:.1f}; {version.splitlines()[0]}"


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    result = {f"{name}, KiB": int(fields[name].split()[0]) for name in ("RssAnon", "RssFile", "VmHWM")}
    return result | {"threads": int(fields["Threads"])}


def cost(pid):
    """CPU time in nanoseconds, of all threads that there ever were, and voluntary context switches of those that live."""
    # The process's own clock, as clock_getcpuclockid(3) names it; python has no call for it.
    nanoseconds = time.clock_gettime_ns(~pid << 3 | 2)
    switches = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        switches += int(fields["voluntary_ctxt_switches"])
    return nanoseconds, switches
