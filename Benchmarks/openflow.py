"""As much of OpenFlow 1.4 as a benchmark needs to look at a bridge from outside: counts flows, deletes one, and is told
of those that are added; sees a port come."""

import socket
import struct

VERSION = 5
HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, SET_CONFIG, PORT_STATUS, FLOW_MOD = 0, 1, 2, 3, 9, 12, 14
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 18, 19, 20, 21
AGGREGATE, FLOW_MONITOR = 2, 16
ANY, ALL_TABLES = 0xFFFFFFFF, 0xFF
ADD, DELETE = 0, 3
ADD_EVENTS, ADDED = 1 << 1, 1
NONE = struct.pack("!HHI", 1, 4, 0)  # a match of everything (OpenFlow 1.4, 7.2.3)


def in_port(number):
    """A match of one field."""
    return struct.pack("!HHIII", 1, 12, 0x80000004, number, 0)


class OpenFlow:
    """A connection to `<bridge>.mgmt`. Everybody's requests are answered in their order."""

    def __init__(self, path, seconds=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(seconds)
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def greet(self):
        """Returns once the switch has said hello, which it does when it comes to serve the connection."""
        self.send(HELLO)
        while self.receive()[0] != HELLO:
            pass
        return self

    def send(self, kind, body=b""):
        self.socket.sendall(struct.pack("!BBHI", VERSION, kind, 8 + len(body), 1) + body)

    def receive(self):
        """Type and body of the next message that is not about being alive."""
        while True:
            _, kind, length, xid = struct.unpack("!BBHI", self.exactly(8))
            body = self.exactly(length - 8)
            if kind == ERROR:
                raise RuntimeError(f"OpenFlow error {body[:4].hex()}")
            if kind != ECHO_REQUEST:
                return kind, body
            self.socket.sendall(struct.pack("!BBHI", VERSION, ECHO_REPLY, length, xid) + body)

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionResetError("the switch closed the connection")
            data += part
        return bytes(data)

    def flow_count(self, cookie=0, mask=0, table=ALL_TABLES):
        """How many flows there are whose cookie is this where the mask has bits."""
        wanted = struct.pack("!B3xII4xQQ", table, ANY, ANY, cookie, mask) + NONE
        self.send(MULTIPART_REQUEST, struct.pack("!HH4x", AGGREGATE, 0) + wanted)
        while True:
            kind, body = self.receive()
            if kind == MULTIPART_REPLY and body[:2] == struct.pack("!H", AGGREGATE):
                return struct.unpack_from("!QQI", body, 8)[2]

    def monitor_adds(self, table):
        """From now on is told of flows that others add to a table."""
        wanted = struct.pack("!IIIHBB", 1, ANY, ANY, ADD_EVENTS, table, 0) + NONE
        self.send(MULTIPART_REQUEST, struct.pack("!HH4x", FLOW_MONITOR, 0) + wanted)
        self.flow_count()

    def follow_ports(self):
        """From now on is told of ports, which a service connection is once it takes packets."""
        self.send(SET_CONFIG, struct.pack("!HH", 0, 128))
        self.flow_count()

    def wait_for_port(self, name):
        """Returns once the switch has told of a port and then served this connection again."""
        while (message := self.receive())[0] != PORT_STATUS or message[1][24:40].rstrip(b"\0") != name.encode():
            pass
        self.barrier()

    def barrier(self):
        """Returns once the switch has done all that was sent before."""
        self.send(BARRIER_REQUEST)
        while self.receive()[0] != BARRIER_REPLY:
            pass

    def add(self, table, match):
        """A flow that drops."""
        self.modify(ADD, table, match)

    def delete(self, table, match):
        """All flows of a table that match so much."""
        self.modify(DELETE, table, match)

    def modify(self, command, table, match):
        flow_mod = struct.pack("!QQBBHHHIIIHH", 0, 0, table, command, 0, 0, 1, ANY, ANY, ANY, 0, 0)
        self.send(FLOW_MOD, flow_mod + match)

    def wait_for_add(self):
        """Returns once it is told of a flow that was added."""
        while True:
            kind, body = self.receive()
            if kind == MULTIPART_REPLY and body[:2] == struct.pack("!H", FLOW_MONITOR):
                at = 8
                while at < len(body):
                    length, event = struct.unpack_from("!HH", body, at)
                    if event == ADDED:
                        return
                    at += length

    def close(self):
        self.socket.close()
