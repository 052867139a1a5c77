"""Readers that remember what they have seen, in a home directory: each gives the titles of what is new to it."""
import email
import email.policy
import os
import sqlite3
import subprocess


def subscriptions(opml):
    """The URLs of feeds that a list names, as listparser reads it."""
    import listparser
    return {feed.url for feed in listparser.parse(opml.decode()).feeds}


def reader(home, url):
    """reader, a library with a database."""
    from reader import make_reader
    with make_reader(str(home / 'db.sqlite')) as library:
        library.add_feed(url, exist_ok=True)
        library.update_feed(url)
        new = [entry.title for entry in library.get_entries(read=False)]
        for entry in library.get_entries(read=False):
            library.mark_entry_as_read(entry)
        return new


def newsboat(home, url):
    (home / 'urls').write_text(url + '\n')
    (home / 'config').write_text('max-items 0\n')
    options = ['-C', home / 'config', '-u', home / 'urls', '-c', home / 'cache.db']
    _run(home, 'newsboat', *options, '-x', 'reload')
    with sqlite3.connect(home / 'cache.db') as cache:
        new = [title for (title,) in cache.execute('select title from rss_item where unread = 1')]
        cache.execute('update rss_item set unread = 0')
        return new


def sfeed_update(home, url):
    """sfeed_update merges what it fetches into a file; fields 6 and 2 of a line are id and title (sfeed(5))."""
    (home / 'sfeedrc').write_text(f'sfeedpath="{home}/feeds"\nfeeds() {{\n\tfeed site "{url}"\n}}\n')
    merged = home / 'feeds/site'
    before = _sfeed_lines(merged)
    _run(home, 'sfeed_update', home / 'sfeedrc')
    # An edit replaces the line of its article; only an id that was not there is a new article.
    return [title for id, title in _sfeed_lines(merged).items() if id not in before]


def _sfeed_lines(path):
    if not path.exists():
        return {}
    fields = [line.split('\t') for line in path.read_text().splitlines()]
    return {field[5]: field[1] for field in fields}


def rss2email(home, url):
    mail = home / 'mail'
    # It is a program of the system's Python, not of this environment's.
    command = ['/usr/bin/python3', '/usr/bin/r2e', '-c', home / 'r2e.cfg', '-d', home / 'r2e.json']
    if not mail.exists():
        for name in ('new', 'cur', 'tmp'):
            (mail / name).mkdir(parents=True)
        (home / 'r2e.cfg').write_text(f'[DEFAULT]\nfrom = a@localhost\nemail-protocol = maildir\nmaildir-path = {mail}\n'
                                      'maildir-mailbox = .\nuser-agent = rss2email\n')
        _run(home, *command, 'add', 'site', url, 'b@localhost')
    seen = set(mail.rglob('*'))
    _run(home, *command, 'run')
    return [_subject(path) for path in set(mail.rglob('*')) - seen if path.is_file()]


def _subject(path):
    return str(email.message_from_bytes(path.read_bytes(), policy=email.policy.default)['subject'])


def _run(home, *command):
    environment = {**os.environ, 'HOME': str(home), 'LC_ALL': 'C.UTF-8'}
    for name in ('XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'VIRTUAL_ENV', 'PYTHONPATH'):
        environment.pop(name, None)
    run = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if run.returncode:
        raise RuntimeError(f'{command[0]}: {run.stderr.decode(errors="replace")[-400:]}')


# Name, reader, and the feed that it follows.
STATEFUL = [
    ('reader', reader, '/atom.xml'),
    ('newsboat', newsboat, '/rss.xml'),
    ('sfeed_update', sfeed_update, '/rss.xml'),
    ('rss2email', rss2email, '/atom.xml'),
]
