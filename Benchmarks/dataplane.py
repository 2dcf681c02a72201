#!/usr/bin/env python3
"""Measures what the agent makes of the data plane, seen from outside, on a private Open vSwitch.

On the dummy datapath, without root, with few and with many VM ports:

- first frame: from the reply to the commit of one more VM port until one of the frames that it sends without a pause
  leaves by the wire, beside the same on a plain bridge of the same switch. "Port told and served" is when ovs-vswitchd is done with
  the port: it has told OpenFlow clients of it, and answers what one of them sends then. Nobody can program it earlier;
  the plain bridge, which nobody programs, shows what ovs-vswitchd takes after that to let a frame through.
- reprogramming: ovs-vswitchd is killed and started again a second later. From the moment that the first bridge's socket
  opens until every bridge has all flows. They are compared as text afterwards. "served" is when ovs-vswitchd comes to
  answer on that socket: nobody can program it before.
- repair: a flow is deleted, one at a time; from sending that until the switch's flow monitor tells that it is there again.
  Beside it, on the plain bridge, a client that deletes a flow and adds it again itself, as soon as each is done.

On the userspace datapath between network namespaces (namespaces.py; as root): VMs and a station on the wire, with the
chain and with one plain bridge in its place, in turn, by the same ports.

- throughput: TCP, MB/s. Round trip: pings of 56 bytes. First packet: the same, each after all datapath flows were dropped.
- megaflows: the datapath's flows that carry IPv4 a way, the most of all ways.

Run it through scripts/bench, which builds first. A cell is the median over all samples of all runs, a ratio the median of
the pairs' ratios.
"""

import argparse
import contextlib
import os
import signal
import statistics
import sys

import namespaces
from dummies import PLAIN, DummyHost
from host import Host
from openflow import in_port
from pairs import alternating
from processes import machine
from sandbox import until
from table import Table
from traffic import Pinger, Stream

LANE_UP, LANE_DOWN = 40000, 50000  # the ports of lane 0 on a chain bridge
REPAIRED = [("br.microseg", 0, in_port(LANE_UP)), ("br.mx", 0, in_port(LANE_DOWN)), ("br0.local", 3, in_port(1))]
COMPARED = {
    "throughput, MB/s": {"ratio_least": 0.97},
    "round trip, microseconds": {"ratio_limit": 1 / 0.97},
    "first packet's round trip, microseconds": {"ratio_limit": 1.4},
}


def first_frames(host, title, arguments, table):
    turns = (lambda bridge=bridge: host.first_frame(bridge) for bridge in ("br0.local", PLAIN))
    for ours, peer in alternating(arguments.frames, *turns):
        table.add(f"{title}: commit to first frame, ms, beside a plain bridge", ours[0], peer[0])
        table.add(f"{title}: port told and served to first frame, ms, beside a plain bridge", ours[1], peer[1])
        table.add(f"{title}: the same, ms beyond the plain bridge", ours[1] - peer[1], limit=5)


def repairs(host, title, arguments, table):
    for bridge, number, match in REPAIRED:
        with contextlib.closing(host.management(bridge)) as ours, contextlib.closing(host.management(PLAIN)) as plain:
            ours.greet().monitor_adds(number)
            plain.greet().add(number, match)
            turns = (lambda: host.repair(ours, number, match), lambda: host.own_repair(plain, number, match))
            for a, b in alternating(arguments.repairs, *turns):
                row = f"{title}: flow deleted to flow back, microseconds, beside ovs-vswitchd's part"
                table.add(row, a, b, limit=1000)


def on_dummy_datapath(size, arguments, table):
    title = f"{size} VM ports" if size > 1 else "1 VM port"
    with DummyHost(size) as host:
        if size != arguments.middle:
            first_frames(host, title, arguments, table)
            repairs(host, title, arguments, table)
        if size > 1:
            for _ in range(arguments.restarts):
                served, done = host.reprogram(arguments.away)
                flows = sum(host.flow_counts.values())
                table.add(f"{title}: socket open to socket served, ms", served)
                limit = 100 if size == arguments.middle else None
                table.add(f"{title}: socket open to all {flows} flows back, ms", done, limit=limit)


def answered(pinger):
    """Microseconds of the next ping that is answered: what TCP leaves in the queues may cost one, on any bridge."""
    return until("an answer", 20, lambda: pinger.round_trip(0.5)) * 1e6


class Ways:
    """Two VMs and a station on the wire, whose ports stand now on the chain's bridges, now on plain ones in their place.

    They are the same ports, made anew each time: of ports that are made one after the other, those made first answered a
    ping in half the time, whatever bridge they were on."""

    def __init__(self, host):
        self.host = host
        host.add_bridge("plain", "nic1")
        host.add_bridge("tor1", "end1")
        self.a, self.b, self.wire = host.vm("vma", 1, 10), host.vm("vmb", 2, 10), host.plug("tor", "wire", 3, "tag=10")
        self.pairs = {"VM to VM": (self.a, self.b), "VM to wire": (self.a, self.wire)}
        for pair in self.pairs.values():
            for source, target in (pair, reversed(pair)):
                source.know(target)

    def stand(self, local, tor):
        for number, station in ((1, self.a), (2, self.b)):
            self.host.move(local, station.name, "tag=10", *self.host.marks(station.name, number))
        self.host.move(tor, self.wire.name, "tag=10")

    def measured(self, pair, local, tor, arguments):
        """MB/s, a round trip and a first packet's, in microseconds, and the most megaflows of a direction."""
        self.stand(local, tor)
        source, target = pair
        with Pinger(source, target) as pinger:
            # Twice: a bridge learns from the first where the other is.
            if not (pinger.reaches() and pinger.reaches()):
                raise RuntimeError(f"{source} does not reach {target} on {local}")
            with Stream(source, target) as stream:
                rate = stream.rate(arguments.seconds) / 1e6
            usual = statistics.median(answered(pinger) for _ in range(arguments.pings))
            firsts = []
            for _ in range(arguments.firsts):
                self.host.appctl("revalidator/purge")
                firsts.append(answered(pinger))
            flows = [self.host.megaflows(source, target), self.host.megaflows(target, source)]
        return rate, usual, statistics.median(firsts), max(len(lines) for way in flows for lines in way.values())


def on_userspace_datapath(arguments, table):
    with Host() as host:
        host.cable("nic1", "end1")
        host.agent_starts()
        ways = Ways(host)
        for title, pair in ways.pairs.items():
            turns = (
                lambda bridges=bridges: ways.measured(pair, *bridges, arguments)
                for bridges in (("br0.local", "tor"), ("plain", "tor1"))
            )
            for ours, peer in alternating(arguments.rounds, *turns):
                for (row, target), a, b in zip(COMPARED.items(), ours, peer):
                    table.add(f"{title}: {row}, beside a plain bridge", a, b, **target)
                table.add(f"{title}: datapath megaflows a direction", ours[3], limit=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--frames", type=int, default=10, help="VM ports that come and go, per run and bridge")
    parser.add_argument("--repairs", type=int, default=50, help="of each of three flows, per run")
    parser.add_argument("--seconds", type=float, default=1, help="of TCP, each time")
    parser.add_argument("--quick", action="store_true", help="one short run on fewer ports: does it work at all")
    arguments = parser.parse_args()
    arguments.many, arguments.middle, arguments.restarts, arguments.away = 1000, 100, 1, 1
    arguments.rounds, arguments.pings, arguments.firsts = 4, 200, 10
    if arguments.quick:
        arguments.runs = arguments.rounds = 1
        arguments.frames, arguments.repairs, arguments.pings, arguments.firsts = 2, 5, 10, 2
        arguments.many, arguments.middle, arguments.seconds = 200, 50, 0.5
    if min(arguments.runs, arguments.frames, arguments.repairs, arguments.seconds) <= 0:
        parser.error("--runs, --frames, --repairs and --seconds must be positive")

    # In a private world all of it ends with this process; elsewhere the sandboxes are ended by what this raises.
    reason = namespaces.reason_to_skip() if namespaces.MARK not in os.environ else None
    if reason is None:
        namespaces.enter()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    print(f"{machine()}; {arguments.runs} runs\n", flush=True)
    table = Table()
    for number in range(arguments.runs):
        print(f"run {number + 1} of {arguments.runs}", file=sys.stderr, flush=True)
        for size in (1, arguments.middle, arguments.many):
            on_dummy_datapath(size, arguments, table)
        if reason is None:
            on_userspace_datapath(arguments, table)
    if reason:
        for what in ("throughput", "round trip", "first packet", "datapath megaflows"):
            table.miss(f"VM to VM and to the wire: {what}", reason)
    table.print()


if __name__ == "__main__":
    main()
