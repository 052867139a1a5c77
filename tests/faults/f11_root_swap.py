"""F11: the article directory itself is replaced."""

import shutil
import time

from lib.documents import article
from lib.oracle import Tree
from lib.suite import fault


@fault(
    "F11a", "root-swap",
    injects="the article directory is removed and made again, moved away and back, and a symlink to it is flipped",
    demands="never fewer entries than real, also in between; L1, L2",
    quick=False,
)
def swap(t):
    # The default: a tree that comes back takes its time.
    site = t.site("articles.grace_s = 10")
    real = site.dir / "v1"
    shutil.rmtree(site.articles)
    site.articles.symlink_to("v1")
    tree = Tree(site, root=real)
    for n in range(t.size(1_000, 60)):
        tree.write(f"d{n % 10}/a{n}.md")
    site.start()
    tree.converges(fresh=False)
    times = []

    def check(act):
        act()
        times.append(tree.converges(20, fresh=False))

    def remove_and_make():
        aside = site.dir / "copy"
        shutil.copytree(real, aside)
        shutil.rmtree(real)
        # The moment of the fault.
        time.sleep(1.5)
        shutil.copytree(aside, real)
        shutil.rmtree(aside)
        tree.edit("d1/a1.md")

    def move_and_back():
        real.rename(site.dir / "away")
        time.sleep(1.5)
        (site.dir / "away").rename(real)
        tree.edit("d2/a2.md")

    def flip():
        nonlocal real
        other = site.dir / ("v2" if real.name == "v1" else "v1")
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(real, other)
        (site.dir / "next").symlink_to(other.name)
        (site.dir / "next").rename(site.articles)
        real = tree.root = other
        tree.edit("d3/a3.md")

    for act in (remove_and_make, move_and_back, flip, flip):
        check(act)
    tree.equals_a_fresh_build()
    t.say(f"L1 after {', '.join(f'{took:.1f}' for took in times)} s")


@fault(
    "F11b", "configmap",
    injects="a Kubernetes ConfigMap: files are links through `..data`, which is flipped every 200 ms",
    demands="never fewer entries than real; L1, L2",
    quick=True,
)
def configmap(t):
    site = t.site()
    tree = Tree(site)
    count = t.size(1_000, 60)
    version = 1
    write_generation(site.articles, count, version)
    for n in range(count):
        (site.articles / f"a{n}.md").symlink_to(f"..data/a{n}.md")
        tree.present[f"a{n}.md"] = (f"a{n}", version)
    site.start()
    tree.converges(fresh=False)
    for version in range(2, t.size(150, 20)):
        write_generation(site.articles, count, version)
        time.sleep(0.2)
    for n in range(count):
        tree.present[f"a{n}.md"] = (f"a{n}", version)
    t.say(f"{version - 1} flips; L1 after {tree.converges():.1f} s")


def write_generation(root, count, version):
    """What the kubelet does: a new directory, a new link to it, a rename, and the old directory goes."""
    folder = root / f"..2026_11_29_{version}"
    folder.mkdir()
    for n in range(count):
        (folder / f"a{n}.md").write_text(article(f"a{n}", version))
    (root / "..data_tmp").symlink_to(folder.name)
    (root / "..data_tmp").rename(root / "..data")
    shutil.rmtree(root / f"..2026_11_29_{version - 1}", ignore_errors=True)
