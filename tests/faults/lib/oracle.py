"""What has to be published: from what the test did to the tree, without any code of dropfeed.

L1: after a fault the entries on disk, the entries served and the oracle's are the same, and `dropfeed build` over a copy
of the same state and tree writes the same bytes.
"""

import os
import shutil
import subprocess
import threading

from . import documents
from .documents import article
from .site import BASE
from .suite import Failed, wait


class Tree:
    """The articles of a site, changed through this object only.

    An article keeps its name for ever; its path may change. The names are also their titles.
    """

    def __init__(self, site, root=None):
        self.site = site
        self.root = root or site.articles
        # path -> (name, version)
        self.present = {}
        self.lock = threading.Lock()
        self._temp = 0

    def write(self, path, version=1, name=None, in_place=False, **options):
        """Writes an article, by rename unless `in_place`."""
        name = name or self.present.get(path, (path.removesuffix(".md"),))[0]
        text = article(name, version, **options)
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if in_place:
            target.write_text(text)
        else:
            self._temp += 1
            temp = target.parent / f".new{self._temp}.tmp"
            temp.write_text(text)
            temp.rename(target)
        with self.lock:
            self.present[path] = (name, version)

    def edit(self, path, **options):
        self.write(path, self.present[path][1] + 1, **options)

    def remove(self, path):
        with self.lock:
            name, _ = self.present.pop(path)
        self.may_miss(name)
        (self.root / path).unlink()

    def rename(self, path, to):
        (self.root / to).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).rename(self.root / to)
        with self.lock:
            self.present[to] = self.present.pop(path)

    def may_miss(self, *names):
        """Tells the readers that these articles may go."""
        for reader in self.site.readers:
            reader.may_miss.update(names)

    def expected(self):
        """What every feed has to show: name -> (version, URL)."""
        return {name: (version, url_of(path)) for path, (name, version) in self.present.items()}

    # L1.

    def converges(self, seconds=15, fresh=True):
        """Demands L1 within a time, and returns how long it took.

        `fresh`: whether to compare with a fresh build over a copy, too.
        """
        took = wait(lambda: f"L1: {self.difference()}", self.is_served, seconds)
        took += wait("L1: the files in feeds/ are those that are served", self.is_projected, seconds)
        if fresh:
            self.equals_a_fresh_build()
        return took

    def served(self, path="/feed.json"):
        response = self.site.get(path)
        return documents.parse(path, response.body) if response.status == 200 else ()

    def is_served(self):
        if self.site.process.poll() is not None:
            raise Failed(f"it ended with {self.site.process.returncode}: {self.site.log_text()[-1000:]}")
        try:
            return not self.difference()
        except OSError:
            return False

    def difference(self):
        """What is missing, too much, or of another version in the feeds that are served."""
        expected = self.expected()
        for path in ("/feed.json", "/rss.xml", "/atom.xml"):
            served = {entry.name: entry for entry in self.served(path)}
            missing = sorted(expected.keys() - served.keys())
            extra = sorted(served.keys() - expected.keys())
            if missing or extra:
                return f"{path}: {len(missing)} missing {missing[:3]}, {len(extra)} too many {extra[:3]}"
            for name, (version, url) in expected.items():
                if served[name].version != version:
                    return f"{path}: {name} v{served[name].version} instead of v{version}"
                if path == "/feed.json" and served[name].url != url:
                    return f"{path}: {name} is at {served[name].url} instead of {url}"
        return ""

    def is_projected(self):
        for name in ("rss.xml", "atom.xml", "feed.json"):
            try:
                if (self.site.feeds / name).read_bytes() != self.site.get(f"/{name}").body:
                    return False
            except OSError:
                return False
        return True

    def equals_a_fresh_build(self, may_be_more=False):
        """Compares `feeds/` with that of `dropfeed build` over a copy of the state and the tree, byte by byte.

        `may_be_more`: allows files that a build does not write; returns their number.
        """
        copy = self.site.dir / "fresh"
        shutil.rmtree(copy, ignore_errors=True)
        (copy / "state").mkdir(parents=True, mode=0o700)
        backup = self.site.command("state", "backup", str(copy / "state" / "state.db"))
        if backup.returncode != 0:
            raise Failed(f"state backup: {backup.stderr}")
        source = os.path.realpath(self.site.articles)
        subprocess.run(["cp", "-a", source, copy / "articles"], check=True)
        config = copy / "config.toml"
        config.write_text(
            self.site.configuration(articles=copy / "articles", feeds=copy / "feeds", state=copy / "state")
        )
        built = self.site.command("build", config=config, timeout=300)
        if built.returncode != 0:
            raise Failed(f"L1: a fresh build fails: {built.stderr[-2000:]}")
        here, there = files(self.site.feeds), files(copy / "feeds")
        names = there.keys() if may_be_more else here.keys() | there.keys()
        different = sorted(name for name in names if here.get(name) != there.get(name))
        if different:
            raise Failed(f"L1: {different[:5]} of {len(here)} files differ from those of a fresh build; see {copy}")
        shutil.rmtree(copy)
        return len(here.keys() - there.keys())

    def exported(self, seconds=15):
        """L1 for trees that are too large for one feed: what is shown by `state export` is what is there."""

        def is_equal():
            # One that is missing is shown until its grace is over.
            rows = self.site.export().values()
            shown = {row["path"] for row in rows if row["standing"] in ("public", "missing")}
            return shown == self.present.keys()

        return wait("L1: the public articles are those of the tree", is_equal, seconds)


def url_of(path):
    return f"{BASE}/{path.removesuffix('.md')}"


def files(directory):
    """The bytes of every file beneath a directory, by relative path."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            found[str(path.relative_to(directory))] = path.read_bytes()
    return found
