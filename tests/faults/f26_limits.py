"""F26: more articles than the memory holds."""

import os
from pathlib import Path

from lib import inject
from lib.documents import article
from lib.oracle import files
from lib.suite import Refused, fault, wait

LIMIT_MIB = 64


def group(t):
    """A control group with little memory; returns the file that takes a process in."""
    version1, version2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    parent, key = (version1, "memory.limit_in_bytes") if version1.is_dir() else (version2, "memory.max")
    path = parent / f"dropfeed-fault-{os.getpid()}"
    try:
        path.mkdir()
        inject.undo(path.rmdir)
        (path / key).write_text(str(LIMIT_MIB << 20))
    except OSError as error:
        raise Refused(f"{path / key}: {error}") from None
    return path / "cgroup.procs"


def is_projected(status):
    """Whether the files in feeds/ are those of the last publish."""
    written = status["projection"]
    return written is not None and written["generation"] == status["published"]["generation"]


@fault(
    "F26", "limits",
    injects=f"a control group of {LIMIT_MIB} MB; 300,000 articles appear",
    demands="the scan finishes, or fails with the old feeds as they were",
    quick=False,
)
def run(t):
    site = t.site("feeds.limit = 30\nfeeds.max_bytes = 524288", readers=False)
    procs = group(t)
    for n in range(20):
        (site.articles / f"old{n}.md").write_text(article(f"old{n}"))
    limited = ["sh", "-c", f'echo $$ > {procs} && exec "$@"', "sh"]
    site.start(wrapper=limited)
    wait("it is published", lambda: site.status()["articles"]["public"] == 20, 30)
    wait("it is in feeds/", lambda: is_projected(site.status()), 30)
    site.stop()
    before = files(site.feeds)

    count = t.size(300_000, 20_000)
    for n in range(count):
        folder = site.articles / f"d{n // 1000}"
        if n % 1000 == 0:
            folder.mkdir()
        (folder / f"a{n}.md").write_text(article(f"a{n}"))
    site.spawn(wrapper=limited)
    public = lambda: site.status().get("articles", {}).get("public") == count + 20
    ended = lambda: site.process.poll() is not None
    took = wait("the scan finishes or fails", lambda: ended() or public(), t.size(900, 120))
    if ended():
        status = site.ended()
        t.check("panicked" not in site.log_text(), f"a panic: {site.log_text()[-500:]}")
        # It may have finished the scan, and ended while it wrote the new feeds.
        finished = bool(site.log("published"))
        t.check(finished or files(site.feeds) == before, "the feeds were changed")
        feeds = "new" if finished else "old"
        t.say(f"ended with {status} after {took:.0f} s, with the {feeds} feeds")
        # With enough memory it goes on.
        site.start()
        wait("with more memory it finishes", public, t.size(900, 120))
    else:
        t.say(f"{count} articles in {took:.0f} s with {site.memory_kib() >> 10} MiB")
