"""F13: changes that no event reports."""

from lib import inject
from lib.oracle import Tree
from lib.suite import fault

RECONCILE_S = 5


def edits(t, site, tree, edit, interval):
    site.start()
    tree.converges(fresh=False)
    for path in sorted(tree.present):
        edit(path)
    took = tree.converges(interval + 15)
    t.say(f"{len(tree.present)} edits: L1 after {took:.1f} s; interval {interval} s")


@fault(
    "F13a", "overlay",
    injects="100 edits in the lower directory of an overlay that is the article directory",
    demands="L1 within the interval of the scan and 15 s",
    quick=False,
)
def overlay(t):
    site = t.site(f"articles.reconcile_s = {RECONCILE_S}")
    lower, upper, work = (site.dir / name for name in ("lower", "upper", "work"))
    for folder in (lower, upper, work):
        folder.mkdir()
    tree = Tree(site, root=lower)
    for n in range(t.size(100, 30)):
        tree.write(f"d{n % 5}/a{n}.md")
    inject.mount("overlay", site.articles, f"lowerdir={lower},upperdir={upper},workdir={work}")
    edits(t, site, tree, lambda path: tree.edit(path, in_place=True), RECONCILE_S)


@fault(
    "F13b", "hard-link",
    injects="100 edits through hard links outside of the article directory",
    demands="the same",
    quick=True,
)
def hard_link(t):
    site = t.site(f"articles.reconcile_s = {RECONCILE_S}")
    outside = site.dir / "outside"
    tree = Tree(site, root=outside)
    for n in range(t.size(100, 30)):
        tree.write(f"a{n}.md")
        (site.articles / f"a{n}.md").hardlink_to(outside / f"a{n}.md")
    edits(t, site, tree, lambda path: tree.edit(path, in_place=True), RECONCILE_S)


@fault(
    "F13c", "polling",
    injects="no watcher (articles.poll); 100 edits, renames and new directories",
    demands="the same",
    quick=False,
)
def polling(t):
    site = t.site("articles.poll = true\narticles.poll_s = 3\narticles.reconcile_s = 86400")
    tree = Tree(site)
    for n in range(t.size(100, 30)):
        tree.write(f"d{n % 5}/a{n}.md")

    def change(path):
        number = int(path.split("/a")[1].removesuffix(".md"))
        if number % 3 == 0:
            tree.rename(path, f"moved/{path}")
        else:
            tree.edit(path, in_place=number % 3 == 1)
        tree.write(f"new{number}/b{number}.md")

    edits(t, site, tree, change, 3)
