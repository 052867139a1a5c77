"""F19: most of the articles vanish, or cannot be read."""

import os

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


def is_held(site):
    return any(reason.startswith("held: ") for reason in site.degraded())


@fault(
    "F19a", "shrink-guard",
    injects="40 % and then 100 % of the files are deleted at once; back, and deleted again",
    demands="held, named in log and status, also after a restart; the files' return or `accept` ends it",
    quick=True,
)
def deleted(t):
    # What is put back takes longer than a second.
    site = t.site("articles.grace_s = 5")
    tree = Tree(site)
    count = t.size(1_000, 100)
    for n in range(count):
        tree.write(f"d{n % 10}/a{n}.md")
    site.start()
    tree.converges(30, fresh=False)
    for share in (40, 100):
        gone = sorted(tree.present)[: count * share // 100]
        stored = {path: (site.articles / path).read_bytes() for path in gone}
        for path in gone:
            (site.articles / path).unlink()
        named = wait("L6: it is held", lambda: is_held(site), 10)
        t.check(site.log("degraded", "held: "), "L6: the log does not say it")
        t.check(len(tree.served()) == count, "entries are gone")
        site.stop()
        site.start()
        wait("it is held after a restart", lambda: is_held(site), 10)
        t.check(len(tree.served()) == count, "entries are gone after a restart")
        # What is new is published meanwhile.
        tree.write(f"new{share}.md")
        count += 1
        wait("a new article is published", tree.is_served, 15)
        for path, data in stored.items():
            (site.articles / path).write_bytes(data)
        back = wait("it is over", lambda: site.degraded() == [], 15)
        tree.converges(fresh=False)
        t.say(f"{share} %: held after {named:.1f} s, over {back:.1f} s after the return")

    for path in gone:
        tree.remove(path)
    wait("it is held again", lambda: is_held(site), 10)
    accepted = site.command("accept")
    t.check(accepted.returncode == 0, f"accept: {accepted.stderr}")
    t.say(f"accepted: L1 after {tree.converges(10):.1f} s")


@fault(
    "F19b", "unreadable",
    injects="chmod 000 of files and directories (as a user without privileges), and EIO from every read of some files",
    demands="nothing that cannot be read is deleted or changed; named; then L1",
    quick=False,
)
def unreadable(t):
    inject.need("setpriv")
    site = t.site()
    tree = Tree(site)
    for n in range(t.size(1_000, 60)):
        tree.write(f"d{n % 10}/a{n}.md")
    nobody = 65534
    for path in (site.feeds, site.state):
        path.mkdir(mode=0o700)
    for folder, folders, files in os.walk(site.dir):
        for name in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(name, nobody, nobody)
    site.start(wrapper=["setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups"])
    tree.converges(30, fresh=False)
    served = len(tree.served())

    hidden = [site.articles / "d1", site.articles / "d2/a2.md", site.articles / "d3/a3.md"]
    for path in hidden:
        path.chmod(0)
    tree.edit("d4/a4.md")
    named = wait("L6: they are named", lambda: site.status()["unreadable"], 20)
    wait("what can be read is published", tree.is_served, 15)
    t.check(len(tree.served()) == served, "entries are gone")
    for path in hidden:
        path.chmod(0o755)
    tree.converges(25, fresh=False)
    wait("L6: nothing is unreadable", lambda: not site.status()["unreadable"], 25)

    paths = [f"d5/a{n}.md" for n in (5, 15, 25)]
    with inject.Attached(site, "read,pread64:error=EIO", paths=[site.articles / path for path in paths]):
        for path in paths:
            tree.edit(path, in_place=True)
        wait("L6: they are named", lambda: site.status()["unreadable"], 20)
        t.check(len(tree.served()) == served, "entries are gone")
    took = tree.converges(25, fresh=False)
    wait("L6: nothing is unreadable", lambda: not site.status()["unreadable"], 25)
    t.say(f"named after {named:.1f} s; L1 {took:.1f} s after the end of EIO")
