"""F27: a second instance, another version's store, and a bad configuration."""

import signal
import sqlite3
import subprocess

from lib.oracle import Tree, files
from lib.site import DROPFEED
from lib.suite import fault, wait


def started(t):
    site = t.site()
    tree = Tree(site)
    for n in range(20):
        tree.write(f"a{n}.md")
    site.start()
    tree.converges(fresh=False)
    return site, tree


@fault(
    "F27a", "two-instances",
    injects="a second dropfeed, and a `build`, on the state of a running one",
    demands="exit status 75; the first goes on",
    quick=True,
)
def two(t):
    site, tree = started(t)
    for arguments in (["serve"], ["build"]):
        second = subprocess.run(
            [DROPFEED(), *arguments, "--config", site.config], capture_output=True, text=True, timeout=30 * t.slowness
        )
        t.check(second.returncode == 75, f"{arguments}: exit status {second.returncode}: {second.stderr}")
        tree.edit(f"a{len(arguments[0])}.md")
        tree.converges(fresh=False)
    # The lock of a killed one is no lock.
    site.kill()
    site.start()
    tree.converges()


@fault(
    "F27b", "downgrade",
    injects="a store of a newer version",
    demands="refused with a reason; neither the store nor the feeds are changed; the right program goes on with it",
    quick=True,
)
def downgrade(t):
    site, tree = started(t)
    site.stop()
    before = files(site.feeds)

    def set_version(number):
        with sqlite3.connect(site.state / "state.db") as database:
            old = database.execute("PRAGMA user_version").fetchone()[0]
            database.execute(f"PRAGMA user_version = {number}")
        database.close()
        return old

    old = set_version(99)
    store = (site.state / "state.db").read_bytes()
    site.spawn()
    status = site.ended()
    t.check(status == 78, f"exit status {status}")
    t.check("newer" in site.log_text() or "99" in site.log_text(), f"no reason: {site.log_text()[-500:]}")
    t.check(files(site.feeds) == before, "the feeds were changed")
    t.check((site.state / "state.db").read_bytes() == store, "the store was changed")
    set_version(old)
    site.start()
    tree.converges()
    t.say(f"exit status {status}")


@fault(
    "F27d", "upgrade",
    injects="a store of version 2, and a crash at the start that upgrades it",
    demands="the same entries; a copy of the old store beside it, with which the way back works",
    quick=True,
)
def upgrade(t):
    site, tree = started(t)
    site.stop()

    def sql(path, statements):
        database = sqlite3.connect(path)
        found = database.executescript(statements)
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.close()
        return version

    # Version 2 is as it is now, without the columns that came later.
    current = sql(site.state / "state.db", "")
    for column in ("imported", "last_file"):
        sql(site.state / "state.db", f"ALTER TABLE records DROP COLUMN {column}")
    sql(site.state / "state.db", "PRAGMA user_version = 2")
    kept = site.state / "state.v2.db"
    site.start()
    site.kill()
    site.start()
    tree.converges()
    site.stop()
    t.check(sql(site.state / "state.db", "") == current, "it was not upgraded")
    t.check(sql(kept, "") == 2, "the copy is not of the old version")
    kept.rename(site.state / "state.db")
    site.start()
    tree.converges()
    tree.write("after.md")
    tree.converges(fresh=False)


@fault(
    "F27c", "bad-reload",
    injects="a reload of an invalid configuration, by command and by SIGHUP",
    demands="exit status 78, named in the log; the previous configuration stays in use",
    quick=True,
)
def reload(t):
    site, tree = started(t)
    good = site.settings
    site.settings = "site.titel = \"Typo\"\nfeeds.limit = -1"
    result = site.command("reload")
    t.check(result.returncode == 78, f"exit status {result.returncode}: {result.stderr}")
    for key in ("titel", "limit"):
        t.check(key in result.stderr, f"`{key}` is not named: {result.stderr}")
    tree.write("new.md")
    tree.converges(fresh=False)
    site.signal(signal.SIGHUP)
    wait("L6: the log names the refusal", lambda: site.log("refused", "titel"), 10)
    tree.write("newer.md")
    tree.converges(fresh=False)
    site.settings = good + "\nsite.title = \"Another\""
    result = site.command("reload")
    t.check(result.returncode == 0, f"a good one: {result.stderr}")
    wait("the new title is served", lambda: b'"title":"Another"' in site.get("/feed.json").body, 10)
    tree.converges()
