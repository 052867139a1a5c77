"""F04: the disk does not confirm a write."""

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def prepared(t):
    site = t.site()
    tree = Tree(site)
    for n in range(t.size(50, 20)):
        tree.write(f"d{n % 5}/a{n}.md")
    site.start()
    tree.converges(fresh=False)
    return site, tree


@fault(
    "F04a", "fsync-EIO-once",
    injects="the N-th fsync or fdatasync of each of 50 edits fails with EIO (strace), N = 1 to 10",
    demands="L2, L3, L5; a file whose fsync failed is written again: L1 by itself",
    quick=False,
)
def once(t):
    site, tree = prepared(t)
    paths = sorted(tree.present)
    rounds = t.size(50, 6)
    for n in range(1, rounds + 1):
        path = paths[n % len(paths)]
        # One after the other: an edit after the fault would write everything again in any case.
        # A publish has some ten of them.
        with inject.Attached(site, f"fsync,fdatasync:error=EIO:when={n % 10 + 1}"):
            tree.edit(path)
            tree.converges(fresh=False)
            wait("L6: the status is clear again", lambda: site.degraded() == [], 15)
    tree.equals_a_fresh_build()
    failures = len(site.log("degraded"))
    t.check(failures >= rounds // 4, f"only {failures} of {rounds} injections were noticed")
    t.say(f"{rounds} injections, {failures} times degraded")


@fault(
    "F04b", "fsync-EIO-always",
    injects="every fsync and fdatasync fails with EIO (strace) during 50 edits",
    demands="L2, L3, L5, L6; nothing is published that is not durable; L1 after",
    quick=True,
)
def always(t):
    site, tree = prepared(t)
    before = tree.served()
    with inject.Attached(site, "fsync,fdatasync:error=EIO"):
        for path in sorted(tree.present):
            tree.edit(path)
        named = wait("L6: it is named", site.degraded, 10)
        t.check(tree.served() == before, "something was published that is not durable")
        wait("it answers", lambda: site.get("/-/healthy").status == 200, 2)
    took = tree.converges(15)
    wait("L6: the status is clear again", lambda: site.degraded() == [], 10)
    t.say(f"named after {named:.1f} s; L1 {took:.1f} s after the end")
