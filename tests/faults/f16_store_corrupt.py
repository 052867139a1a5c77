"""F16: random damage to the database."""

import random
import shutil
import subprocess

from lib.oracle import Tree
from lib.suite import fault, wait


def flip(data, chance):
    for _ in range(chance.choice((1, 10, 100))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def zero(data, chance):
    begin = chance.randrange(max(1, len(data)))
    end = min(len(data), begin + chance.choice((16, 512, 4096, 65536)))
    data[begin:end] = bytes(end - begin)


def truncate(data, chance):
    del data[chance.randrange(max(1, len(data))) :]


def empty(data, chance):
    data.clear()


def damage(path, chance):
    """Damages a file, and says how."""
    kind = chance.choice((flip, flip, zero, zero, truncate, truncate, empty))
    data = bytearray(path.read_bytes())
    kind(data, chance)
    path.write_bytes(data)
    return f"{kind.__name__} {path.name}"


@fault(
    "F16", "store-corrupt",
    injects="random bytes of the database and its write-ahead log are flipped, zeroed and cut off, 500 seeds; or an empty file",
    demands="L2, or a refusal that leaves the old feeds as they are; never new ids, never a panic",
    quick=True,
)
def run(t):
    site = t.site(readers=False)
    tree = Tree(site)
    count = t.size(2_000, 40)
    for n in range(count):
        tree.write(f"d{n % 5}/a{n}.md")
    site.start()
    tree.converges(60, fresh=False)
    # An id that derives from the path of today would not show that it was lost.
    for path in sorted(tree.present)[::3]:
        tree.rename(path, f"moved/{path}")
    tree.converges(30, fresh=False)
    site.book.enter(tree.served(), "/feed.json")
    # Killed, not stopped: the log is still there.
    site.kill()
    keep = site.dir / "keep"
    keep.mkdir()
    for name in ("feeds", "state"):
        subprocess.run(["cp", "-a", site.dir / name, keep], check=True)

    outcomes = {"served": 0, "refused": 0}
    for seed in range(t.size(500, 8)):
        chance = random.Random(seed)
        for name in ("feeds", "state"):
            shutil.rmtree(site.dir / name)
            subprocess.run(["cp", "-a", keep / name, site.dir], check=True)
        files = [path for path in (site.state / "state.db", site.state / "state.db-wal") if path.exists()]
        what = [damage(path, chance) for path in chance.sample(files, chance.randint(1, len(files)))]
        what = f"seed {seed}: {', '.join(what)}"

        site.spawn()
        ended = lambda: site.process.poll() is not None
        wait(lambda: f"{what}: it serves or ends: {site.log_text()[-500:]}", lambda: ended() or serves(site), 30)
        if ended():
            status = site.ended()
            t.check(status in (1, 75, 78), f"{what}: exit status {status}: {site.log_text()[-1000:]}")
            same = all((site.feeds / n).read_bytes() == (keep / "feeds" / n).read_bytes() for n in ("rss.xml", "feed.json"))
            t.check(same, f"{what}: it refused, and changed the feeds")
            outcomes["refused"] += 1
        else:
            wait(lambda: f"{what}: {tree.difference()}", tree.is_served, 30)
            site.book.enter(tree.served(), f"/feed.json after {what}")
            outcomes["served"] += 1
            site.kill()
        t.check(not site.book.problems, f"{what}: {site.book.problems}")
        t.check("panicked" not in site.log_text(), f"{what}: a panic")
    t.say(f"{outcomes['served']} served with the old ids, {outcomes['refused']} refused")


def serves(site):
    try:
        return site.listens() and site.get("/feed.json").status == 200
    except OSError:
        return False
