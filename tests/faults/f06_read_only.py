"""F06: the feeds or the state become read-only for a while."""

import time

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def prepared(t):
    site = t.site()
    tree = Tree(site)
    for n in range(20):
        tree.write(f"a{n}.md")
    return site, tree


def edit_all(tree, seconds):
    """Edits every article, spread over a time."""
    paths = sorted(tree.present)
    for path in paths:
        tree.edit(path)
        time.sleep(seconds / len(paths))


@fault(
    "F06a", "feeds-read-only",
    injects="the file system of feeds/ is remounted read-only for 30 s; 20 edits meanwhile",
    demands="L3, L5, L6; it publishes over HTTP all the time, and to feeds/ after",
    quick=False,
)
def feeds(t):
    site, tree = prepared(t)
    site.feeds.mkdir()
    inject.mount("tmpfs", site.feeds, "size=16m")
    site.start()
    tree.converges(fresh=False)
    inject.run("mount", "-o", "remount,ro", site.feeds)
    edit_all(tree, t.size(20, 2))
    wait(tree.difference, tree.is_served, 10)
    wait("L6: it is named", lambda: any("feeds directory" in reason for reason in site.degraded()), 10)
    inject.run("mount", "-o", "remount,rw", site.feeds)
    t.say(f"L1 {tree.converges():.1f} s after it was writable again")
    wait("L6: the status is clear again", lambda: site.degraded() == [], 10)


@fault(
    "F06b", "state-read-only",
    # A file system cannot be remounted read-only while a database is open in it; a failing disk does just that.
    injects="every write to the state fails with EROFS for 30 s (strace); 20 edits meanwhile",
    demands="L2, L3, L5, L6; it serves the old articles, and publishes the edits after",
    quick=True,
)
def state(t):
    site, tree = prepared(t)
    site.start()
    tree.converges(fresh=False)
    before = tree.served()
    with inject.Attached(site, "pwrite64:error=EROFS"):
        edit_all(tree, t.size(25, 2))
        wait("L6: it is named", lambda: site.degraded(), 10)
        t.check(tree.served() == before, "something was published that could not be recorded")
    t.say(f"L1 {tree.converges():.1f} s after it was writable again")
    wait("L6: the status is clear again", lambda: site.degraded() == [], 10)
