"""dropfeed behind nginx, Caddy and HAProxy as contrib/ configures them: what readers get is what dropfeed sends."""
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import corpus
from e2e import Site, check, equal, finish, wait_until, work
from proxies import NAME, PROXIES, NginxStatic

MANUAL = (Path(__file__).parents[3] / 'docs/configuration.md').read_text()
RESTARTS = 20
# What concerns one connection, or the proxy itself.
OWN_FIELDS = {'connection', 'keep-alive', 'date', 'server', 'alt-svc', 'via', 'transfer-encoding', 'strict-transport-security'}
SETTINGS = f'''site.id = "{corpus.SITE_ID}"
feeds.limit = 200
feeds.max_bytes = 4000000
'''


def main():
    sites = {prefix: serve(prefix) for prefix in ('/', '/blog/')}
    for prefix, site in sites.items():
        for kind in PROXIES:
            label = kind.name + prefix.replace('/', '')
            with kind(label, f'127.0.0.1:{site.port}', prefix) as proxy:
                what_is_sent_arrives(label, site, proxy)
                over_http2(label, site, proxy)
                if prefix != '/':
                    the_path_stays(label, proxy)
    site = sites['/']
    for kind in PROXIES[::2]:  # Caddy makes its redirect by itself, with certificates that it obtains.
        with kind(f'{kind.name}-redirect', f'127.0.0.1:{site.port}') as proxy, proxy.connect(tls=False) as connection:
            response = connection.ask('/rss.xml?x=1', host=NAME)
            equal(f'{kind.name}: HTTP to HTTPS', (response.status, response['location']), (301, f'https://{NAME}/rss.xml?x=1'))
    the_files_alone(site)
    over_a_unix_socket()
    for site in sites.values():
        equal('exit status', site.stop(), 0)
    for kind in PROXIES:
        a_restart_is_not_seen(kind)
    starts_on_demand()
    finish('proxies')


def serve(prefix):
    site = Site(work('site' + prefix.replace('/', '-')), SETTINGS, url=f'https://{NAME}{prefix}')
    articles = corpus.make(site.directory / 'articles')
    site.start().wait_for(len(articles), f'{prefix}feed.json')
    return site


def compared(response):
    """A response without what a proxy may change."""
    fields = sorted((name, value) for name, value in response.fields if name not in OWN_FIELDS)
    return response.status, fields, response.body


def what_is_sent_arrives(label, site, proxy):
    base = proxy.prefix
    paths = [base + path for path in ('rss.xml', 'atom.xml', 'feed.json', 'feeds.opml', 'tags/common/atom.xml', '', 'notes/short',
                                      'pixel.png', 'no/such/page', 'notes/short/', 'notes/short.html?x=1')]
    with proxy.connect() as connection:
        for path in paths:
            for coding in ('identity', 'gzip', 'br', 'br;q=0.5, gzip'):
                for method in ('GET', 'HEAD'):
                    asked = dict(host=NAME, accept_encoding=coding)
                    direct, through = site.ask(path, method, **asked), connection.ask(path, method, **asked)
                    equal(f'{label}: {method} {path}, {coding}', compared(through), compared(direct))
                    tag = direct['etag']
                    if tag:
                        again = connection.ask(path, method, **asked, if_none_match=tag)
                        equal(f'{label}: {method} {path}, {coding}, If-None-Match', (again.status, again['etag']), (304, tag))
        for fields in ({'range': 'bytes=3-9'}, {'range': 'bytes=-4'}, {'range': 'bytes=99999999-'}, {'range': 'bytes=0-1,3-4'},
                       {'range': 'bytes=3-9', 'if_range': '"x"'}, {'if_match': '"x"'}, {'if_modified_since': 'Fri, 01 Jan 2100 00:00:00 GMT'}):
            path = f'{base}pixel.png'
            direct, through = site.ask(path, host=NAME, **fields), connection.ask(path, host=NAME, **fields)
            equal(f'{label}: {path}, {fields}', compared(through), compared(direct))
        deltas(label, site, proxy, connection)


def deltas(label, site, proxy, connection):
    """An article is published: a reader that sends `A-IM: feed` gets it alone, through the proxy."""
    paths = [f'{proxy.prefix}{name}' for name in ('rss.xml', 'atom.xml', 'feed.json')]
    before = {path: connection.ask(path)['etag'] for path in paths}
    name = site.directory / f'articles/notes/{label.replace(" ", "-")}.md'
    temporary = name.with_name('.new.tmp')
    temporary.write_text(f'# Behind {label}\n\nNews.\n')
    temporary.rename(name)
    wait_until('the article is published', lambda: site.ask(paths[-1])['etag'] != before[paths[-1]])
    # The second change within a second has the date of the next one, which is not sent until then.
    wait_until('its date has come', lambda: all(site.ask(path)['last-modified'] for path in paths))
    for path in paths:
        for coding in ('identity', 'gzip', 'br'):
            asked = dict(host=NAME, a_im='feed', if_none_match=before[path], accept_encoding=coding)
            direct, through = site.ask(path, **asked), connection.ask(path, **asked)
            equal(f'{label}: {path}, {coding}: a delta', (through.status, through['im']), (226, 'feed'))
            equal(f'{label}: {path}, {coding}: a delta', compared(through), compared(direct))


def over_http2(label, site, proxy):
    path = f'{proxy.prefix}atom.xml'
    direct = site.ask(path, host=NAME)
    for fields, status, body in (((), 200, direct.body), ((f'If-None-Match: {direct["etag"]}',), 304, b'')):
        out = proxy.directory / 'h2'
        out.write_bytes(b'')
        command = ['curl', '-sk', '--http2', '--connect-to', f'{NAME}:443:127.0.0.1:{proxy.port}', '-o', out, '-w',
                   '%{http_version} %{http_code} %header{etag}', f'https://{NAME}{path}']
        for field in fields:
            command += ['-H', field]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
        equal(f'{label}: HTTP/2, {fields}', printed, f'2 {status} {direct["etag"]}')
        equal(f'{label}: HTTP/2, {fields}: body', out.read_bytes(), body)


def the_path_stays(label, proxy):
    home = proxy.ask('/blog/')
    check(f'{label}: links have the path', b'https://example.org/blog/' in home.body)
    bare = proxy.ask('/blog')
    check(f'{label}: /blog leads to the home page', bare.status == 301 and bare['location'].endswith('/blog/'), bare)
    outside = proxy.ask('/rss.xml')
    check(f'{label}: what is outside is not ours', b'<rss' not in outside.body, outside)


def over_a_unix_socket():
    """Each proxy over a Unix socket, and over TCP: dropfeed learns which address the reader has, if there is a log of it."""
    directory = work('unix')
    sock, log = directory / 'http.sock', directory / 'access.log'
    settings = f'{SETTINGS}\nserver.trusted_proxies = ["127.0.0.1", "unix"]\n'
    has_log = 'access_log.path' in MANUAL
    if has_log:
        settings += f'access_log.format = "combined"\naccess_log.path = "{log}"\naccess_log.anonymize = false\n'
    with Site(directory, settings, url=f'https://{NAME}/', listen=[f'unix:{sock}']) as site:
        for n, kind in enumerate(PROXIES):
            for way, upstream in (('unix', kind.unix(sock)), ('tcp', f'127.0.0.1:{site.port}')):
                # An address of its own, which is not that of the proxy.
                reader = f'127.0.{n + 1}.{len(way)}'
                with kind(f'{kind.name}-{way}', upstream) as proxy, proxy.connect(source=reader) as connection:
                    path = f'/rss.xml?{kind.name}-{way}'
                    # What a reader says itself is not believed.
                    through = connection.ask(path, x_forwarded_for='192.0.2.1', host=NAME)
                    equal(f'{kind.name}, {way}', compared(through), compared(site.ask('/rss.xml', host=NAME)))
                    if has_log:
                        equal(f'{kind.name}, {way}: the reader', logged_address(log, path), reader)


def logged_address(log, path):
    """The first word of the line about `path`."""
    def lines():
        return [line for line in log.read_text().splitlines() if path in line]
    return wait_until(f'{path} is logged', lines)[0].split()[0]


def the_files_alone(site):
    """nginx-static.conf: the same bytes and media types, without dropfeed."""
    feeds = site.directory / 'feeds'
    wait_until('the files are written', lambda: (feeds / 'atom.xml').read_bytes() == site.ask('/atom.xml').body)
    with NginxStatic('nginx-static', feeds) as proxy:
        for path in ('/rss.xml', '/atom.xml', '/feed.json', '/feeds.opml', '/tags/common/rss.xml', '/notes/feed.json'):
            direct, through = site.ask(path), proxy.ask(path)
            for field in ('content-type', 'cache-control', 'access-control-allow-origin', 'x-content-type-options'):
                equal(f'static: {path}: {field}', through[field], direct[field])
            equal(f'static: {path}', (through.status, through.body), (200, direct.body))
            equal(f'static: {path}, If-None-Match', proxy.ask(path, if_none_match=through['etag']).status, 304)
            equal(f'static: {path}, gzip', proxy.ask(path, accept_encoding='gzip')['content-encoding'], 'gzip')
        for path in ('/', '/tags/', '/no/atom.xml', '/.lock', '/../config.toml'):
            check(f'static: {path}', proxy.ask(path).status in (400, 403, 404), proxy.ask(path).status)


def a_restart_is_not_seen(kind):
    """With a socket that stays open, readers behind the proxy notice nothing of restarts: no error, nothing truncated."""
    listener = socket.create_server(('127.0.0.1', 0), backlog=512)
    site = Site(work(f'restart-{kind.name}'), SETTINGS, url=f'https://{NAME}/', listener=listener)
    articles = corpus.make(site.directory / 'articles')
    (site.directory / 'articles/large.zip').write_bytes(bytes(range(256)) * 4096)
    with listener, site, kind(f'{kind.name}-restart', f'127.0.0.1:{site.port}') as proxy:
        site.wait_for(len(articles))
        expected = {path: site.ask(path, host=NAME).body for path in ('/rss.xml', '/notes/short', '/large.zip', '/pixel.png')}
        readers = [Reader(kind.name, proxy, expected, stays=n % 2) for n in range(4)]
        for _ in range(RESTARTS):
            seen = [reader.count for reader in readers]
            wait_until('each reader has read', lambda: all(reader.count > n for reader, n in zip(readers, seen)))
            site.restart()
        for reader in readers:
            reader.stop()
    print(f'{kind.name}: {sum(reader.count for reader in readers)} answers over {RESTARTS} restarts', flush=True)


class Reader(threading.Thread):
    """Reads one document after the other; `stays` on one connection, or has a new one for each."""

    def __init__(self, name, proxy, expected, stays):
        super().__init__(daemon=True)
        self.who, self.proxy, self.expected, self.stays = name, proxy, expected, stays
        self.count, self.is_stopped, self.connection = 0, False, None
        self.start()

    def run(self):
        while not self.is_stopped:
            for path, body in self.expected.items():
                self.read(path, body)
                self.count += 1

    def read(self, path, body):
        try:
            self.connection = self.connection or self.proxy.connect()
            response = self.connection.ask(path)
            check(f'{self.who}, over restarts: {path}', (response.status, response.body) == (200, body), response)
        except (OSError, ValueError) as error:
            check(f'{self.who}, over restarts: {path}', False, repr(error))
            self.close()
        if not self.stays:
            self.close()

    def close(self):
        if self.connection:
            self.connection.__exit__()
            self.connection = None

    def stop(self):
        self.is_stopped = True
        self.join()
        self.close()


def starts_on_demand():
    """systemd-socket-activate starts it at the first request, which is answered."""
    site = Site(work('on-demand'), SETTINGS)
    corpus.make(site.directory / 'articles')
    with open(site.directory / 'log', 'wb') as log:
        command = ['systemd-socket-activate', '-l', f'127.0.0.1:{site.port}', os.environ['DROPFEED'], 'serve', '--config',
                   str(site.directory / 'config.toml')]
        site.process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until('the socket is open', lambda: can_connect(site.port))
        wait_until('the request that started it is answered', lambda: site.ask('/-/ready').status == 200)
        equal('exit status', site.stop(), 0)
    finally:
        site.__exit__()


def can_connect(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
        return True
    except OSError:
        return False


if __name__ == '__main__':
    main()
