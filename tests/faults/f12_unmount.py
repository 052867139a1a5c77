"""F12: the disk with the articles goes away."""

import subprocess

from lib import inject
from lib.oracle import Tree
from lib.suite import fault, wait


@fault(
    "F12", "unmount",
    injects="umount, umount -l, and an empty tmpfs mounted over the articles; each is taken back",
    demands="the feeds are frozen, and what is in an empty directory is not taken for the tree; L6; then L1, L2",
    quick=True,
)
def run(t):
    # As by default: a file that comes back half written waits for longer than a grace of a second.
    site = t.site("articles.grace_s = 5")
    image = site.dir / "disk.img"
    inject.ext4(image, site.articles, 64)
    tree = Tree(site)
    for n in range(t.size(1_000, 60)):
        tree.write(f"d{n % 10}/a{n}.md")
    site.start()
    tree.converges(fresh=False)

    def mount():
        inject.run("mount", "-o", "loop", image, site.articles)

    def unmount(*options):
        # A look may be under way for a moment, with files open.
        error = []

        def try_it():
            result = subprocess.run(["umount", *options, site.articles], capture_output=True, text=True)
            error[:] = [result.stderr.strip()]
            return result.returncode == 0

        wait(lambda: f"umount {' '.join(options)}: {error[0]}", try_it, 15)

    cases = {
        "umount": (unmount, mount),
        "umount -l": (lambda: unmount("-l"), mount),
        "over-mount": (
            lambda: inject.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", site.articles),
            unmount,
        ),
    }
    for number, (name, (away, back)) in enumerate(cases.items()):
        before = tree.served()
        away()
        named = wait(f"L6: {name} is named", site.degraded, 10)
        t.check(tree.served() == before, f"{name}: the feeds are not frozen")
        back()
        tree.edit(f"d{number}/a{number}.md")
        tree.write(f"new/b{number}.md")
        took = tree.converges(15, fresh=False)
        wait(lambda: f"L6: {name} is over: {site.degraded()}", lambda: site.degraded() == [], 10)
        t.say(f"{name}: named after {named:.1f} s, L1 after {took:.1f} s")
    tree.equals_a_fresh_build()
