"""F00: the readers and the oracle notice what they are there for. Without it, the other tests prove nothing."""

import json

from lib.oracle import Tree
from lib.readers import Watchful
from lib.suite import Failed, fault


def entry(name, version=1, end=None, id=None, published="2026-01-01T00:00:00Z", updated="2026-01-01T00:00:00Z"):
    text = f"<p>begin {name} v{version}</p><p>end {name} v{end or version}</p>"
    return {
        "id": id or name, "url": f"/{name}", "title": f"Title of {name}", "content_html": text,
        "date_published": published, "date_modified": updated,
    }


def feed(*entries):
    return json.dumps({"items": entries}).encode()


# What a reader sees, one after the other, and what it has to say; None: nothing.
CASES = [
    ([feed(entry("a")), feed(entry("a"), entry("b"))], None),
    ([feed(entry("a", 1)), feed(entry("a", 2, updated="2026-02-01T00:00:00Z"))], None),
    ([feed(entry("a"))[:-5]], "JSONDecodeError"),
    ([b""], "empty"),
    ([feed(entry("a", 2, end=1))], "not whole"),
    ([feed(entry("a", end=" "))], "not whole"),
    ([feed(entry("a"), entry("b")), feed(entry("a"))], "vanished"),
    ([feed(entry("a", 2)), feed(entry("a", 1))], "goes back"),
    ([feed(entry("a")), feed(entry("a", id="other"))], "had the id"),
    ([feed(entry("a")), feed(entry("a", published="2026-01-02T00:00:00Z"))], "was published"),
    ([feed(entry("a", updated="2026-03-01T00:00:00Z")), feed(entry("a"))], "was updated"),
    ([feed(entry("a"), entry("a"))], "stands twice"),
]


@fault(
    "F00", "self-check",
    injects="torn, shrunk, older and re-identified documents into the readers; a wrong tree into the oracle",
    demands="each is noticed",
    quick=True,
)
def run(t):
    for documents, expected in CASES:
        site = t.site(readers=False)
        reader = Watchful(site)
        for document in documents:
            reader.look_at("/feed.json", document)
        said = " ".join(reader.problems + site.book.problems)
        site.book.problems.clear()
        t.check(expected in said if expected else not said, f"{expected!r} of {documents}: said {said!r}")

    # One change at a time to what the oracle believes.
    changes = [
        lambda present: present.pop("a.md"),
        lambda present: present.update({"c.md": ("c", 1)}),
        lambda present: present.update({"a.md": ("a", 2)}),
        lambda present: present.update({"other.md": present.pop("a.md")}),
    ]
    site = t.site()
    tree = Tree(site)
    tree.write("a.md")
    tree.write("b.md")
    site.start()
    tree.converges()
    right = dict(tree.present)
    for change in changes:
        tree.present = dict(right)
        change(tree.present)
        t.check(tree.difference(), f"the oracle does not see a difference: {tree.present}")
    tree.present = right
    with open(site.feeds / "rss.xml", "ab") as file:
        file.write(b" ")
    t.check(not tree.is_projected(), "the oracle does not see that a file differs")
    try:
        tree.equals_a_fresh_build()
        t.check(False, "the oracle does not see that a file differs from a fresh build")
    except Failed as failed:
        t.check("differ from" in str(failed), str(failed))
