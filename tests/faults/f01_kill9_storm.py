"""F01: SIGKILL at any moment loses nothing."""

import random
import time

from lib.load import Writer
from lib.oracle import Tree
from lib.suite import fault


@fault(
    "F01", "kill9-storm",
    injects="SIGKILL every 50 to 500 ms, 300 times, while articles are made, edited, renamed and deleted at 20 a second",
    demands="L1 to L3; a start takes less than 1 s",
    quick=True,
)
def run(t):
    site = t.site()
    tree = Tree(site)
    old = t.size(200, 50)
    for n in range(old):
        tree.write(f"old/b{n}.md", name=f"b{n}")
    starts = [site.start()]
    tree.converges(fresh=False)
    writer = Writer(tree, seed=1, deletions_max=old // 4)
    writer.start()
    moments = random.Random(2)
    for _ in range(t.size(300, 15)):
        # The moment of the fault.
        time.sleep(moments.uniform(0.05, 0.5))
        site.kill()
        starts.append(site.start())
    writer.done.set()
    writer.join()
    took = tree.converges()
    t.check(max(starts) < 1 * t.slowness, f"a start took {max(starts):.2f} s")
    t.say(f"{len(starts)} starts, slowest {max(starts):.2f} s; {len(tree.present)} articles; L1 after {took:.1f} s")
