"""F01: SIGKILL at any moment loses nothing."""

import random
import re
import threading
import time

from lib.oracle import Tree
from lib.suite import fault


class Writer(threading.Thread):
    """Makes, edits and deletes 20 articles a second."""

    def __init__(self, tree, seed):
        super().__init__(daemon=True)
        self.tree, self.random = tree, random.Random(seed)
        self.made, self.deleted, self.done = 0, 0, threading.Event()
        # Whoever holds it stops the writer.
        self.lock = threading.Lock()

    def run(self):
        while not self.done.wait(0.05):
            with self.lock:
                self.step()

    def step(self):
        choice = self.random.random()
        paths = sorted(self.tree.present)
        in_place = self.random.random() < 0.3
        if choice < 0.5 or len(paths) < 10:
            self.made += 1
            self.tree.write(f"d{self.made % 7}/a{self.made}.md", name=f"a{self.made}", in_place=in_place)
        elif choice < 0.8:
            self.tree.edit(self.random.choice([path for path in paths if not is_moved(path)]), in_place=in_place)
        elif choice < 0.9:
            path = self.random.choice([path for path in paths if is_moved(path)])
            name = self.tree.present[path][0]
            self.tree.rename(path, f"d{self.random.randrange(7)}/{name}-m{self.random.randrange(1 << 30)}.md")
        # The shrink guard counts the deletions of an hour; more than 30 % would be held.
        elif self.deleted < len(paths) // 5:
            self.deleted += 1
            self.tree.remove(self.random.choice(paths))


def is_moved(path):
    """Whether an article is one that is moved, and not edited: after both, while dropfeed is dead, nothing says that it
    is the old one."""
    return int(re.search(r"/[ab](\d+)", path).group(1)) % 3 == 0


@fault(
    "F01", "kill9-storm",
    injects="SIGKILL every 50 to 500 ms, 300 times, while articles are made, edited, renamed and deleted at 20 a second",
    demands="L1 to L3; a start takes less than 1 s",
    quick=True,
)
def run(t):
    site = t.site()
    tree = Tree(site)
    for n in range(50):
        tree.write(f"old/b{n}.md", name=f"b{n}")
    starts = [site.start()]
    tree.converges(fresh=False)
    writer = Writer(tree, seed=1)
    writer.start()
    moments = random.Random(2)
    for _ in range(t.size(300, 25)):
        # The moment of the fault.
        time.sleep(moments.uniform(0.05, 0.5))
        site.kill()
        starts.append(site.start())
    writer.done.set()
    writer.join()
    took = tree.converges()
    t.check(max(starts) < 1 * t.slowness, f"a start took {max(starts):.2f} s")
    t.say(f"{len(starts)} starts, slowest {max(starts):.2f} s; {len(tree.present)} articles; L1 after {took:.1f} s")
