"""F07: more events than the kernel queues."""

import signal

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


@fault(
    "F07", "overflow",
    injects="a queue of 16 events, and SIGSTOP while 60,000 files are made and 10,000 of them deleted",
    demands="L1 without the regular scan; at least one rescan is counted",
    quick=True,
)
def run(t):
    site = t.site("articles.reconcile_s = 86400\nfeeds.limit = 30")
    tree = Tree(site)
    count = t.size(60_000, 1_500)
    # The kernel reads the limit when the watcher is made, so that others are disturbed during the start only.
    restore = inject.sysctl("/proc/sys/fs/inotify/max_queued_events", 16)
    site.start()
    restore()
    wait("the first scan is done", lambda: site.status()["scans"], 10)
    scans = site.status()["scans"]["count"]
    for reader in site.readers:
        reader.may_fail = True
    folders = 100
    for stop, change in ((True, tree.write), (True, tree.remove)):
        if stop:
            site.signal(signal.SIGSTOP)
        paths = [f"d{n % folders}/a{n}.md" for n in range(count if change == tree.write else count // 6)]
        for path in paths:
            change(path)
        site.signal(signal.SIGCONT)
        took = tree.exported(t.size(240, 30))
        t.say(f"{len(paths)} {'made' if change == tree.write else 'deleted'}: L1 after {took:.1f} s")
    rescans = site.status()["scans"]["count"] - scans
    t.check(rescans >= 1, "no rescan is counted")
    t.say(f"{rescans} rescans")
