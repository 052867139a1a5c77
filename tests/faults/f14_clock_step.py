"""F14: the wall clock is set while it runs."""

import datetime
import glob

from lib.documents import article
from lib.oracle import Tree
from lib.suite import Refused, fault, wait

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400


class Clock:
    """libfaketime: an offset, in a file that is read again each time."""

    def __init__(self, site):
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not found:
            raise Refused("libfaketime is not installed")
        self.file = site.dir / "clock"
        self.step(0)
        self.env = {
            "LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            # Only the wall clock: not the timers, and not the stamps of files.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "FAKE_STAT": "0",
        }

    def step(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self.file)
        self.offset = seconds

    def now(self):
        return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.offset)


def seconds_until(moment):
    return int((moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


@fault(
    "F14", "clock-step",
    injects="the clock is stepped by an hour, two days and ten years, to 1970, and over a night of summer time, and back (faketime); "
    "edits, new and scheduled articles at each",
    demands="L2; `updated` and Last-Modified do not go back; Last-Modified <= Date; nothing is withdrawn; L1 at the end",
    quick=True,
)
def run(t):
    site = t.site('site.timezone = "Europe/Berlin"')
    tree = Tree(site)
    clock = Clock(site)
    for n in range(20):
        tree.write(f"a{n}.md")
    site.start(env=clock.env)
    tree.converges(fresh=False)

    # Due in half an hour, so that the first step shows it, and the step back must not take it away.
    due = (clock.now() + datetime.timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = "scheduled"
    (site.articles / "scheduled.md").write_text(article(name, front_matter=f"---\ndate: {due}\n---\n"))
    wait("L6: it is scheduled", lambda: site.status()["scheduled"], 15)

    epoch = datetime.datetime(1970, 1, 1, 0, 10, tzinfo=datetime.timezone.utc)
    # The clocks are put forward at 01:00 UTC, and back on 2026-10-25.
    spring = datetime.datetime(2026, 3, 29, 0, 59, 58, tzinfo=datetime.timezone.utc)
    autumn = datetime.datetime(2026, 10, 25, 0, 59, 58, tzinfo=datetime.timezone.utc)
    steps = [
        HOUR, 0, -HOUR, 0, -2 * DAY, 0, 2 * DAY, 0, 10 * YEAR, 0, seconds_until(epoch), 0, seconds_until(spring),
        seconds_until(autumn), 0,
    ]
    if not t.full:
        steps = [HOUR, 0, -2 * DAY, 10 * YEAR, 0, seconds_until(epoch), 0]
    slowest = 0
    for number, offset in enumerate(steps):
        clock.step(offset)
        if number == 0:
            tree.present["scheduled.md"] = (name, 1)
            shown = wait("what is due is shown", tree.is_served, 15)
        date = lambda: site.get("/feed.json").headers["date"]
        year = str(clock.now().year)
        wait(lambda: f"Date follows the clock to {year}: {date()}", lambda: year in date(), 5)
        tree.edit(f"a{number}.md")
        tree.write(f"new{number}.md")
        slowest = max(slowest, tree.converges(15, fresh=False))
    tree.equals_a_fresh_build()
    t.say(f"{len(steps)} steps; the scheduled one {shown:.1f} s after; L1 after at most {slowest:.1f} s")
