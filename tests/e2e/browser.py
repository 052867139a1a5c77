"""What a person with a browser gets: pages that show what they should, in every width, and load nothing else.

usage: browser.py SITE_URL; exit 1 with a line for each thing that is wrong.
"""
import re
import subprocess
import sys
import tempfile
import urllib.request

site = sys.argv[1]
wrong = []


def chromium(*arguments):
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                 "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
                 "--enable-logging=stderr", "--v=0"]
        return subprocess.run(["chromium", *flags, *arguments], capture_output=True, text=True, timeout=120)


def check(what, holds):
    if not holds:
        wrong.append(what)


home = chromium("--dump-dom", f"{site}/").stdout
links = re.findall(r'<a [^>]*class="[^"]*u-url[^"]*"[^>]*href="([^"]+)"', home) or re.findall(rf'href="({site}/\d{{4}}/[^"]+)"', home)
check("the home page lists no article", links)
check("the home page advertises not exactly one feed", len(re.findall(r'rel="alternate"', home)) == 1)
check("the home page shows no feed address to copy", f"{site}/atom.xml" in home)
for page in ["/"] + [link.removeprefix(site) for link in links[:3]] + ["/no/such/page"]:
    for width in ("1280,900", "390,844"):
        with tempfile.NamedTemporaryFile(suffix=".png") as shot:
            seen = chromium(f"--window-size={width}", f"--screenshot={shot.name}", site + page)
            check(f"{page} at {width}: no picture", len(shot.read()) > 3000)
            for line in seen.stderr.splitlines():
                check(f"{page}: {line}", "CONSOLE" not in line or "Content Security Policy" not in line)
if links:
    article = chromium("--dump-dom", links[0]).stdout
    check("an article has no h-entry", "h-entry" in article)
    check("an article has no main landmark", "<main" in article)
    check("an article runs a script", "<script" not in article)
try:
    urllib.request.urlopen(f"{site}/no/such/page")
    check("a missing page is found", False)
except urllib.error.HTTPError as answer:
    check("a missing page is not 404", answer.code == 404)
print("\n".join(wrong) or "browser: all well")
sys.exit(1 if wrong else 0)
