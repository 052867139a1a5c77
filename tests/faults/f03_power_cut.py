"""F03: what is on the disk at the moment of a power cut."""

import random
import shutil
import signal
import subprocess
import time

from lib import inject
from lib.documents import digest, parse
from lib.load import Writer
from lib.oracle import Tree
from lib.site import Site
from lib.suite import fault


def copy_of(image, to):
    """Copies the image as it is at one moment: what is not synced is in the kernel's memory, and not in it."""
    while True:
        shutil.copyfile(image, to)
        # Whoever wrote to it meanwhile (the journal, a late write of the kernel) made a mixture of two moments.
        if digest(to.read_bytes()) == digest(image.read_bytes()):
            return


@fault(
    "F03", "power-cut",
    injects="the image of an ext4 with the state and the feeds is copied at 200 random moments of a load as in F01, and each copy "
    "is mounted",
    demands="it mounts; every id and date that readers saw is in it (L4), and stays (L2); every file in feeds/ is whole; L1",
    quick=False,
)
def run(t):
    site = t.site()
    disk, image = site.dir / "disk", site.dir / "disk.img"
    inject.ext4(image, disk, 48)
    # What nobody syncs stays in memory for long.
    inject.run("mount", "-o", "remount,commit=300", disk)
    site.state, site.feeds = disk / "state", disk / "feeds"
    tree = Tree(site)
    for n in range(50):
        tree.write(f"old/b{n}.md", name=f"b{n}")
    site.start()
    tree.converges(fresh=False)
    writer = Writer(tree, seed=3, deletions_max=12)
    writer.start()

    moments = random.Random(4)
    count = t.size(200, 5)
    for n in range(count):
        time.sleep(moments.uniform(0.05, 0.6))
        # Readers and the tree stand still with the disk.
        writer.lock.acquire()
        site.readers[0].may_fail = True
        site.signal(signal.SIGSTOP)
        with site.book.lock:
            seen = dict(site.book.articles)
        copy = site.dir / "copy.img"
        copy_of(image, copy)
        articles = site.dir / "articles.copy"
        shutil.rmtree(articles, ignore_errors=True)
        subprocess.run(["cp", "-a", site.articles, articles], check=True)
        present = dict(tree.present)
        site.signal(signal.SIGCONT)
        writer.lock.release()

        survivor = Site(readers=False)
        try:
            check_copy(t, survivor, copy, articles, present, seen, f"moment {n}")
        finally:
            survivor.end()
            inject.unmount_all(survivor.dir / "disk")
            shutil.rmtree(survivor.dir)
    writer.done.set()
    writer.join()
    took = tree.converges()
    t.say(f"{count} power cuts; {len(tree.present)} articles; L1 after {took:.1f} s")


def check_copy(t, site, image, articles, present, seen, where):
    """Starts over the copy, as after a power cut."""
    disk = site.dir / "disk"
    disk.mkdir()
    inject.run("mount", "-o", "loop", image, disk)
    site.state, site.feeds, site.articles = disk / "state", disk / "feeds", articles
    for path in site.feeds.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            # Raises if it is torn.
            parse(f"/{path.relative_to(site.feeds)}", path.read_bytes())
    site.start()
    rows = {row["id"]: row for row in site.export().values()}
    for name, entry in seen.items():
        t.check(entry.id in rows, f"L4, {where}: {name} was seen as {entry.id}, which is lost")
    site.book.articles = dict(seen)
    tree = Tree(site, root=articles)
    tree.present = present
    tree.converges(30, fresh=False)
    site.book.enter(tree.served(), f"/feed.json after {where}")
    t.check(not site.book.problems, f"{where}: {site.book.problems}")
    site.kill()
