"""F24: the watchdog of the service manager."""

import signal
import socket
import threading
import time

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait

WATCHDOG_S = 2


class Manager(threading.Thread):
    """What systemd listens to: the messages of sd_notify(3)."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.messages, self.pings = [], []
        self.start()

    def run(self):
        while message := self.socket.recv(4096).decode():
            self.messages.append(message)
            if "WATCHDOG=1" in message.split("\n"):
                self.pings.append(time.monotonic())

    def pinged_since(self, moment):
        return any(ping > moment for ping in list(self.pings))


def demand_silence(t, manager, what):
    """Demands that no ping comes any more."""
    # A ping may be on its way when the fault begins, and life before it counts for one interval.
    begin = time.monotonic() + WATCHDOG_S
    while time.monotonic() < begin + 2 * WATCHDOG_S:
        t.check(not manager.pinged_since(begin), f"{what}: it pings")
        time.sleep(0.05)


@fault(
    "F24", "watchdog",
    injects="SIGSTOP; the engine stuck in fsync; every accept4 stuck (strace)",
    demands="READY=1; pings while all is well, and none while one of them is stuck",
    quick=False,
)
def run(t):
    site = t.site()
    for reader in site.readers:
        reader.may_fail = True
    manager = Manager(site.dir / "notify")
    tree = Tree(site)
    tree.write("a.md")
    environment = {"NOTIFY_SOCKET": str(site.dir / "notify"), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}
    site.start(env=environment)
    tree.converges(fresh=False)
    wait("READY=1", lambda: any("READY=1" in message for message in manager.messages), 10)
    begin = time.monotonic()
    wait("it pings", lambda: manager.pinged_since(begin), 2 * WATCHDOG_S)

    site.signal(signal.SIGSTOP)
    demand_silence(t, manager, "SIGSTOP")
    site.signal(signal.SIGCONT)
    end = time.monotonic()
    wait("pings come again", lambda: manager.pinged_since(end), 30)
    delay = int(60 * t.slowness) * 1_000_000
    with inject.Attached(site, f"fsync,fdatasync:delay_enter={delay}"):
        tree.edit("a.md")
        demand_silence(t, manager, "the engine is stuck")
    with inject.Attached(site, f"accept4:delay_enter={delay}"):
        demand_silence(t, manager, "the accept loop is stuck")
    tree.converges(60, fresh=False)
    t.say(f"{len(manager.pings)} pings")
