"""Traffic between stations: pings that are counted and timed, and TCP whose bytes are compared."""

import hashlib
import itertools
import os
import select
import socket
import struct
import threading
import time

ECHO, ECHO_REPLY = 8, 0
BLOCK = 1 << 18
identifiers = itertools.count(os.getpid())


class Pinger:
    """ICMP echo requests from one station to another, whose kernel answers."""

    def __init__(self, source, target):
        self.target = (target.address, 0)
        self.identifier = next(identifiers) & 0xFFFF
        with source.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.sent, self.answered = 0, set()
        self.stopping, self.thread = threading.Event(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        if self.thread:
            self.thread.join()
        self.socket.close()

    def send(self):
        self.sent += 1
        head = struct.pack("!BBHHH", ECHO, 0, 0, self.identifier, self.sent & 0xFFFF)
        body = struct.pack("!Q", self.sent) + bytes(48)
        sum_ = checksum(head + body)
        self.socket.sendto(head[:2] + struct.pack("!H", sum_) + head[4:] + body, self.target)
        return self.sent

    def receive(self, seconds):
        """The number of the request whose answer comes next; None when none comes in time. With 0 it takes what is
        there already."""
        deadline = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
            packet = self.socket.recv(2048)
            at = (packet[0] & 15) * 4
            kind, _, _, identifier, _, number = struct.unpack_from("!BBHHHQ", packet, at)
            if kind == ECHO_REPLY and identifier == self.identifier:
                self.answered.add(number)
                return number
        return None

    def round_trip(self, seconds=20):
        """Seconds from a request to its answer; None when there is none in time."""
        began = time.perf_counter()
        wanted = self.send()
        while (number := self.receive(seconds)) is not None:
            if number == wanted:
                return time.perf_counter() - began
        return None

    def reaches(self, seconds=20):
        """Asks again and again until there is an answer: as after a change that takes its time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.round_trip(0.2) is not None:
                return True
        return False

    def keep_on(self, interval):
        """Begins to ask at this interval, in seconds, whatever is answered."""

        def ask():
            while not self.stopping.wait(interval):
                self.send()
                while self.receive(0) is not None:
                    pass

        self.thread = threading.Thread(target=ask)
        self.thread.start()

    def lost(self, seconds=20):
        """Stops asking, waits for what is on the way, and tells how many answers never came."""
        self.stopping.set()
        self.thread.join()
        while len(self.answered) < self.sent and self.receive(seconds) is not None:
            pass
        return self.sent - len(self.answered)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Stream:
    """A TCP connection between two stations, and a thread that reads at its far end."""

    def __init__(self, source, target, seconds=60):
        with target.entered():
            listener = socket.create_server((target.address, 0))
        with source.entered():
            self.near = socket.create_connection(listener.getsockname(), seconds)
        self.far, _ = listener.accept()
        listener.close()
        self.far.settimeout(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.near.close()
        self.far.close()

    def carries(self, count):
        """Whether so many bytes arrive as they were sent, there and back."""
        data = os.urandom(count)
        return carried(self.near, self.far, data) and carried(self.far, self.near, data)

    def rate(self, seconds):
        """Bytes a second that arrive within a time."""
        buffer, block = bytearray(BLOCK), bytes(BLOCK)
        until = time.perf_counter() + seconds
        counted = [0]

        def read():
            while time.perf_counter() < until and (got := self.far.recv_into(buffer)):
                counted[0] += got
            # Nobody reads on: lets go of a sender that is stuck in a full buffer.
            self.far.shutdown(socket.SHUT_RDWR)
            self.far.close()

        reader = threading.Thread(target=read)
        began = time.perf_counter()
        reader.start()
        try:
            while time.perf_counter() < until:
                self.near.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
        reader.join()
        return counted[0] / (time.perf_counter() - began)


def carried(sender, receiver, data):
    writer = threading.Thread(target=sender.sendall, args=(data,))
    writer.start()
    left, digest = len(data), hashlib.sha256()
    while left and (block := receiver.recv(min(left, BLOCK))):
        digest.update(block)
        left -= len(block)
    writer.join()
    return digest.digest() == hashlib.sha256(data).digest()
