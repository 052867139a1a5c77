#!/usr/bin/env python3
"""Walks a feed to its first article, as RFC 5005 (section 4) and JSON Feed describe it, and counts the articles.

walk.py URL EXPECTED

URL is that of an Atom or JSON feed. Exit status 1 if another number of different ids was seen.
"""
import json
import sys
import urllib.request
import xml.etree.ElementTree as xml

ATOM = '{http://www.w3.org/2005/Atom}'
DOCUMENTS_MAX = 1000


def read(url):
    """The ids of a document, and the URL of the one with older articles."""
    with urllib.request.urlopen(url) as answer:
        body = answer.read()
    if url.endswith('.json'):
        feed = json.loads(body)
        return [item['id'] for item in feed['items']], feed.get('next_url')
    feed = xml.fromstring(body)
    older = [link.get('href') for link in feed.findall(f'{ATOM}link') if link.get('rel') == 'prev-archive']
    return [entry.findtext(f'{ATOM}id') for entry in feed.findall(f'{ATOM}entry')], older[0] if older else None


def main(url, expected):
    ids, documents = set(), 0
    while url:
        found, url = read(url)
        ids.update(found)
        documents += 1
        if documents > DOCUMENTS_MAX:
            sys.exit(f'more than {DOCUMENTS_MAX} documents: the archive does not end')
    print(f'{len(ids)} articles in {documents} documents')
    return 0 if len(ids) == expected else 1


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
