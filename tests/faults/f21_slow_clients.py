"""F21: clients that hold connections and do nothing with them."""

import os
import resource
import socket
import threading
import time

from lib.oracle import Tree
from lib.suite import Refused, fault, wait

BIG = 24 << 20


def open_all(address, count, first):
    """Connections on which `first` was sent."""
    host, port = address.rsplit(":", 1)
    opened = []
    for _ in range(count):
        connection = socket.socket()
        # Little room in the kernel, so that a reader that does not read is noticed.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        try:
            connection.connect((host, int(port)))
            connection.sendall(first)
        except OSError:
            connection.close()
            continue
        connection.setblocking(False)
        opened.append(connection)
    return opened


class Drip(threading.Thread):
    """Sends one byte a second on each connection, until the server closes it."""

    def __init__(self, connections):
        super().__init__(daemon=True)
        self.connections, self.done = connections, threading.Event()

    def run(self):
        while not self.done.wait(1):
            for connection in list(self.connections):
                try:
                    connection.send(b"a")
                except OSError:
                    pass


def sockets_of(pid):
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except OSError:
            pass
    return count


@fault(
    "F21", "slow-clients",
    injects="5,000 connections: heads of one byte a second, silence, readers that do not read, half-closed ones",
    demands="100 good GET/s with a p99 below 100 ms; the bad ones are gone within 60 s; memory stays bounded",
    quick=False,
)
def run(t):
    count = t.size(5_000, 1_000)
    need = count + 1_000
    try:
        hard = max(need, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    except (ValueError, OSError) as error:
        raise Refused(f"{need} descriptors: {error}") from None
    site = t.site(f"server.max_connections = {need}")
    tree = Tree(site)
    for n in range(30):
        tree.write(f"a{n}.md")
    (site.articles / "big.zip").write_bytes(os.urandom(1 << 20) * (BIG >> 20))
    site.start()
    tree.converges(fresh=False)
    wait("the download is there", lambda: site.get("/big.zip", "Range: bytes=0-0\r\n").status == 206, 15)
    quiet, memory = sockets_of(site.pid), site.memory_kib()

    each = count // 4
    get = b"GET /big.zip HTTP/1.1\r\nHost: test\r\n\r\n"
    begin = time.monotonic()
    dripping = open_all(site.address, each, b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
    silent = open_all(site.address, each, b"")
    reading = open_all(site.address, each, get)
    half = open_all(site.address, each, b"GET /")
    for connection in half:
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    bad = dripping + silent + reading + half
    t.check(len(bad) > count * 0.95, f"only {len(bad)} of {count} connections were accepted")
    drip = Drip(dripping)
    drip.start()
    opened = time.monotonic() - begin

    times, peak, failed = [], 0, 0
    deadline = time.monotonic() + t.size(30, 8)
    while time.monotonic() < deadline:
        start = time.monotonic()
        try:
            failed += site.get("/rss.xml", timeout=10).status != 200
        except OSError:
            failed += 1
        times.append(time.monotonic() - start)
        peak = max(peak, site.memory_kib())
        time.sleep(max(0.0, 0.01 - times[-1]))
    t.check(failed == 0, f"{failed} of {len(times)} good GETs failed")
    p99 = sorted(times)[len(times) * 99 // 100]
    t.check(p99 < 0.1 * t.slowness, f"p99 of good GETs {p99 * 1000:.0f} ms")
    # 64 KiB for each connection is generous.
    t.check(peak - memory < count * 64 + 65_536, f"memory {memory} KiB, then {peak} KiB")
    gone = lambda: sockets_of(site.pid) < quiet + 50
    wait(lambda: f"{sockets_of(site.pid) - quiet} bad connections are still open", gone, 60)
    took = time.monotonic() - begin - opened
    t.check(took < 60 * t.slowness, f"the bad ones were gone after {took:.0f} s")
    drip.done.set()
    for connection in bad:
        connection.close()
    t.say(f"{len(bad)} bad; {len(times)} good, p99 {p99 * 1000:.0f} ms; gone after {took:.0f} s; {peak >> 10} MiB")
