"""F05: no space or no inodes where the state and the feeds are."""

import errno
import os

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def fill_space(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return [folder / "filler"]


def fill_inodes(folder):
    made = []
    try:
        while True:
            path = folder / f"filler{len(made)}"
            path.touch()
            made.append(path)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    return made


def full(t, options, fill):
    site = t.site()
    disk = site.dir / "disk"
    inject.mount("tmpfs", disk, options)
    site.state, site.feeds = disk / "state", disk / "feeds"
    tree = Tree(site)
    for n in range(20):
        tree.write(f"old{n}.md")
    site.start()
    tree.converges(fresh=False)

    fillers = fill(disk)
    new = t.size(500, 200)
    for n in range(new):
        tree.write(f"new{n}.md")
    named = wait("L6: the full disk is named", lambda: any("space" in reason for reason in site.degraded()), 10)
    t.check(site.log("degraded"), "L6: the log does not say `degraded`")
    # What is announced has to be on disk: nothing of it could be written.
    wait("it answers", lambda: site.get("/-/healthy").status == 200, 2)

    for path in fillers:
        os.unlink(path)
    took = tree.converges(15)
    wait("L6: the status is clear again", lambda: site.degraded() == [], 10)
    t.check(site.log("recovered"), "L6: the log does not say `recovered`")
    recorded = {row["id"] for row in site.export().values()}
    shown = {entry.id for entry in tree.served()}
    t.check(shown <= recorded, f"ids without a record: {sorted(shown - recorded)[:3]}")
    t.say(f"named after {named:.1f} s, L1 {took:.1f} s after it was freed")


@fault(
    "F05a", "disk-full",
    injects="a tmpfs with the state and the feeds is filled by another file, and freed later; 500 new articles meanwhile",
    demands="L2, L3, L5, L6, then L1 by itself; no id without a record",
    quick=True,
)
def space(t):
    full(t, "size=4m", fill_space)


@fault(
    "F05b", "inodes-full",
    injects="the same with the last inode taken",
    demands="the same",
    quick=False,
)
def inodes(t):
    full(t, "size=64m,nr_inodes=100", fill_inodes)
