"""F17: articles that are made to break what reads them."""

import os
import time

from lib.oracle import Tree
from lib.suite import fault, wait

SECRET = "secret-that-is-outside"

BOMB = "---\ntitle: bomb\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{this}: &{this} [{','.join(['*' + last] * 9)}]\n" for last, this in zip("abcdefgh", "bcdefghi")
) + "---\ntext\n"

# Name and content of each.
FILES = {
    "control.md": b"# Control \x01\x02\x08\x0b\x1f\n\ntext \x00\x7f\xc2\x85 and &#0; &#1; &#xFFFE;\n",
    "quotes.md": b"# Quotes\n\n" + b">" * 100_000,
    "nested.html": b"<title>Nested</title>" + b"<div>" * 20_000 + b"text",
    "emphasis.md": b"# Emphasis\n\n" + b"*a **b " * 20_000,
    "brackets.md": b"# Brackets\n\n" + b"[" * 50_000,
    "table.md": b"# Table\n\n|" + b"a|" * 10_000 + b"\n|" + b"-|" * 10_000 + b"\n",
    "yaml.md": BOMB.encode(),
    "deep.md": b"---\ntitle: " + b"[" * 10_000 + b"\n---\ntext\n",
    "json.md": b'{"title": ' + b"[" * 50_000 + b"\n\ntext\n",
    "nul.md": b"# Nul\n\n" + b"\x00" * 100_000,
    "bom.md": b"\xef\xbb\xbf# Bom\n\ntext\n",
    "utf16.md": "\ufeff# Wide\n\ntext\n".encode("utf-16-le"),
    "latin.md": b"# Caf\xe9\n\ntext\n",
    "binary.md": bytes(range(256)) * 4_000,
    "cdata.md": b"# ]]> <![CDATA[ & <b>\n\n]]> <![CDATA[ <script>alert(1)</script>\n",
    "script.html": b"<title>S</title><p onclick=alert(1)>text<script>alert(1)</script><iframe src=javascript:x></iframe>",
    "new\nline.md": b"# Newline\n\ntext\n",
    "\xff\xfe.md".encode("latin-1"): b"# Not UTF-8\n\ntext\n",
    "quote\"<&'.md": b"# Marks\n\ntext\n",
}


@fault(
    "F17", "hostile-articles",
    injects="control characters, 100 KB of `>`, 20,000 nested elements, a YAML bomb, NUL, BOM, UTF-16, a sparse file of 1 GB, "
    "a FIFO, a device, links to a secret, a line break in a name",
    demands="good articles are published within 15 s; valid XML; less than twice the memory; nothing from outside",
    quick=True,
)
def run(t):
    site = t.site()
    (site.dir / "secret.txt").write_text(f"{SECRET}\n")
    (site.dir / "outside").mkdir()
    (site.dir / "outside" / "secret.md").write_text(f"# {SECRET}\n\n{SECRET}\n")
    tree = Tree(site)
    for n in range(t.size(1_000, 100)):
        tree.write(f"good/a{n}.md")
    site.start()
    tree.converges(30, fresh=False)
    memory = site.memory_kib()

    root = site.articles
    for name, content in FILES.items():
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        with open(path, "wb") as file:
            file.write(content)
    with open(root / "sparse.md", "wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(root / "fifo.md")
    try:
        os.mknod(root / "zero.md", 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        t.say("no device: not root")
    (root / "link.md").symlink_to("../secret.txt")
    (root / "absolute.txt").symlink_to(site.dir / "secret.txt")
    (root / "proc.txt").symlink_to("/proc/self/environ")
    (root / "linked").symlink_to("../outside")
    (root / "loop").symlink_to(".")
    (root / "picture.png").symlink_to("../secret.txt")
    for n in range(10):
        tree.write(f"good/new{n}.md")

    good = tree.expected()

    def are_there():
        entries = {entry.name for entry in tree.served()}
        return good.keys() <= entries

    took = wait("the good articles are published", are_there, 15)
    peak = 0
    # Everything is looked at within this time; the memory is that of the worst moment.
    deadline = time.monotonic() + t.size(15, 6)
    while time.monotonic() < deadline:
        peak = max(peak, site.memory_kib())
        time.sleep(0.1)
    # Up to 4 MiB of source each, and the allocator's slack, do not count in a small site.
    t.check(peak < max(2 * memory, memory + 100_000), f"memory {memory} KiB, then {peak} KiB")
    for path in ("/rss.xml", "/atom.xml", "/feed.json", "/", "/link", "/absolute", "/linked/secret", "/picture.png", "/proc"):
        body = site.get(path).body
        t.check(SECRET.encode() not in body, f"{path} shows the secret")
        t.check(b"<script" not in body.lower(), f"{path} has a script")
    for name in ("fifo.md", "zero.md", "sparse.md"):
        os.unlink(root / name)
    refused = site.status()["articles"]["refused"]
    t.check(refused >= 3, f"only {refused} refused")
    t.say(f"good ones after {took:.1f} s; memory {memory >> 10} MiB, at most {peak >> 10} MiB; {refused} refused")
