"""A load of changes in the tree."""

import random
import re
import threading


class Writer(threading.Thread):
    """Makes, edits, moves and deletes articles, 20 a second.

    `deletions_max`: the shrink guard counts the deletions of an hour, and holds more than 30 % of what is published.
    """

    def __init__(self, tree, seed, deletions_max):
        super().__init__(daemon=True)
        self.tree, self.random = tree, random.Random(seed)
        self.made, self.deleted, self.deletions_max = 0, 0, deletions_max
        self.done = threading.Event()
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
        elif self.deleted < self.deletions_max:
            self.deleted += 1
            self.tree.remove(self.random.choice(paths))


def is_moved(path):
    """Whether an article is one that is moved, and not edited: after both, while dropfeed is dead, nothing says that it
    is the old one."""
    return int(re.search(r"/[ab](\d+)", path).group(1)) % 3 == 0
