"""Reads feeds and pages, without any code of dropfeed, and says what is wrong with one document.

An article of the suite names itself at its beginning and at its end, so that half an article, or two halves, shows:

    # Title of a17
    begin a17 v3
    ...
    end a17 v3
"""

import hashlib
import html
import json
import re
from functools import lru_cache
from typing import NamedTuple
from xml.parsers import expat

PARAGRAPH = "The quick brown fox jumps over the lazy dog, and nobody is surprised by that any more."


def article(name, version=1, paragraphs=1, front_matter=""):
    """The source of an article."""
    # Different words in each version and each article, so that `updated` moves and none is a copy of another.
    middle = "\n\n".join(f"{PARAGRAPH} {name} " + f"word{version} " * 8 for _ in range(paragraphs))
    return f"{front_matter}# Title of {name}\n\nbegin {name} v{version}\n\n{middle}\n\nend {name} v{version}\n"


class Entry(NamedTuple):
    """An entry of a feed. `version`: None if the article is not one of the suite's."""

    name: str
    version: int | None
    id: str
    url: str
    published: str
    updated: str


class Wrong(Exception):
    """A document that is not whole or not valid."""


BEGIN = re.compile(r"begin (\S+) v(\d+)")
END = re.compile(r"end (\S+) v(\d+)")


def version_of(title, text, is_warm):
    """The version of an article; raises Wrong if it is not one whole version.

    `is_warm`: whether the document is not kept in memory. Such a document may show an article whose file is gone or cannot
    be read, and that stays all the same, without its text.
    """
    if not title.startswith("Title of "):
        return title, None
    name = title.removeprefix("Title of ")
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    begin, end = set(BEGIN.findall(text)), set(END.findall(text))
    if is_warm and not begin and not end:
        return name, None
    if len(begin) != 1 or begin != end or next(iter(begin))[0] != name:
        raise Wrong(f"{title!r} is not whole: {sorted(begin)} {sorted(end)}")
    return name, int(next(iter(begin))[1])


def tag(element, text):
    """The text of the first element of this name; empty if there is none."""
    found = re.search(rf"<{element}(?: [^>]*)?>(.*?)</{element}>", text, re.S)
    if not found:
        return ""
    value = found.group(1)
    if value.startswith("<![CDATA["):
        return value[9:-3]
    return html.unescape(value)


def parse(path, body):
    """The entries of the document at `path`; raises Wrong."""
    # The feeds of the site are kept in memory; those of directories and archives are not.
    entries = parsed(path.rsplit("/", 1)[-1], body, path.count("/") > 1)
    if isinstance(entries, Wrong):
        raise entries
    return entries


# The same document is often seen by both readers, and again and again.
@lru_cache(maxsize=64)
def parsed(name, body, is_warm):
    try:
        if not body:
            raise Wrong("empty")
        if name.endswith((".xml", ".opml")):
            expat.ParserCreate().Parse(body, True)
        if name.endswith(".json"):
            return json_entries(body, is_warm)
        if name == "rss.xml":
            return xml_entries(body, is_warm, "item", "guid", "pubDate", "description", "content:encoded")
        if name == "atom.xml":
            return xml_entries(body, is_warm, "entry", "id", "published", "summary", "content")
        if not name.endswith(".opml") and not body.rstrip().endswith(b"</html>"):
            raise Wrong(f"a page that ends in {body[-20:]!r}")
        return ()
    except Wrong as wrong:
        return wrong
    except (expat.ExpatError, ValueError, KeyError) as error:
        return Wrong(f"{type(error).__name__}: {error}; {len(body)} bytes, ends in {body[-40:]!r}")


def json_entries(body, is_warm):
    entries = []
    for item in json.loads(body)["items"]:
        name, version = version_of(item.get("title", ""), item.get("content_html", ""), is_warm)
        entries.append(
            Entry(name, version, item["id"], item["url"], item["date_published"], item.get("date_modified", ""))
        )
    return tuple(entries)


def xml_entries(body, is_warm, element, id, published, *texts):
    entries = []
    text = body.decode()
    for found in re.findall(rf"<{element}>(.*?)</{element}>", text, re.S):
        content = ""
        for name in texts:
            content = tag(name, found) or content
        title, version = version_of(tag("title", found), content, is_warm)
        entries.append(Entry(title, version, tag(id, found), tag("link", found), tag(published, found), tag("updated", found)))
    return tuple(entries)


def digest(body):
    return hashlib.blake2b(body, digest_size=8).hexdigest()
