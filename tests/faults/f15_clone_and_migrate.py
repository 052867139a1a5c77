"""F15: the articles are cloned to a new machine, without the state."""

import shutil
import subprocess

from lib.oracle import Tree
from lib.suite import fault


@fault(
    "F15", "clone-and-migrate",
    injects="a new machine gets the articles: with the old feeds, and with nothing",
    demands="with feeds no id and no date changes; with nothing the ids are the same by derivation",
    quick=True,
)
def run(t):
    old = t.site()
    tree = Tree(old)
    count = t.size(2_000, 40)
    for n in range(count):
        tree.write(f"d{n % 10}/a{n}.md")
    old.start()
    tree.converges(60, fresh=False)
    # With the feeds, even what no path derives is known again.
    for n in range(0, count, 11):
        tree.rename(f"d{n % 10}/a{n}.md", f"moved/a{n}.md")
    tree.converges(60, fresh=False)
    seen = {entry.name: entry for entry in tree.served()}
    old.stop()

    for with_feeds in (True, False):
        new = t.site()
        shutil.rmtree(new.articles)
        # A clone by git or a copy by hand: all stamps are of today.
        subprocess.run(["cp", "-r", old.articles, new.articles], check=True)
        if with_feeds:
            subprocess.run(["cp", "-r", old.feeds, new.feeds], check=True)
            new.book.articles = dict(seen)
        there = Tree(new)
        there.present = dict(tree.present)
        new.start()
        took = there.converges(60, fresh=False)
        # Pages of archives begin again with a new state, and files of the old machine that have no successor stay.
        left = there.equals_a_fresh_build(may_be_more=with_feeds)
        ids = {entry.name: entry.id for entry in there.served()}
        moved = {name for path, (name, _) in there.present.items() if path.startswith("moved/")}
        same = [name for name in ids if ids[name] == seen[name].id]
        expected = ids.keys() if with_feeds else ids.keys() - moved
        t.check(set(same) >= expected, f"{len(same)} of {len(ids)} ids are the same")
        t.say(f"{'with feeds' if with_feeds else 'with nothing'}: {len(same)} of {len(ids)} ids the same, after {took:.1f} s, {left} old files left")
        new.stop()
