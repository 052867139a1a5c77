"""Readers that keep nothing: each gets a feed's bytes and gives its items in order.

An item has title, id, link, date (seconds since 1970) and content; what a reader does not give is None or left out.
"""
import calendar
import json
import os
import re
import subprocess
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent


def feedparser(feed, kind, url):
    import feedparser
    parsed = feedparser.parse(feed, response_headers={'content-location': url, 'content-type': 'application/xml'})
    if parsed.bozo:
        raise ValueError(parsed.bozo_exception)
    return [{'title': entry.get('title'), 'id': entry.id, 'link': entry.link, 'date': calendar.timegm(entry.published_parsed),
             'content': entry.content[0].value} for entry in parsed.entries]


def atoma(feed, kind, url):
    import atoma
    if kind == 'rss':
        return [{'title': item.title, 'id': item.guid, 'link': item.link, 'date': item.pub_date.timestamp(),
                 'content': item.content_encoded} for item in atoma.parse_rss_bytes(feed).items]
    if kind == 'atom':
        return [{'title': entry.title.value, 'id': entry.id_, 'link': _alternate(entry.links), 'date': entry.published.timestamp(),
                 'content': entry.content.value} for entry in atoma.parse_atom_bytes(feed).entries]
    return [{'title': item.title, 'id': item.id_, 'link': item.url, 'date': item.date_published.timestamp(),
             'content': item.content_html} for item in atoma.parse_json_feed_bytes(feed).items]


def _alternate(links):
    return next(link.href for link in links if link.rel in (None, 'alternate'))


def fastfeedparser(feed, kind, url):
    import fastfeedparser
    return [{'title': entry.get('title'), 'id': entry.get('id'), 'link': entry.get('link'),
             'date': datetime.fromisoformat(entry['published']).timestamp(),
             'content': entry['content'][0]['value'] if entry.get('content') else None}
            for entry in fastfeedparser.parse(feed).entries]


def npm(name):
    """A reader of read.mjs."""
    return lambda feed, kind, url: _program(feed, 'node', Path(os.environ['E2E_NPM']) / 'read.mjs', name, url)


def ruby_rss(feed, kind, url):
    return _program(feed, 'ruby', HERE / 'read.rb')


def xml_feed(feed, kind, url):
    return _program(feed, 'perl', HERE / 'read.pl')


def _program(feed, *command):
    return json.loads(_run(feed, *command))


def _run(feed, *command):
    run = subprocess.run(command, input=feed, capture_output=True, timeout=60)
    if run.returncode:
        raise RuntimeError(run.stderr.decode(errors='replace').strip()[-400:])
    return run.stdout


def sfeed(feed, kind, url):
    return [_sfeed_item(line) for line in _run(feed, 'sfeed', url).decode().splitlines()]


def _sfeed_item(line):
    """A line of sfeed(5)."""
    fields = [re.sub(r'\\(.)', lambda found: {'n': '\n', 't': '\t'}.get(found[1], found[1]), field) for field in line.split('\t')]
    date, title, link, content, _, id = fields[:6]
    return {'title': title, 'id': id, 'link': link, 'date': int(date), 'content': content}


# Name, reader, formats, and what it is known to do of its own accord:
# `markup`: takes titles for HTML, as RSS lets readers do; `twice`: decodes references in the content once too often;
# `encoded-id`: leaves references in ids; `backslashes`: drops them; `updated`: takes the date of the last edit.
READERS = [
    ('feedparser', feedparser, 'rss atom', ''),
    ('atoma', atoma, 'rss atom json', ''),
    ('fastfeedparser', fastfeedparser, 'rss atom json', ''),
    ('npm rss-parser', npm('rss-parser'), 'rss atom', ''),
    ('npm feedparser', npm('feedparser'), 'rss atom', 'markup'),
    ('npm rowanmanning', npm('rowanmanning'), 'rss atom', 'twice'),
    ('npm htmlparser2', npm('htmlparser2'), 'rss atom', 'updated'),
    ('npm feedsmith', npm('feedsmith'), 'rss atom json', ''),
    ('npm extractus', npm('extractus'), 'rss atom json', 'encoded-id updated'),
    ('ruby rss', ruby_rss, 'rss atom', ''),
    ('perl XML::Feed', xml_feed, 'rss atom', ''),
    ('sfeed', sfeed, 'rss atom', 'backslashes'),
]
