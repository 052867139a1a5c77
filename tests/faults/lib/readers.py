"""Readers that check L3 as long as a site runs, and the book in which L2 is kept."""

import os
import threading
import time
from email.utils import parsedate_to_datetime

from . import documents

FEEDS = ("/rss.xml", "/atom.xml", "/feed.json")
OTHERS = ("/", "/feeds.opml")
PROBLEMS_MAX = 5


class Book:
    """L2: the id and the published date of every article that was ever seen, and its newest `updated`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.articles = {}
        self.problems = []
        # Articles that may have changed their identity on purpose.
        self.forgiven = set()

    def enter(self, entries, where):
        with self.lock:
            for entry in entries:
                seen = self.articles.get(entry.name)
                if seen and entry.name not in self.forgiven:
                    if seen.id != entry.id:
                        self.complain(f"L2: {entry.name} had the id {seen.id}, and has {entry.id} in {where}")
                    if seen.published != entry.published:
                        self.complain(f"L2: {entry.name} was published {seen.published}, now {entry.published} in {where}")
                    if entry.updated < seen.updated and entry.version == seen.version:
                        self.complain(f"L2: {entry.name} was updated {seen.updated}, now {entry.updated} in {where}")
                if not seen or entry.updated >= seen.updated:
                    self.articles[entry.name] = entry

    def complain(self, text):
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)


class Watchful:
    """A thread that looks at documents, and what it has to say in the end."""

    def __init__(self, site):
        self.site = site
        self.looks = 0
        self.problems = []
        # By document: the versions it showed last. A reader never sees an older one, and no article less.
        self.seen = {}
        # Articles whose absence is right: the tests enter here what they delete or withdraw.
        self.may_miss = set()
        self._end = threading.Event()
        self._paused = threading.Event()
        self._thread = None

    def begin(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def stop(self):
        self._end.set()

    def join(self):
        """What it has to say in the end."""
        if self._thread:
            self._thread.join(60)
        return self.problems

    def complain(self, text):
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(f"L3, {type(self).__name__} at {time.strftime('%T')}: {text}")

    def pause(self):
        self._paused.set()

    def resume(self):
        self._paused.clear()

    def look_at(self, path, body):
        try:
            entries = documents.parse(path, body)
        except documents.Wrong as wrong:
            return self.complain(f"{path}: {wrong}")
        if not path.endswith(("feed.json", "rss.xml", "atom.xml")):
            return None
        now = {entry.name: entry.version for entry in entries}
        if len({entry.id for entry in entries}) != len(entries):
            self.complain(f"{path}: an article stands twice")
        # A list of a directory loses what moves to another, and one with a limit what is old.
        is_complete = path.count("/") == 1 and "feeds.limit" not in self.site.settings
        before = self.seen.get(path) if is_complete else None
        if before is not None and before != now:
            for name, version in before.items():
                if name not in now:
                    if name not in self.may_miss and name not in self.site.book.forgiven:
                        self.complain(f"{path}: {name} vanished; {len(before)} -> {len(now)} entries")
                elif version is not None and (now[name] or 0) < version:
                    self.complain(f"{path}: {name} goes back from v{version} to v{now[name]}")
        self.seen[path] = now
        if path.endswith("feed.json"):
            self.site.book.enter(entries, path)
        return None

    def _run(self):
        while not self._end.is_set():
            begin = time.monotonic()
            if not self._paused.is_set():
                self.round()
            # The pace: not a wait for anything.
            self._end.wait(max(0.0, self.pace - (time.monotonic() - begin)))


class Reader(Watchful):
    """100 GET/s over the feeds and some pages. Every answer is whole and valid, and none is older than one before."""

    pace = 0.01

    def __init__(self, site):
        super().__init__(site)
        self.modified = {}
        self.tags = {}
        self.paths = [*FEEDS, *FEEDS, *OTHERS]
        self.turn = 0
        # Set by tests in which dropfeed cannot answer for a while, such as behind SIGSTOP.
        self.may_fail = False

    def round(self):
        path = self.paths[self.turn % len(self.paths)]
        self.turn += 1
        is_up, lives = self.site.is_up, self.site.lives
        try:
            response = self.site.get(path)
        except OSError as error:
            # A killed server tears answers; a running one does not.
            if is_up and lives == self.site.lives and not self.may_fail:
                self.complain(f"GET {path}: {type(error).__name__}: {error}")
            return
        if response.status == 503 and not self.seen.get(path):
            return
        self.looks += 1
        if response.status != 200:
            self.complain(f"GET {path}: {response.status}")
            return
        self.look_at(path, response.body)
        self.check_headers(path, response)

    def check_headers(self, path, response):
        tag = response.headers.get("etag")
        if path in FEEDS and not tag:
            self.complain(f"GET {path}: no ETag")
        digest = documents.digest(response.body)
        if tag and self.tags.setdefault((path, tag), digest) != digest:
            self.complain(f"GET {path}: two documents with the ETag {tag}")
        modified = response.headers.get("last-modified")
        if modified:
            moment = parsedate_to_datetime(modified)
            if moment < self.modified.get(path, moment):
                self.complain(f"GET {path}: Last-Modified goes back from {self.modified[path]} to {moment}")
            self.modified[path] = moment
            if moment > parsedate_to_datetime(response.headers["date"]):
                self.complain(f"GET {path}: Last-Modified {modified} is after Date {response.headers['date']}")


class DirectoryReader(Watchful):
    """Opens and parses every file in `feeds/`, in a loop. Each is whole and valid, and none is older than before."""

    pace = 0.05

    def round(self):
        root = str(self.site.feeds)
        for folder, _, names in os.walk(root):
            for name in names:
                # Temporary files have hidden names.
                if name.startswith("."):
                    continue
                path = os.path.join(folder, name)
                try:
                    with open(path, "rb") as file:
                        body = file.read()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self.complain(f"open {path}: {error}")
                    continue
                self.looks += 1
                self.look_at(path[len(root):], body)
