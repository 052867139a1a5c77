"""F09: files appear in directories faster than these can be watched."""

import os
import shutil
import subprocess

from lib.documents import article
from lib.oracle import Tree
from lib.suite import fault

# As fast as the kernel: a new directory has its file before anybody can watch it.
DEEP = "x/" * 9


@fault(
    "F09", "mkdir-race",
    injects="5,000 directories, each with its file at once, some 10 deep, and whole trees moved in and out",
    demands="L1 by events alone: every file is found",
    quick=True,
)
def run(t):
    # No regular scan, so that only events find anything.
    site = t.site("articles.reconcile_s = 86400\nfeeds.limit = 30")
    tree = Tree(site)
    site.start()
    count = t.size(5_000, 150)
    for n in range(count):
        deep = DEEP if n % 50 == 0 else ""
        tree.write(f"d{n}/{deep}a{n}.md", name=f"a{n}", in_place=n % 2 == 0)
    # A shell makes the next directory while the last one is still news.
    script = 'i=0; while [ $i -lt "$1" ]; do mkdir "s$i" && cat > "s$i/s$i.md" < "$2/s$i"; i=$((i+1)); done'
    sources = site.dir / "sources"
    sources.mkdir()
    for n in range(count // 5):
        (sources / f"s{n}").write_text(article(f"s{n}"))
        tree.present[f"s{n}/s{n}.md"] = (f"s{n}", 1)
    subprocess.run(["sh", "-ec", script, "sh", str(count // 5), str(sources)], cwd=site.articles, check=True)
    found = tree.exported(t.size(120, 30))

    outside = site.dir / "outside"
    for n in range(count // 50):
        for m in range(5):
            path = outside / f"m{n}/x{m}/m{n}-{m}.md"
            path.parent.mkdir(parents=True)
            path.write_text(article(f"m{n}-{m}"))
            tree.present[f"m{n}/x{m}/m{n}-{m}.md"] = (f"m{n}-{m}", 1)
    for folder in sorted(os.listdir(outside)):
        (outside / folder).rename(site.articles / folder)
    moved_in = tree.exported(t.size(60, 15))
    for n in range(count // 50):
        gone = [path for path in tree.present if path.startswith(f"m{n}/")]
        tree.may_miss(*(tree.present.pop(path)[0] for path in gone))
        (site.articles / f"m{n}").rename(outside / f"m{n}")
    shutil.rmtree(outside)
    moved_out = tree.exported(t.size(60, 15))
    t.say(f"{len(tree.present)} of {len(tree.present)} present {found:.1f} s after the last")
    t.say(f"trees moved in after {moved_in:.1f} s, out after {moved_out:.1f} s")
