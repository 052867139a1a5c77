"""F25: many readers at the moment of a new article."""

import asyncio
import multiprocessing
import queue
import resource
import subprocess
import time

from lib.oracle import Tree
from lib.suite import fault, wait

PATHS = ("/rss.xml", "/atom.xml", "/feed.json", "/d1/rss.xml", "/")


async def read_all(address, readers, requests):
    """Readers that ask again and again, all at once; returns the number of each status, and what went wrong."""
    host, port = address.rsplit(":", 1)
    counts, problems = {}, []
    left = requests

    async def read(number):
        nonlocal left
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
        tags = {}
        try:
            while left > 0:
                left -= 1
                path = PATHS[(number + left) % len(PATHS)]
                tag = f"If-None-Match: {tags[path]}\r\n" if path in tags else ""
                coding = "Accept-Encoding: br\r\n" if number % 2 else ""
                writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n{tag}{coding}\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                status = int(head[9:12])
                counts[status] = counts.get(status, 0) + 1
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                if status == 200:
                    await reader.readexactly(int(fields["content-length"]))
                    tags[path] = fields.get("etag", "")
        except (OSError, asyncio.IncompleteReadError, KeyError, ValueError) as error:
            problems.append(f"{type(error).__name__}: {error}")
        finally:
            writer.close()

    await asyncio.gather(*(read(number) for number in range(readers)))
    return counts, problems


def herd(address, readers, requests, results):
    """A process of readers: this one has the publisher and the readers of L3 to run."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    results.put(asyncio.run(read_all(address, readers, requests)))


def tags(site):
    return {
        (path, coding): site.get(path, f"Accept-Encoding: {coding}\r\n").headers.get("etag")
        for path in PATHS for coding in ("identity", "gzip", "br")
    }


@fault(
    "F25", "herd",
    injects="2,000 readers at once, 20,000 requests, a new article every second; then a replica, and a restart",
    demands="no 5xx, no torn answer; the ETags of a replica, and after a restart, are the same",
    quick=False,
)
def run(t):
    site = t.site("feeds.limit = 30")
    tree = Tree(site)
    for n in range(25):
        tree.write(f"d{n % 3}/a{n}.md")
    site.start()
    tree.converges(fresh=False)
    begin = time.monotonic()
    results = multiprocessing.Queue()
    arguments = (site.address, t.size(2_000, 500), t.size(20_000, 5_000), results)
    multiprocessing.Process(target=herd, args=arguments, daemon=True).start()
    published, result = 0, None
    while result is None:
        published += 1
        tree.write(f"d1/new{published}.md")
        try:
            result = results.get(timeout=1)
        except queue.Empty:
            t.check(time.monotonic() - begin < 300 * t.slowness, "the readers never end")
    counts, problems = result
    took = time.monotonic() - begin
    t.check(not problems, f"{len(problems)} failed: {problems[:3]}")
    t.check(not any(status >= 500 for status in counts), f"answers: {counts}")
    wait("all is published", lambda: site.status()["articles"]["public"] == len(tree.present), 15)

    replica = t.site("feeds.limit = 30", readers=False)
    # As a publisher feeds its replicas: the files, and a backup of the state.
    replica.state.mkdir(mode=0o700)
    backup = site.command("state", "backup", str(replica.state / "state.db"))
    t.check(backup.returncode == 0, backup.stderr)
    replica.articles.rmdir()
    subprocess.run(["cp", "-a", site.articles, replica.articles], check=True)
    replica.start()
    wait("the replica has scanned", lambda: replica.status()["scans"], 15)
    here = tags(site)
    t.check(all(here.values()), f"no ETag: {here}")
    t.check(tags(replica) == here, f"the replica has other ETags: {tags(replica)}, not {here}")
    site.stop()
    site.start()
    t.check(tags(site) == here, "after a restart the ETags differ")
    t.say(f"{sum(counts.values())} requests in {took:.1f} s: {counts}; {published} published meanwhile")
