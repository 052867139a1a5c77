"""The static program in an empty root: it serves articles there, and resolves names by /etc/hosts and DNS.

    static.py PROGRAM

Runs as root in a network namespace of its own: it is the name server of it. glibc's resolver is linked in; modules that
an nsswitch.conf names, such as those of systemd, cannot be loaded, and must not be missed.
"""
import http.server
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

PATIENCE_S = 120
USER = 65532

NSSWITCH = {
    'no nsswitch.conf': None,
    "Debian's": 'hosts: files dns\n',
    'with modules': 'hosts: files mdns4_minimal [NOTFOUND=return] mymachines resolve [!UNAVAIL=return] dns myhostname\n',
}

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Old</title><link>http://feeds.test/</link>
<description>d</description><item><guid isPermaLink="false">old-1</guid><link>http://feeds.test/one</link><title>One</title>
<pubDate>Tue, 01 Jan 2019 00:00:00 GMT</pubDate></item></channel></rss>"""


def answer(query):
    """The answer of a name server that knows one name: the question again, and for type A one record (RFC 1035, 4)."""
    end = query.index(b'\0', 12) + 5
    question = query[12:end]
    known = question.startswith(b'\5feeds\4test\0')
    is_a = question[-4:-2] == b'\0\1'
    count = 1 if known and is_a else 0
    head = query[:2] + (b'\x81\x80' if known else b'\x81\x83') + b'\0\1' + bytes([0, count]) + b'\0\0\0\0'
    record = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton('127.0.0.1')
    return head + question + record * count


def serve_names():
    """Answers queries on port 53 for ever."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 53))

    def loop():
        while True:
            query, peer = sock.recvfrom(512)
            sock.sendto(answer(query), peer)

    threading.Thread(target=loop, daemon=True).start()


class OldSite(http.server.BaseHTTPRequestHandler):
    """A site with one feed. Keeps the Host of every request."""

    hosts = []

    def do_GET(self):
        self.hosts.append(self.headers['Host'])
        self.send_response(200)
        self.send_header('Content-Type', 'application/rss+xml')
        self.send_header('Content-Length', str(len(FEED)))
        self.end_headers()
        self.wfile.write(FEED)

    def log_message(self, *_):
        pass


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            sys.exit(f'not within {PATIENCE_S} s: {what}')
        time.sleep(0.1)  # Only spaces the questions.


def page(path):
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:8080{path}', timeout=10) as response:
            return response.read().decode()
    except OSError:
        return ''


def in_root(root, *arguments):
    """The program in the root, as a user without any right; chroot(1) changes it, so that the root needs no program."""
    return ['chroot', f'--userspec={USER}:{USER}', '--groups=', str(root), '/dropfeed', *arguments]


def main(program):
    root = Path(tempfile.mkdtemp(prefix='dropfeed-static-'))
    root.chmod(0o755)
    try:
        shutil.copy(program, root / 'dropfeed')
        for name in ('articles', 'etc', 'data'):
            (root / name).mkdir()
        shutil.chown(root / 'data', USER, USER)
        (root / 'articles/one.md').write_text('# One\n\nThe first text.\n')
        (root / 'config.toml').write_text(
            'site.url = "http://feeds.test/"\nstate.dir = "/data/state"\nfeeds.dir = "/data/feeds"\n')
        (root / 'etc/resolv.conf').write_text('nameserver 127.0.0.1\n')
        (root / 'etc/hosts').write_text('127.0.0.1 localhost other.test\n')
        check_names(root)
        check_service(root)
    finally:
        shutil.rmtree(root)
    print('static: all well')


def check_names(root):
    serve_names()
    old = http.server.ThreadingHTTPServer(('127.0.0.1', 8000), OldSite)
    threading.Thread(target=old.serve_forever, daemon=True).start()
    for what, text in NSSWITCH.items():
        if text:
            (root / 'etc/nsswitch.conf').write_text(text)
        for host in ('feeds.test', 'other.test'):
            done = subprocess.run(in_root(root, 'import', '--dry-run', f'http://{host}:8000/rss.xml'),
                                  capture_output=True, text=True, timeout=PATIENCE_S)
            if f'{host}:8000' not in OldSite.hosts or done.returncode == 2:
                sys.exit(f'{host}, {what}: {done.returncode} {done.stdout} {done.stderr}')
            OldSite.hosts.clear()
    done = subprocess.run(in_root(root, 'import', '--dry-run', 'http://unknown.test:8000/rss.xml'),
                          capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode != 2 or 'cannot connect to unknown.test' not in done.stderr:
        sys.exit(f'unknown.test: {done.returncode} {done.stdout} {done.stderr}')


def check_service(root):
    log = open(root / 'log', 'w+')
    service = subprocess.Popen(in_root(root, 'serve'), stdout=log, stderr=log)
    try:
        until(f'it serves the article: {(root / "log").read_text()}', lambda: 'The first text' in page('/rss.xml'))
        (root / 'articles/two.md').write_text('# Two\n\nThe second text.\n')
        until('a new article', lambda: 'The second text' in page('/rss.xml'))
        backup = subprocess.run(in_root(root, 'state', 'backup', '/data'), capture_output=True, text=True)
        if backup.returncode != 0:
            sys.exit(f'state backup: {backup.stderr}')
    finally:
        service.terminate()
        status = service.wait(timeout=PATIENCE_S)
    if status != 0:
        sys.exit(f'exit status {status}')


main(sys.argv[1])
