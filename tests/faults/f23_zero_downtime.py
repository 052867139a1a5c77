"""F23: restarts that no reader notices."""

import os
import signal
import socket
import threading
import time

from lib.oracle import Tree
from lib.site import get
from lib.suite import fault, wait


class Load:
    """Requests on new connections, 200 a second; each failure is remembered."""

    def __init__(self, address, paths):
        self.address, self.paths = address, paths
        self.count, self.failures = 0, []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(10)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.done.is_set():
            begin = time.monotonic()
            path = self.paths[self.count % len(self.paths)]
            self.count += 1
            try:
                status = get(self.address, path).status
                if status != 200:
                    self.failures.append(f"{path}: {status}")
            except OSError as error:
                self.failures.append(f"{path}: {type(error).__name__}: {error}")
            self.done.wait(max(0.0, 0.05 - (time.monotonic() - begin)))

    def end(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


# The socket is descriptor 3, as systemd passes it.
ACTIVATED = ["sh", "-c", 'exec 3<&"$FAULTS_SOCKET"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh"]


@fault(
    "F23a", "socket-activation",
    injects="50 restarts under a load of 200 new connections a second, with a socket that somebody else holds",
    demands="no connection is refused, no answer is torn",
    quick=True,
)
def restarts(t):
    site = t.site(readers=False)
    tree = Tree(site)
    for n in range(30):
        tree.write(f"a{n}.md")
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    address = "127.0.0.1:%d" % listener.getsockname()[1]

    def start():
        environment = {"FAULTS_SOCKET": str(listener.fileno())}
        site.start(wrapper=ACTIVATED, env=environment, pass_fds=(listener.fileno(),))
        site.address = address

    start()
    tree.converges(fresh=False)
    load = Load(address, ["/rss.xml", "/atom.xml", "/feed.json", "/", "/a1"])
    rounds = t.size(50, 8)
    for n in range(rounds):
        served = load.count
        wait("the load goes on", lambda: load.count > served + 20 or load.failures, 30)
        t.check(site.stop() == 0, "it did not stop cleanly")
        start()
    load.end()
    t.check(not load.failures, f"{len(load.failures)} of {load.count} failed: {load.failures[:3]}")
    t.check(load.count > rounds * 20, "there was no load")
    t.say(f"{rounds} restarts, {load.count} requests, 0 failed")
    listener.close()


# More than the kernel keeps for a connection.
SIZE = 24 << 20


@fault(
    "F23b", "drain",
    injects="SIGTERM while 100 slow downloads are under way",
    demands="each download is whole; the stop takes at most 20 s",
    quick=True,
)
def drain(t):
    site = t.site(readers=False)
    (site.articles / "big.zip").write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    site.start()
    wait("the download is there", lambda: site.get("/big.zip", "Range: bytes=0-0\r\n").status == 206, 15)
    host, port = site.address.rsplit(":", 1)
    results, started = [], threading.Semaphore(0)

    def download():
        """Takes about eight seconds for the whole, a little at a time."""
        received = 0
        try:
            with socket.socket() as connection:
                connection.settimeout(60)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
                connection.connect((host, int(port)))
                connection.sendall(b"GET /big.zip HTTP/1.1\r\nHost: test\r\n\r\n")
                head = connection.recv(512)
                expected = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                received = len(head.split(b"\r\n\r\n", 1)[1])
                started.release()
                while received < expected and (part := connection.recv(1 << 18)):
                    received += len(part)
                    time.sleep(8 * len(part) / SIZE)
                results.append(received == expected == SIZE)
        except (OSError, IndexError) as error:
            results.append(f"{error} after {received} bytes")
            started.release()

    threads = [threading.Thread(target=download) for _ in range(t.size(100, 30))]
    for thread in threads:
        thread.start()
    for _ in threads:
        started.acquire()
    begin = time.monotonic()
    site.down()
    os.kill(site.pid, signal.SIGTERM)
    status = site.ended(30)
    took = time.monotonic() - begin
    for thread in threads:
        thread.join()
    whole = results.count(True)
    t.check(whole == len(threads), f"{whole} of {len(threads)} downloads are whole: {[r for r in results if r is not True][:3]}")
    t.check(status == 0, f"exit status {status}")
    t.check(1 < took <= 20 * t.slowness, f"the stop took {took:.1f} s")
    t.say(f"{whole} of {len(threads)} whole, stopped after {took:.1f} s")
