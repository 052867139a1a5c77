"""F18: two files that claim the same identity."""

from lib.documents import article
from lib.oracle import Tree
from lib.suite import fault, wait


def rows(site):
    return {path: row for path, row in site.export().items() if row["standing"] == "public"}


@fault(
    "F18", "duplicates",
    injects="two files with one id; exact copies; two files that swap their names; names that differ in case only; 50 each",
    demands="L2; the first keeps the id, the second is named; a path that exists is itself",
    quick=True,
)
def run(t):
    site = t.site("articles.grace_s = 2")
    tree = Tree(site)
    count = t.size(50, 10)
    for n in range(count):
        tree.write(f"id/first{n}.md", front_matter=f"---\nid: urn:x:{n}\n---\n")
        tree.write(f"copy/a{n}.md")
        tree.write(f"swap/left{n}.md")
        tree.write(f"swap/right{n}.md")
        tree.write(f"case/post{n}.md")
    site.start()
    tree.converges(fresh=False)
    before = rows(site)

    # One id, twice.
    for n in range(count):
        (site.articles / f"id/second{n}.md").write_text(article(f"second{n}", front_matter=f"---\nid: urn:x:{n}\n---\n"))
    refused = lambda: {entry["path"] for entry in site.status()["refused"]}
    seconds = {f"id/second{n}.md" for n in range(count)}
    wait("L6: each second file is refused by name", lambda: seconds <= refused(), 15)
    tree.converges(fresh=False)
    # A restart looks in another order, and changes nothing.
    site.stop()
    site.start()
    wait("after a restart, too", lambda: seconds <= refused(), 15)
    tree.converges(fresh=False)
    # The first one goes: the id is free for the second, which is the same article then.
    for n in range(count):
        (site.articles / f"id/second{n}.md").unlink()
    wait("nothing is refused", lambda: not refused(), 15)

    # Exact copies become articles of their own, after the grace.
    site.book.forgiven |= {f"copy/a{n}" for n in range(count)}
    for n in range(count):
        (site.articles / f"copy/b{n}.md").write_bytes((site.articles / f"copy/a{n}.md").read_bytes())
    copies = {f"copy/b{n}.md" for n in range(count)}
    wait("the copies are public", lambda: copies <= rows(site).keys(), 15)
    now = rows(site)
    for n in range(count):
        t.check(now[f"copy/a{n}.md"]["id"] == before[f"copy/a{n}.md"]["id"], f"copy/a{n}.md lost its id to its copy")
        t.check(now[f"copy/b{n}.md"]["id"] != before[f"copy/a{n}.md"]["id"], f"copy/b{n}.md has the id of its original")
        (site.articles / f"copy/b{n}.md").unlink()

    # Two files swap their names: what readers subscribed to is the path.
    site.book.forgiven |= {f"swap/{side}{n}" for side in ("left", "right") for n in range(count)}
    for n in range(count):
        left, right, aside = (site.articles / f"swap/{name}" for name in (f"left{n}.md", f"right{n}.md", ".aside"))
        left.rename(aside)
        right.rename(left)
        aside.rename(right)
        tree.present[f"swap/left{n}.md"], tree.present[f"swap/right{n}.md"] = (
            tree.present[f"swap/right{n}.md"], tree.present[f"swap/left{n}.md"],
        )
    tree.converges(fresh=False)
    now = rows(site)
    for path in (f"swap/{side}{n}.md" for side in ("left", "right") for n in range(count)):
        t.check(now[path]["id"] == before[path]["id"], f"{path} changed its id in the swap")

    # Case twins: the later one gets another URL, and keeps it.
    for n in range(count):
        (site.articles / f"case/POST{n}.md").write_text(article(f"twin{n}"))
    twins = {f"case/POST{n}.md" for n in range(count)}
    wait("the twins are public", lambda: twins <= rows(site).keys(), 15)
    urls = {path: row["url"] for path, row in rows(site).items()}
    t.check(len(set(urls.values())) == len(urls), "two articles have one URL")
    for n in range(count):
        t.check(urls[f"case/post{n}.md"] == f"/case/post{n}", f"case/post{n}.md lost its URL to its twin")
    site.stop()
    site.start()
    wait("after a restart the URLs are the same", lambda: {p: r["url"] for p, r in rows(site).items()} == urls, 15)
    now = rows(site)
    for path in before:
        t.check(path not in now or now[path]["id"] == before[path]["id"], f"{path} changed its id")
    t.say(f"{count} of each kind")
