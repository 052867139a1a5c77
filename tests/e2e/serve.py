"""Serves the small site of corpus.py, and runs a command with its URL as the last argument.

usage: serve.py COMMAND [ARGUMENT...]
"""
import subprocess
import sys

import corpus
from e2e import Site, work

site = Site(work('serve'), f'site.title = "A small site"\nsite.id = "{corpus.SITE_ID}"\nfeeds.limit = 100\n')
articles = corpus.make(site.directory / 'articles')
with site:
    site.wait_for(len(articles))
    status = subprocess.run([*sys.argv[1:], site.url]).returncode
sys.exit(status)
