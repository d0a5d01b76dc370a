"""Peers of a gateway that fill its memory: sockets and streams that stop reading, responses that nobody reads, and messages in
fragments that never end. Usage: slow-peers.py PORT TOKEN SOCKETS STREAMS RESPONSES FRAGMENTS GROUPS. Prints a line of JSON for each
step, and begins the next one when it reads a line."""

import json
import resource
import socket
import struct
import sys
import time

port, token, sockets, streams, responses, fragments, groups = [
    value if index == 1 else int(value) for index, value in enumerate(sys.argv[1:])
]
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
# Small segments and windows: otherwise the kernel of this machine takes 2.6 MB for each connection before the gateway holds anything.
SEGMENT = 536
WINDOW = 4096
BATCH = 50


def frame(payload, opcode=1, final=True):
    head = bytes([(0x80 if final else 0) | opcode])
    length = len(payload)
    head += bytes([0x80 | length]) if length < 126 else bytes([0xFE]) + struct.pack(">H", length)
    return head + bytes(4) + payload


def connect(slow=True):
    tcp = socket.socket()
    if slow:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    tcp.settimeout(30)
    tcp.connect(("127.0.0.1", port))
    return tcp


def read_until(tcp, wanted):
    received = b""
    while wanted not in received:
        part = tcp.recv(65536)
        if not part:
            return received
        received += part
    return received


def tell(**step):
    print(json.dumps(step), flush=True)
    sys.stdin.readline()


def open_all(count, steps):
    """Opens connections, and returns those that were accepted, and how many were not. A step is what is sent, and what then arrives."""
    opened = []
    refused = 0
    for first in range(0, count, BATCH):
        batch = [(connect(), index) for index in range(first, min(count, first + BATCH))]
        for send, wanted in steps:
            for tcp, index in batch:
                tcp.sendall(send(index))
            batch = [(tcp, index) for tcp, index in batch if wanted in read_until(tcp, wanted)]
        opened += [tcp for tcp, index in batch]
    return opened, count - len(opened)


def connect_text(index):
    return frame(b'40{"token":"%s"}' % token.encode())


def subscribe_text(index):
    return frame(b'420["subscribe",%s]' % json.dumps({"group": f"g{index % groups}"}).encode())


def stream_text(index):
    return f"GET /v1/stream?group=g{index % groups} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def response_text(index):
    path = f"/v1/notices?group=g{index % groups}&limit=50"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def attack(count):
    """Each fragment of one byte ends a chunk of 64 KiB, and keeps it in memory. Peers that are cut come again."""
    filler = frame(bytes(119), 0xA) * 524
    refused = cut = 0
    peers = []

    def open_one():
        tcp = connect(slow=False)
        tcp.sendall(UPGRADE)
        if b" 101 " not in tcp.recv(4096):
            tcp.close()
            return None
        return [tcp, 0]

    for round_ in range(8):
        # More frames in a second would be cut for that.
        time.sleep(0.15)
        for slot in range(count):
            if round_ == 0:
                peers.append(None)
            if peers[slot] is None:
                try:
                    peers[slot] = open_one()
                except OSError:
                    pass
                if peers[slot] is None:
                    refused += 1
                    continue
            tcp, sent = peers[slot]
            try:
                tcp.sendall(filler + frame(b"a", 0 if sent else 1, final=False))
                peers[slot][1] += 1
            except OSError:
                cut += 1
                peers[slot] = None
    return cut, refused


held, refused = open_all(sockets, [(lambda _: UPGRADE, b'0{"sid"'), (connect_text, b'40{"sid"'), (subscribe_text, b"430[")])
tell(step="sockets", opened=len(held), refused=refused)
more, refused = open_all(streams, [(stream_text, b"event: subscribed")])
tell(step="streams", opened=len(more), refused=refused)
cut, refused = attack(fragments)
tell(step="fragments", cut=cut, refused=refused)
last = []
for index in range(responses):
    try:
        tcp = connect()
        tcp.sendall(response_text(index))
        last.append(tcp)
    except OSError:
        pass
tell(step="responses", opened=len(last))
