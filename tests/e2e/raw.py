"""HTTP as it is on the wire, over raw sockets: validators, deltas, encodings, ranges, pipelines; slow, greedy and broken
clients; and a stop that truncates nothing.
"""
import gzip
import json
import socket
import struct
import subprocess
import threading
import time
import xml.etree.ElementTree as xml

import corpus
from e2e import Site, check, equal, finish, wait_until, work

FEEDS = ('/rss.xml', '/atom.xml', '/feed.json', '/tags/common/rss.xml', '/notes/atom.xml')
BIG_BYTES = 24 << 20
# Short, so that slow clients are cut within the suite's time.
SETTINGS = f'''site.id = "{corpus.SITE_ID}"
feeds.limit = 200
feeds.max_bytes = 4000000
server.header_timeout_s = 2
server.write_timeout_s = 3
server.stop_timeout_s = 20
'''


def main():
    site = Site(work('raw'), SETTINGS)
    articles = corpus.make(site.directory / 'articles')
    (site.directory / 'articles/big.zip').write_bytes(b'0123456789abcdef' * (BIG_BYTES // 16))
    with site:
        site.wait_for(len(articles))
        for part in (curl, validators, head_equals_get, encodings, ranges, deltas, on_the_wire, broken_requests, slow_heads,
                     a_reader_without_haste, a_reader_that_stops, many_at_once, absent):
            start = time.monotonic()
            part(site)
            print(f'{part.__name__}: {time.monotonic() - start:.1f} s', flush=True)
        a_stop_truncates_nothing(site)
    finish('raw')


def curl(site):
    """The options of curl that scripts use."""
    directory = site.directory / 'curl'
    directory.mkdir()
    feed, picture = f'{site.url}/atom.xml', f'{site.url}/pixel.png'

    def run(*arguments, out='out'):
        """Status and version of HTTP; what came is in the file `out`."""
        (directory / 'out').write_bytes(b'')
        command = ['curl', '-s', '-o', out, '-w', '%{http_code} %{http_version}', *arguments]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=30).stdout

    def came():
        return (directory / 'out').read_bytes()

    whole, whole_picture = site.ask('/atom.xml').body, site.ask('/pixel.png').body
    equal('curl', (run(feed), came()), ('200 1.1', whole))
    equal('curl --compressed', (run('--compressed', feed), came()), ('200 1.1', whole))
    equal('curl --http1.0', (run('--http1.0', feed)[:5], came()), ('200 1', whole))
    # It asks for an upgrade, and has to take HTTP/1.1.
    equal('curl --http2', (run('--http2', feed), came()), ('200 1.1', whole))
    equal('curl --etag-save', run('--etag-save', 'tag', feed), '200 1.1')
    equal('curl --etag-compare', (run('--etag-compare', 'tag', feed), came()), ('304 1.1', b''))
    equal('curl -z', (run('-z', time.strftime('%d %b %Y %H:%M:%S GMT', time.gmtime(time.time())), feed), came()), ('304 1.1', b''))
    equal('curl -r', (run('-r', '5-9', picture), came()), ('206 1.1', whole_picture[5:10]))
    equal('curl -I', run('-I', feed), '200 1.1')
    equal('curl -L', (run('-L', f'{site.url}/notes/short/'), came()), ('200 1.1', site.ask('/notes/short').body))
    # -C continues a download that broke off.
    (directory / 'part').write_bytes(whole_picture[:100])
    equal('curl -C', run('-C', '-', picture, out='part'), '206 1.1')
    equal('curl -C', (directory / 'part').read_bytes(), whole_picture)


def validators(site):
    for path in FEEDS + ('/', '/notes/short', '/pixel.png', '/feeds.opml'):
        whole = site.ask(path)
        equal(f'{path}', whole.status, 200)
        tag = whole['etag']
        check(f'{path}: a strong ETag', tag and tag.startswith('"'), tag)
        for given, status in ((tag, 304), (f'W/{tag}', 304), (f'"x", {tag}', 304), ('*', 304), ('"x"', 200), (tag[:-1], 200)):
            again = site.ask(path, if_none_match=given)
            equal(f'{path}, If-None-Match: {given}', again.status, status)
            equal(f'{path}, If-None-Match: {given}: ETag', again['etag'], tag)
            equal(f'{path}, If-None-Match: {given}: Vary', again['vary'], whole['vary'])
            equal(f'{path}, If-None-Match: {given}: Cache-Control', again['cache-control'], whole['cache-control'])
        equal(f'{path}, If-Match of another', site.ask(path, if_match='"x"').status, 412)
        if whole['last-modified']:
            equal(f'{path}, If-Modified-Since', site.ask(path, if_modified_since=whole['last-modified']).status, 304)
            old = site.ask(path, if_none_match='"x"', if_modified_since=whole['last-modified'])
            equal(f'{path}, If-None-Match wins', old.status, 200)


def head_equals_get(site):
    for path in FEEDS + ('/', '/notes/short', '/pixel.png', '/no/such/page', '/-/ready', '/notes/short/'):
        for coding in ('identity', 'gzip', 'br'):
            get = site.ask(path, accept_encoding=coding)
            head = site.ask(path, 'HEAD', accept_encoding=coding)
            equal(f'HEAD {path}, {coding}', (head.status, without_date(head)), (get.status, without_date(get)))
            equal(f'{path}, {coding}: Content-Length', get['content-length'], str(len(get.body)))


def without_date(response):
    return [field for field in response.fields if field[0] != 'date']


def encodings(site):
    for path in FEEDS + ('/notes/short',):
        plain = site.ask(path)
        tags = {plain['etag']}
        for asked, coding in (('gzip', 'gzip'), ('br', 'br'), ('gzip, br', 'br'), ('gzip;q=1, br;q=0.1', 'gzip'), ('*;q=0', None),
                              ('br;q=0, *', 'gzip'), ('deflate, zstd', None), ('GZIP', 'gzip'), ('gzip;q=2', None), (',;q=,', None)):
            response = site.ask(path, accept_encoding=asked)
            equal(f'{path}, Accept-Encoding: {asked}', response['content-encoding'], coding)
            check(f'{path}: Vary', 'accept-encoding' in response['vary'].lower(), response['vary'])
            tags.add(response['etag'])
            if coding == 'gzip':
                check(f'{path}: gzip is the same document', gzip.decompress(response.body) == plain.body)
            other = site.ask(path, accept_encoding=asked, if_none_match=plain['etag'])
            equal(f'{path}: the tag of another coding validates', other.status, 304)
        equal(f'{path}: ETags, one for each coding', len(tags), 3)


def ranges(site):
    whole = site.ask('/pixel.png')
    size = len(whole.body)
    for asked, status, first, last in (('bytes=0-0', 206, 0, 0), ('bytes=5-9', 206, 5, 9), ('bytes=-7', 206, size - 7, size - 1),
                                       (f'bytes={size - 1}-{size * 9}', 206, size - 1, size - 1), (f'bytes={size}-', 416, 0, 0),
                                       ('bytes=9-5', 200, 0, size - 1), ('bytes=0-1,4-5', 200, 0, size - 1), ('cats=1-2', 200, 0, size - 1)):
        response = site.ask('/pixel.png', range=asked)
        equal(f'Range: {asked}', response.status, status)
        if status == 416:
            equal(f'Range: {asked}: Content-Range', response['content-range'], f'bytes */{size}')
            continue
        equal(f'Range: {asked}: body', response.body, whole.body[first:last + 1])
        if status == 206:
            equal(f'Range: {asked}: Content-Range', response['content-range'], f'bytes {first}-{last}/{size}')
    for condition, status in ((whole['etag'], 206), ('"x"', 200), (f'W/{whole["etag"]}', 200)):
        equal(f'If-Range: {condition}', site.ask('/pixel.png', range='bytes=0-3', if_range=condition).status, status)
    equal('a feed has no ranges', site.ask('/rss.xml', range='bytes=0-3').status, 200)
    start, count = BIG_BYTES // 2 + 3, 1 << 20
    part = site.ask('/big.zip', range=f'bytes={start}-{start + count - 1}')
    equal('a part of a large file', (part.status, part.body), (206, (b'0123456789abcdef' * (count // 16 + 1))[3:count + 3]))


def ids(path, body):
    """The ids of a feed's entries, in its order."""
    if path.endswith('.json'):
        return [item['id'] for item in json.loads(body)['items']]
    root = xml.fromstring(body)
    atom = '{http://www.w3.org/2005/Atom}'
    return [entry.findtext(f'{atom}id') for entry in root.iter(f'{atom}entry')] or [item.findtext('guid') for item in root.iter('item')]


def deltas(site):
    before = {path: site.ask(path) for path in FEEDS}
    article = site.directory / 'articles/notes/brand-new.md'
    (article.parent / '.new.tmp').write_text('---\ntitle: Brand new\ntags: [common]\n---\n\nNews </item> </entry> ]]> of today.\n')
    (article.parent / '.new.tmp').rename(article)
    wait_until('the new article is in every feed', lambda: all(site.ask(path)['etag'] != before[path]['etag'] for path in FEEDS))
    for path in FEEDS:
        now = site.ask(path)
        new = [id for id in ids(path, now.body) if id not in ids(path, before[path].body)]
        equal(f'{path}: new entries', len(new), 1)
        for coding in ('identity', 'gzip'):
            known = site.ask(path, accept_encoding=coding, a_im='feed', if_none_match=f'"x", W/{before[path]["etag"]}')
            equal(f'{path}, {coding}: A-IM', (known.status, known['im']), (226, 'feed'))
            body = gzip.decompress(known.body) if known['content-encoding'] == 'gzip' else known.body
            equal(f'{path}, {coding}: entries of the delta', ids(path, body), new)
            equal(f'{path}, {coding}: ETag of the delta', known['etag'], site.ask(path, accept_encoding=coding)['etag'])
            check(f'{path}: no cache keeps a delta', 'no-store' in known['cache-control'], known['cache-control'])
        for fields, status in (({'a_im': 'feed;q=0'}, 200), ({'a_im': 'vcdiff'}, 200), ({}, 200), ({'a_im': 'vcdiff, FEED'}, 226)):
            equal(f'{path}, {fields}', site.ask(path, if_none_match=before[path]['etag'], **fields).status, status)
        equal(f'{path}: the current version', site.ask(path, a_im='feed', if_none_match=now['etag']).status, 304)
        equal(f'{path}: an unknown version', site.ask(path, a_im='feed', if_none_match='"0"').status, 200)


def on_the_wire(site):
    bodies = {path: site.ask(path).body for path in FEEDS}
    with site.connect() as connection:
        connection.send(''.join(f'GET {path} HTTP/1.1\r\nhost: h\r\n\r\n' for path in FEEDS * 8))
        for path in FEEDS * 8:
            check(f'pipelined: {path}', connection.read().body == bodies[path])
        # One byte in each packet.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b'GET /rss.xml HTTP/1.1\r\nHost: h\r\n\r\n':
            connection.send(bytes([byte]))
        check('a request in many packets', connection.read().body == bodies['/rss.xml'])
        # A body on a GET is no request.
        connection.send('GET /rss.xml HTTP/1.1\r\nhost: h\r\ncontent-length: 23\r\n\r\nGET /no HTTP/1.1\r\n\r\n...')
        equal('a GET with a body', connection.read().status, 200)
    with site.connect() as connection:
        connection.send('GET /rss.xml HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc')
        equal('Expect', connection.read().status, 200)
    with site.connect() as connection:
        connection.send('GET http://other.example/rss.xml HTTP/1.1\r\nhost: other.example\r\n\r\n')
        equal('an absolute target', connection.read().body, bodies['/rss.xml'])
    with site.connect() as connection:
        connection.send('GET /rss.xml HTTP/1.0\r\n\r\n')
        equal('HTTP/1.0', connection.read().body, bodies['/rss.xml'])
        check('HTTP/1.0 ends the connection', connection.is_closed())
    with site.connect() as connection:
        connection.send('GET /rss.xml HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n')
        # The client has nothing more to say, and wants its answer all the same.
        connection.sock.shutdown(socket.SHUT_WR)
        equal('a half-closed connection', connection.read().body, bodies['/rss.xml'])


def broken_requests(site):
    many = ''.join(f'x-{n}: 1\r\n' for n in range(10_000))
    for what, request, statuses in (
            ('10,000 fields', f'GET / HTTP/1.1\r\nhost: h\r\n{many}\r\n', (431,)),
            ('a giant field', f'GET / HTTP/1.1\r\nhost: h\r\nx: {"x" * 200_000}\r\n\r\n', (431,)),
            ('a giant URL', f'GET /{"x" * 12_000} HTTP/1.1\r\nhost: h\r\n\r\n', (414,)),
            ('a URL larger than any head', f'GET /{"x" * 1_000_000} HTTP/1.1\r\nhost: h\r\n\r\n', (414, 431)),
            ('length and chunks', 'GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', (400,)),
            ('two lengths', 'GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n', (400,)),
            ('a negative length', 'GET / HTTP/1.1\r\nhost: h\r\ncontent-length: -5\r\n\r\n', (400,)),
            ('a folded line', 'GET / HTTP/1.1\r\nhost: h\r\nx: 1\r\n folded\r\n\r\n', (400,)),
            ('NUL', 'GET / HTTP/1.1\r\nhost: h\r\nx: \0\r\n\r\n', (400,)),
            ('no Host', 'GET / HTTP/1.1\r\n\r\n', (400,)),
            ('two Hosts', 'GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', (400,)),
            ('TLS', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 500, (400,)),
            ('binary', bytes(range(256)) * 8, (400,)),
            ('a new line in the middle', 'GET /rss.xml\nHTTP/1.1\r\n\r\n', (400,))):
        with site.connect() as connection:
            try:
                connection.send(request)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The answer came before the end of the request.
            try:
                response = connection.read()
                check(what, response.status in statuses, response.status)
                check(f'{what}: the connection ends', connection.is_closed())
            except ConnectionError as error:
                # A connection that is closed while the client still sends may lose the answer.
                check(what, isinstance(error, ConnectionResetError) and len(request) > 16_384, error)
    for what, request in (('bare line feeds', 'GET /rss.xml HTTP/1.1\nhost: h\n\n'),
                          ('an empty line before', '\r\nGET /rss.xml HTTP/1.1\r\nhost: h\r\n\r\n')):
        with site.connect() as connection:
            connection.send(request)
            equal(what, connection.read().status, 200)
    with site.connect() as connection:
        connection.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        check('HTTP/2 without TLS is refused', connection.is_closed())
    equal('it still answers', site.ask('/rss.xml').status, 200)


def slow_heads(site):
    """A hundred clients that never finish their request are cut, and nobody else waits for them."""
    clients = [site.connect() for _ in range(100)]
    for client in clients:
        client.send('GET /rss.xml HTTP/1.1\r\nhost: h\r\nx: ')
    start = time.monotonic()
    equal('a reader beside slow ones', site.ask('/rss.xml').status, 200)
    check('a reader does not wait for slow ones', time.monotonic() - start < 1.5, time.monotonic() - start)

    def drip():
        """Sends a byte on each; it does not help, since the whole head has its time. True once all are cut."""
        for client in clients:
            try:
                client.send('x')
            except OSError:
                pass
        time.sleep(0.1)
        return connections(site) == 0

    wait_until('slow heads are cut', drip, 10)
    check('slow heads have their time', time.monotonic() - start > 1.5, time.monotonic() - start)
    for client in clients:
        client.sock.close()


def a_reader_without_haste(site):
    """Reads slowly, but reads: gets everything, though it takes longer than any time-out."""
    with site.connect() as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.send('GET /big.zip HTTP/1.1\r\nhost: h\r\n\r\n')
        start, count, data = time.monotonic(), 0, b'-'
        while time.monotonic() - start < 5 and data:
            data = connection.sock.recv(20_000)
            count += len(data)
            time.sleep(0.02)
        check('a slow reader is not cut', data and count > 1_000_000, count)


def a_reader_that_stops(site):
    """Asks for much and takes nothing: it is cut, and its memory is given back."""
    before = memory(site)
    clients = [site.connect() for _ in range(40)]
    for client in clients:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        client.send('GET /big.zip HTTP/1.1\r\nhost: h\r\n\r\n' * 4)
    wait_until('readers that take nothing are cut', lambda: connections(site) == 0, 20)
    check('they cost little memory', memory(site) - before < 64 << 20, memory(site) - before)
    for client in clients:
        client.sock.close()


def memory(site):
    with open(f'/proc/{site.process.pid}/statm') as statm:
        return int(statm.read().split()[1]) * 4096


def connections(site):
    """Established connections of the server, as the kernel counts them."""
    port = f':{site.port:04X}'
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in table]
    return sum(1 for row in rows[1:] if row[1].endswith(port) and row[3] == '01')


def many_at_once(site):
    """Greedy clients: 200 connections, and clients that leave in the middle of an answer."""
    expected = site.ask('/rss.xml').body
    clients = [site.connect() for _ in range(200)]
    for client in clients:
        client.send('GET /rss.xml HTTP/1.1\r\nhost: h\r\n\r\n' * 3)
    for client in clients[::2]:
        # A reset instead of an end.
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.sock.close()
        client.file.close()
    for client in clients[1::2]:
        with client:
            for _ in range(3):
                check('an answer among many', client.read().body == expected)


def absent(site):
    for path, status in (('/no/such/page', 404), ('/notes/draft', 404), ('/../etc/passwd', 404), ('/%2e%2e/%2e%2e/etc/passwd', 404),
                         ('/.hidden.md', 404), ('/notes/short.txt', 404), ('/notes/short/', 301), ('/notes/short.html', 301),
                         ('/%ff', 404), ('/%', 404), ('//', 404)):
        equal(path, site.ask(path).status, status)
    for method, status in (('POST', 405), ('DELETE', 405), ('TRACE', 405), ('PROPFIND', 501), ('OPTIONS', 204)):
        equal(f'{method} /', site.ask('/', method).status, status)


def a_stop_truncates_nothing(site):
    """Answers that are being read when dropfeed is stopped arrive whole, and idle connections are closed at once."""
    idle = site.connect()
    equal('before the stop', idle.ask('/rss.xml').status, 200)
    results = []

    def read_slowly(connection):
        try:
            results.append(len(connection.read().body))
        except (OSError, ValueError) as error:
            results.append(repr(error))

    readers = [site.connect() for _ in range(4)]
    for reader in readers:
        reader.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        reader.send('GET /big.zip HTTP/1.1\r\nhost: h\r\n\r\n')
        reader.file.peek(1)  # The answer has begun.
    site.process.terminate()
    check('an idle connection is closed by a stop', idle.is_closed())
    threads = [threading.Thread(target=read_slowly, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal('answers read during a stop', results, [BIG_BYTES] * len(readers))
    equal('exit status', site.process.wait(20), 0)


if __name__ == '__main__':
    main()
