"""Serves the small site of corpus.py, and runs a command with its URL as the last argument.

usage: serve.py COMMAND [ARGUMENT...]
"""
import subprocess
import sys

import corpus
from e2e import Site, wait_until, work

site = Site(work('serve'), f'site.title = "A small site"\nsite.id = "{corpus.SITE_ID}"\n')
articles = corpus.make(site.directory / 'articles')
with site:
    newest = articles[0].feed_id('atom')
    wait_until('the site is published', lambda: newest in site.ask('/atom.xml').body.decode())
    status = subprocess.run([*sys.argv[1:], site.url]).returncode
sys.exit(status)
