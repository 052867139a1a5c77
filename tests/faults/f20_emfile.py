"""F20: no file descriptors are left."""

import socket
import time

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def is_answered(site):
    try:
        return site.get("/-/healthy", timeout=2).status == 200
    except OSError:
        return False


def cpu_share(site, seconds):
    """The share of one processor that it uses, in percent, measured over a time."""
    before, begin = site.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return 100 * (site.cpu_s() - before) / (time.monotonic() - begin)


def prepared(t):
    site = t.site()
    tree = Tree(site)
    for n in range(20):
        tree.write(f"a{n}.md")
    site.start()
    tree.converges(fresh=False)
    # Nobody is answered while there are no descriptors; what is answered is whole all the same.
    site.readers[0].may_fail = True
    return site, tree


@fault(
    "F20a", "emfile-limit",
    injects="prlimit --nofile=64 on the running process, then 500 idle connections",
    demands="less than 5 % CPU; publishing goes on; answers within 2 s after they are gone",
    quick=True,
)
def limit(t):
    inject.need("prlimit")
    site, tree = prepared(t)
    # The load of a polling reader would be counted as well.
    site.readers[0].pause()
    inject.run("prlimit", "--pid", site.pid, "--nofile=64:64")
    host, port = site.address.rsplit(":", 1)
    idle = []
    for _ in range(500):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex((host, int(port)))
        idle.append(connection)
    wait("no more connections are accepted", lambda: not is_answered(site), 10)
    share = cpu_share(site, t.size(8, 3))
    t.check(share < 5, f"{share:.1f} % CPU")
    tree.write("new.md")
    new = lambda: b"Title of new" in (site.feeds / "feed.json").read_bytes()
    took = wait("it publishes to feeds/", new, 15)
    for connection in idle:
        connection.close()
    back = wait("it answers again", lambda: is_answered(site), 2)
    site.readers[0].resume()
    tree.converges()
    t.say(f"{share:.1f} % CPU; published after {took:.1f} s; answers {back:.2f} s after")


@fault(
    "F20b", "emfile-accept",
    injects="every accept4 fails with EMFILE (strace)",
    demands="less than 5 % CPU; publishing goes on; answers within 2 s after the end",
    quick=False,
)
def accept(t):
    site, tree = prepared(t)
    with inject.Attached(site, "accept4:error=EMFILE"):
        wait("no connection is accepted", lambda: not is_answered(site), 15)
        share = cpu_share(site, t.size(8, 3))
        t.check(share < 5, f"{share:.1f} % CPU")
        tree.write("new.md")
        new = lambda: b"Title of new" in (site.feeds / "feed.json").read_bytes()
        took = wait("it publishes to feeds/", new, 15)
    back = wait("it answers again", lambda: is_answered(site), 2)
    tree.converges()
    t.say(f"{share:.1f} % CPU; published after {took:.1f} s; answers {back:.2f} s after")
