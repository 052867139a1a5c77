"""F10: programs that write a file bit by bit, and editors and synchronisers with tricks of their own.

The directory reader and the reader fail if half an article is ever visible: each article names itself at both ends.
"""

import mmap
import os
import subprocess
import threading
import time

from lib import inject
from lib.documents import article
from lib.oracle import Tree
from lib.suite import fault


def chunks(text, n=5):
    size = len(text) // n + 1
    return [text[at : at + size] for at in range(0, len(text), size)]


# Each writer gets the path of the article, its new text and how long to pause between parts.


def slowly(path, text, pause):
    """As a slow upload: the file stays open, and grows."""
    with open(path, "w") as file:
        for chunk in chunks(text):
            file.write(chunk)
            file.flush()
            time.sleep(pause)


def rewrite(path, text, pause):
    """As a simple editor: truncate, and write a moment later."""
    with open(path, "w") as file:
        time.sleep(pause)
        file.write(text)


def mapped(path, text, pause):
    """Through a mapping: no write is ever reported. What is not written yet is zeros."""
    data = text.encode()
    with open(path, "w+b") as file:
        file.truncate(len(data))
        with mmap.mmap(file.fileno(), len(data)) as view:
            done = 0
            for chunk in chunks(data):
                view[done : done + len(chunk)] = chunk
                done += len(chunk)
                time.sleep(pause)


def unnamed(path, text, pause):
    """A file without a name until it is whole: O_TMPFILE, then linkat(2)."""
    descriptor = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o644)
    try:
        for chunk in chunks(text.encode()):
            os.write(descriptor, chunk)
            time.sleep(pause)
        path.unlink(missing_ok=True)
        # Given a directory, Python calls linkat(2), which follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor)
    finally:
        os.close(descriptor)


def rsync(*options):
    def run(path, text, pause):
        source = path.parents[2] / "sources" / path.parent.name / path.name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        command = ["rsync", "--whole-file", "--ignore-times", *options, str(source), str(path)]
        subprocess.run(command, check=True)

    run.__doc__ = " ".join(["rsync", *options])
    return run


def sed(path, text, pause):
    """sed -i, which renames a temporary file named sedXXXXXX."""
    path.exists() or path.write_text(text)
    name, version = text.split("begin ")[1].split("\n")[0].rsplit(" v", 1)
    older = int(version) - 1
    script = f"s/ v{older}$/ v{version}/; s/word{older}/word{version}/g"
    subprocess.run(["sed", "-i", script, str(path)], check=True)


def vim(path, text, pause):
    """vim, which writes a backup and a swap file, renames and probes a file named 4913."""
    outside = path.parents[2] / f"{path.name}.words"
    outside.write_text(text)
    command = ["vim", "-u", "NONE", "-es", "-c", "set backup writebackup", "-c", f"%!cat {outside}", "-c", "wq"]
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)


def git(path, text, pause):
    """git checkout between two commits, which removes and re-creates a changed file."""
    work = path.parent / f"repository-{path.stem}"
    if not (work / ".git").exists():
        work.mkdir(exist_ok=True)
        call(work, "init", "-q")
    file = work / path.name
    # The commit is made outside the tree, in a clone, as a push from elsewhere would.
    clone = path.parents[2] / f"clone-{path.stem}"
    if not clone.exists():
        clone.mkdir()
        call(clone, "init", "-q")
    (clone / path.name).write_text(text)
    call(clone, "add", "-A")
    call(clone, "commit", "-qm", "change")
    call(work, "fetch", "-q", str(clone), "HEAD")
    call(work, "checkout", "-q", "FETCH_HEAD")
    return file


def call(work, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *identity, *arguments], cwd=work, check=True, env=environment)


def syncthing(path, text, pause):
    """Syncthing: a temporary name that grows, then a rename; and a conflict copy beside it, which is no article."""
    temporary = path.with_name(f".syncthing.{path.name}.tmp")
    slowly(temporary, text, pause)
    conflict = path.with_name(f"{path.stem}.sync-conflict-20261129-101010-ABCDEFG.md")
    conflict.write_text(article("conflict"))
    temporary.rename(path)


WRITERS = [slowly, rewrite, mapped, unnamed, rsync(), rsync("--inplace"), sed, vim, git, syncthing]


@fault(
    "F10", "partial-writer",
    injects="1 KB every 3 s; truncate and rewrite; mmap; O_TMPFILE and link; rsync, rsync --inplace, sed -i, vim, git, "
    "Syncthing: new files and edits",
    demands="no half article is ever visible, and no temporary name; then L1",
    quick=True,
)
def run(t):
    inject.need("rsync", "sed", "vim", "git")
    site = t.site()
    tree = Tree(site)
    site.start()
    each = t.size(20, 2)
    pause = t.size(3, 1.2)
    failures = []

    def life(writer, n):
        """Each article is made and edited twice, by one program."""
        path = f"w{WRITERS.index(writer)}/a{n}.md"
        name = f"w{WRITERS.index(writer)}-a{n}"
        target = site.articles / path
        for version in (1, 2, 3):
            try:
                written = writer(target, article(name, version, paragraphs=30), pause) or target
            except Exception as error:
                failures.append(f"{writer.__doc__}: {error}")
                return
            with tree.lock:
                tree.present[str(written.relative_to(site.articles))] = (name, version)
            time.sleep(pause)

    for number, _ in enumerate(WRITERS):
        (site.articles / f"w{number}").mkdir()
    threads = [threading.Thread(target=life, args=(writer, n)) for writer in WRITERS for n in range(each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    t.check(not failures, "; ".join(failures[:3]))
    took = tree.converges()
    t.say(f"{len(tree.present)} files by {len(WRITERS)} programs; L1 after {took:.1f} s")
