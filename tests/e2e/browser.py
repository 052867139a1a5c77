"""What a person with a browser gets: pages that show what they should, in every width and theme, that axe-core finds nothing
wrong with, and that load nothing else.

usage: browser.py SITE_URL; exit 1 with a line for each thing that is wrong. AXE names `axe.min.js`.
"""
import os
import re
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from chromium import Browser

site = sys.argv[1].rstrip("/")
axe = Path(os.environ["AXE"]).read_text()
wrong = []


def check(what, holds):
    if not holds:
        wrong.append(what)


def links(browser, selector):
    """The targets of the links that a selector finds, absolute."""
    return browser.run(f"[...document.querySelectorAll({selector!r})].map(link => link.href)")


def examine(browser, url, what):
    """Everything that every page must be."""
    for scheme in ("light", "dark"):
        for width in (360, 1280):
            where = f"{what}, {width} px, {scheme}"
            browser.open(url, width, scheme)
            check(f"{where}: it is wider than the window", browser.run("document.documentElement.scrollWidth") <= width)
            check(f"{where}: no picture", len(browser.picture()) > 3000)
            browser.run(f"{axe};0")
            findings = browser.run("axe.run().then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
            for finding in findings:
                check(f"{where}: axe: {finding}", False)
            for complaint in browser.complaints():
                check(f"{where}: console: {complaint}", "404 (Not Found)" in complaint)
            for request in browser.requests():
                if request.startswith(site + "/") or request.startswith("data:"):
                    continue
                # Pictures of an article may be anywhere; nothing else is.
                check(f"{where}: loads {request}", re.search(r"\.(png|jpe?g|gif|svg|webp|avif)(\?|$)", request))
    browser.open(url, 360, "light", 2)
    check(f"{what}: too wide at 200 % text", browser.run("document.documentElement.scrollWidth") <= 360)
    check(f"{what}: nothing is printed", len(browser.printed()) > 3000)
    scripts = browser.run("[...document.scripts].map(script => script.type)")
    check(f"{what}: has a script", set(scripts) <= {"application/ld+json"})
    check(f"{what}: has no main landmark", browser.run("document.querySelectorAll('main').length") == 1)
    check(f"{what}: has not one heading", browser.run("document.querySelectorAll('h1').length") == 1)


browser = Browser()
examine(browser, f"{site}/", "home")
check("home advertises not exactly one feed", len(links(browser, "link[rel=alternate]")) == 1)
check("home shows no feed address to copy", f"{site}/atom.xml" in browser.run("document.body.innerText"))
with urllib.request.urlopen(f"{site}/") as answer:
    check("home is larger than 100 KB", len(answer.read()) <= 100_000)
articles = links(browser, ".h-entry .u-url")
check("home lists no article", articles)
older = links(browser, ".more [rel=next]")
months = links(browser, ".lists a[href*='/archive/']")
for url in articles[:2]:
    examine(browser, url, f"article {url}")
    check("an article is no h-entry", browser.run("document.querySelectorAll('article.h-entry').length") == 1)
    data = browser.run("JSON.parse(document.querySelector('script').textContent)['@type']")
    check("an article is no BlogPosting", data == "BlogPosting")
sections = links(browser, "nav.kind a")
tags = [tag for url in articles for tag in (browser.open(url), links(browser, "a[rel=tag]"))[1]][:1]
# From the article to its feed, as a reader would who knows only its page.
feed = links(browser, "link[rel=alternate]")[0]
examine(browser, feed, "page of the feed")
check("the page of the feed says not what it is", "This is the address of a feed" in browser.run("document.body.innerText"))
for what, urls in (("later page", older), ("month", months), ("section", sections), ("tag", tags)):
    for url in urls[:1]:
        examine(browser, url, f"{what} {urllib.parse.urlsplit(url).path}")
        check(f"{what} lists no article", links(browser, ".h-entry .u-url"))
examine(browser, f"{site}/no/such/page", "404")
browser.close()
try:
    urllib.request.urlopen(f"{site}/no/such/page")
    check("a missing page is found", False)
except urllib.error.HTTPError as answer:
    check("a missing page is not 404", answer.code == 404)
print("\n".join(wrong) or "browser: all well")
sys.exit(1 if wrong else 0)
