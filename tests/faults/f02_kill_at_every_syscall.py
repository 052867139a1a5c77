"""F02: SIGKILL at every system call of a publish that changes anything."""

import shutil
import subprocess

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait

# strace counts each call by itself; calls of one purpose are killed at together.
CALLS = [
    "fsync,fdatasync", "rename,renameat,renameat2", "unlink,unlinkat", "pwrite64", "write", "openat,openat2",
]


def prepared(t):
    """A stopped site with five articles, and a copy of it."""
    site = t.site(readers=False)
    tree = Tree(site)
    for n in range(5):
        tree.write(f"d/old{n}.md")
    site.start()
    tree.converges(fresh=False)
    site.book.enter(tree.served(), "/feed.json")
    site.stop()
    keep = site.dir / "prepared"
    keep.mkdir()
    for name in ("articles", "feeds", "state"):
        subprocess.run(["cp", "-a", site.dir / name, keep], check=True)
    return site, tree, keep


def reset(site, tree, keep, old):
    for name in ("articles", "feeds", "state"):
        shutil.rmtree(site.dir / name)
        subprocess.run(["cp", "-a", keep / name, site.dir], check=True)
    tree.present = dict(old)


def publish_and_die(site, tree, injection):
    """Publishes three articles while a call kills it; returns whether it survived."""
    site.start()
    with inject.Attached(site, injection) as attached:
        for n in range(3):
            tree.write(f"d/new{n}.md")

        def is_over():
            return not site.is_running() or attached.strace.poll() is not None or is_idle(tree)

        wait("it publishes or dies", is_over, 30)
    # What is killed beneath strace may be dying still.
    if not is_alive(site):
        site.ended()
        return False
    site.kill()
    return True


def is_idle(tree):
    try:
        return not tree.difference() and tree.is_projected()
    except OSError:
        return False


def is_alive(site):
    try:
        return site.get("/-/healthy").status == 200
    except OSError:
        return False


@fault(
    "F02", "kill-at-every-syscall",
    injects="SIGKILL (strace) at the N-th openat, write, fsync, rename, unlink, pwrite64, fdatasync of a publish of three "
    "articles, N = 1.. until a run ends clean",
    demands="L1, L2; no temporary file is left after the restart",
    quick=True,
)
def run(t):
    site, tree, keep = prepared(t)
    old = dict(tree.present)
    runs = []
    for calls in CALLS if t.full else ("fsync,fdatasync", "rename,renameat,renameat2"):
        # Every call when full, else a few.
        n, step, survived = 1, t.size(1, 7), False
        while not survived:
            reset(site, tree, keep, old)
            survived = publish_and_die(site, tree, f"{calls}:signal=SIGKILL:when={n}")
            site.start()
            tree.converges(fresh=False)
            site.book.enter(tree.served(), f"/feed.json after {calls} {n}")
            t.check(not site.book.problems, f"{calls} {n}: {site.book.problems}")
            left = [path for path in site.feeds.rglob("*") if path.name.endswith(".tmp")]
            wait("no temporary file is left", lambda: not any(path.exists() for path in left), 5)
            site.stop()
            # Each run gives the new articles new ids or dates: nobody saw the earlier ones.
            site.book.articles = {name: entry for name, entry in site.book.articles.items() if name.startswith("d/old")}
            n += step
        runs.append(f"{calls.split(',')[0]} {n - step}")
    t.say("survived at " + ", ".join(runs))
