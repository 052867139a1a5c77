"""WebSub (https://www.w3.org/TR/websub/) against the own hub: the cases of websub.rocks for publishers and hubs, each MUST of
sections 4 to 7, and requests that no hub may take. Nothing here comes from the program: it has its own subscriber, its own
signatures and its own reading of feeds.
"""
import glob
import gzip
import hashlib
import hmac
import http.server
import json
import os
import re
import socket
import sqlite3
import subprocess
import threading
import urllib.parse
import xml.etree.ElementTree as xml

import corpus
from e2e import Connection, Site, check, equal, finish, free_port, wait_until, work

FEEDS = ('/rss.xml', '/atom.xml', '/feed.json', '/tags/common/rss.xml', '/tags/common/atom.xml', '/notes/feed.json')
ATOM = '{http://www.w3.org/2005/Atom}link'
FORM = 'application/x-www-form-urlencoded'
HOURS, DAYS = 3600, 24 * 3600


class Subscriber(http.server.ThreadingHTTPServer):
    """Callbacks on one port. What came is kept by path; `rules` says how a path answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Callback)
        self.port = self.server_address[1]
        self.came, self.rules, self.changed = {}, {}, threading.Condition()
        # A connection that the hub leaves is no fault of the subscriber.
        self.handle_error = lambda *_: None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, rest):
        return f'http://127.0.0.1:{self.port}/{rest}'

    def keep(self, request):
        with self.changed:
            self.came.setdefault(request.name, []).append(request)
            self.changed.notify_all()

    def of(self, name, method):
        with self.changed:
            return [request for request in self.came.get(name, ()) if request.method == method]

    def wait(self, name, method, count):
        """Waits for the request of this number, and returns it."""
        wait_until(f'{method} {count} to {name}', lambda: len(self.of(name, method)) >= count)
        equal(f'{method} requests to {name}', len(self.of(name, method)), count)
        return self.of(name, method)[count - 1]


class Request:
    """What a callback got."""

    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.body = method, headers, body
        self.name, _, self.query = target[1:].partition('?')
        self.pairs = urllib.parse.parse_qsl(self.query, keep_blank_values=True)
        self.fields = dict(self.pairs)


class Callback(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        request = Request(self.command, self.path, self.headers, body)
        rule = self.server.rules.get((request.name, self.command))
        self.server.keep(request)
        if rule:
            rule(self, request)
        else:
            self.answer(200, request.fields.get('hub.challenge', ''))

    do_GET = do_POST = handle_request

    def answer(self, status, text='', **fields):
        data = text.encode()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def status(code):
    """A rule: this status, with the challenge."""
    return lambda callback, request: callback.answer(code, request.fields.get('hub.challenge', ''), Location='/elsewhere')


def text(answer):
    """A rule: 200 with what `answer` makes of the challenge."""
    return lambda callback, request: callback.answer(200, answer(request.fields.get('hub.challenge', '')))


def chunked(callback, request):
    """A rule: the challenge in chunks of one byte."""
    callback.send_response(200)
    callback.send_header('Transfer-Encoding', 'chunked')
    callback.end_headers()
    for byte in request.fields['hub.challenge']:
        callback.wfile.write(f'1\r\n{byte}\r\n'.encode())
    callback.wfile.write(b'0\r\n\r\n')


class Table:
    """The site, its subscriber, and what a test says to the hub."""

    def __init__(self, site, subscriber, admin):
        self.site, self.subscriber, self.admin, self.count = site, subscriber, admin, 0
        self.hub = f'{site.url}/-/hub'

    def topic(self, feed='/atom.xml'):
        return f'{self.site.url}{feed}'

    def ask(self, fields):
        """A request to the hub."""
        body = urllib.parse.urlencode(fields)
        with self.site.connect() as connection:
            connection.send(f'POST /-/hub HTTP/1.1\r\nHost: h\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n{body}')
            return connection.read()

    def say(self, mode, name, feed='/atom.xml', **more):
        """A request that the hub has to take."""
        fields = {'hub.mode': mode, 'hub.topic': self.topic(feed), 'hub.callback': self.subscriber.url(name)}
        answer = self.ask(fields | {f'hub.{key}': value for key, value in more.items()})
        equal(f'{mode} {name}', answer.status, 202)
        return answer

    def confirmed(self, mode, name, count=1, feed='/atom.xml', **more):
        """The same, until the hub has taken note of the confirmation."""
        before = self.number('verifications', 'result="confirmed"')
        self.say(mode, name, feed, **more)
        question = self.subscriber.wait(name.partition('?')[0], 'GET', count)
        wait_until('it is confirmed', lambda: self.number('verifications', 'result="confirmed"') > before)
        return question

    def refused(self, mode, name, count=1, feed='/atom.xml', **more):
        """The same, where the subscriber does not confirm."""
        before = self.number('verifications', 'result="unconfirmed"')
        self.say(mode, name, feed, **more)
        self.subscriber.wait(name, 'GET', count)
        wait_until('it is not confirmed', lambda: self.number('verifications', 'result="unconfirmed"') > before)

    def number(self, metric, label):
        """A number of the metrics that concerns the hub."""
        with Connection(socket.create_connection(('127.0.0.1', self.admin), timeout=30)) as connection:
            lines = connection.ask('/metrics').body.decode()
        found = re.search(rf'^dropfeed_hub_{metric}(?:_total)?{{{label}}} (\d+)', lines, re.M)
        return int(found.group(1))

    def wait_for(self, **states):
        """Waits until there are these numbers of subscriptions."""
        for state, count in states.items():
            found = lambda: self.number('subscriptions', f'state="{state}"')
            wait_until(f'{count} are {state}', lambda: found() == count)

    def publish(self):
        """Publishes an article that is in all feeds, and returns its title."""
        self.count += 1
        title = f'Drop{self.count:03}'
        incoming = self.site.directory / 'incoming'
        incoming.write_text(f'---\ntitle: {title}\ntags: [common]\n---\n\nText of {title}.\n')
        incoming.rename(self.site.directory / f'articles/notes/{title.lower()}.md')
        return title

    def arrives(self, name, count, title, feed='/atom.xml', secret=None):
        """The delivery of this number, checked as websub.rocks does."""
        delivery = self.subscriber.wait(name, 'POST', count)
        now = self.site.ask(feed)
        check(f'{name}: it has {title}', title.encode() in delivery.body)
        equal(f'{name}: the whole topic', delivery.body, now.body)
        equal(f'{name}: Content-Type', delivery.headers.get_all('Content-Type'), [now['content-type']])
        links = delivery.headers.get_all('Link')
        equal(f'{name}: one Link header', len(links), 1)
        equal(f'{name}: Link', sorted(read_links(links)), [('hub', self.hub), ('self', self.topic(feed))])
        signature = delivery.headers.get_all('X-Hub-Signature')
        if secret is None:
            equal(f'{name}: no signature', signature, None)
        else:
            digits = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
            equal(f'{name}: the signature', signature, [f'sha256={digits}'])
        return delivery

    def nothing_for(self, *names, count=0):
        """Publishes for a callback that is subscribed, and checks that these got nothing with it."""
        self.confirmed('subscribe', f'sign{self.count}')
        name = f'sign{self.count}'
        title = self.publish()
        self.arrives(name, 1, title)
        # Those before it in the queue were sent, as one host's are sent in turn.
        for other in names:
            equal(f'{other} gets nothing', len(self.subscriber.of(other, 'POST')), count)
        self.confirmed('unsubscribe', name, 2)


def read_links(values):
    """(relation, URL) of each link in values of Link headers (RFC 8288)."""
    found = []
    for value in values:
        for url, parameters in re.findall(r'<([^>]*)>((?:\s*;[^,<]*)*)', value):
            relations = re.search(r'rel="?([^";]*)"?', parameters).group(1)
            found += [(relation, url) for relation in relations.split()]
    return found


def document_links(feed, body):
    """(relation, URL) of the hubs and of the URL itself that a document names."""
    if feed.endswith('.json'):
        item = json.loads(body)
        return sorted([('hub', hub['url']) for hub in item['hubs']] + [('self', item['feed_url'])])
    links = [(link.get('rel'), link.get('href')) for link in xml.fromstring(body).iter(ATOM)]
    return sorted(link for link in links if link[0] in ('hub', 'self'))


def publisher_cases(table):
    """Discovery (section 4), in headers and documents, by GET and HEAD."""
    site = table.site
    for feed in FEEDS:
        expected = [('hub', table.hub), ('self', table.topic(feed))]
        whole = site.ask(feed)
        for what, answer in (
            ('GET', whole), ('HEAD', site.ask(feed, 'HEAD')), ('gzip', site.ask(feed, accept_encoding='gzip')),
            ('a delta', site.ask(feed, a_im='feed', if_none_match='"x"')),
        ):
            links = read_links(value for name, value in answer.fields if name == 'link')
            found = sorted(link for link in links if link[0] in ('hub', 'self'))
            equal(f'{feed}, {what}: links in the head', found, expected)
        equal(f'{feed}: links in the document', document_links(feed, whole.body), expected)
        zipped = site.ask(feed, accept_encoding='gzip')
        equal(f'{feed}: one representation', gzip.decompress(zipped.body), whole.body)
    # What a topic names as itself is what answers there, with the same links.
    equal('the hub refuses GET', site.ask('/-/hub').status, 405)


def hub_cases(table):
    """The cases 100 to 106 of websub.rocks."""
    # 100: mode, topic and callback alone. 106: JSON. Beside these, each format of each scope.
    for number, feed in enumerate(FEEDS):
        question = table.confirmed('subscribe', f'c100-{number}', feed=feed)
        equal('100: hub.mode', question.fields['hub.mode'], 'subscribe')
        equal('100: hub.topic', question.fields['hub.topic'], table.topic(feed))
        check('100: hub.challenge', len(question.fields['hub.challenge']) >= 32)
        equal('100: hub.lease_seconds', int(question.fields['hub.lease_seconds']), 10 * DAYS)
    # 101: with a secret. 102: with fields that no hub knows.
    table.confirmed('subscribe', 'c101', secret='s3cret \u00fc')
    fields = {'hub.mode': 'subscribe', 'hub.topic': table.topic(), 'hub.callback': table.subscriber.url('c102')}
    equal('102', table.ask(fields | {'foo': 'bar', 'hub.foo': 'hub.bar', 'hub.verify': 'sync'}).status, 202)
    table.subscriber.wait('c102', 'GET', 1)
    table.wait_for(active=len(FEEDS) + 2, pending=0)
    title = table.publish()
    for number, feed in enumerate(FEEDS):
        table.arrives(f'c100-{number}', 1, title, feed)
    table.arrives('c101', 1, title, secret='s3cret \u00fc')
    table.arrives('c102', 1, title)
    # 103: a renewal is not a second subscription.
    table.confirmed('subscribe', 'c102', 2)
    table.wait_for(active=len(FEEDS) + 2, pending=0)
    title = table.publish()
    table.arrives('c102', 2, title)
    # 104: an unsubscription, which has to be confirmed.
    question = table.confirmed('unsubscribe', 'c102', 3, lease_seconds='-1')
    equal('104: hub.mode', question.fields['hub.mode'], 'unsubscribe')
    equal('104: hub.topic', question.fields['hub.topic'], table.topic())
    table.nothing_for('c102', count=2)
    for number, feed in enumerate(FEEDS):
        table.confirmed('unsubscribe', f'c100-{number}', 2, feed)
    table.confirmed('unsubscribe', 'c101', 2)
    table.wait_for(active=0, pending=0)


def verification(table):
    """Section 5.3: what confirms and what does not; and 5.1: a request counts only once it is confirmed."""
    rules = table.subscriber.rules
    good = {'201': status(201), '299': status(299), 'chunks': chunked}
    bad = {
        'other': text(lambda challenge: challenge[::-1]), 'empty': text(lambda challenge: ''),
        'longer': text(lambda challenge: challenge + '\n'), 'shorter': text(lambda challenge: challenge[:-1]),
        'flood': text(lambda challenge: challenge * 1000), 'query': text(lambda challenge: f'hub.challenge={challenge}'),
        '204': lambda callback, request: (callback.send_response(204), callback.end_headers()),
        '300': status(300), '301': status(301), '302': status(302), '307': status(307), '308': status(308),
        '404': status(404), '410': status(410), '500': status(500), '503': status(503),
    }
    for name, rule in (good | bad).items():
        rules[name, 'GET'] = rule
    for name in good:
        table.confirmed('subscribe', name)
    for name in bad:
        table.refused('subscribe', name)
    equal('no redirect is followed', table.subscriber.of('elsewhere', 'GET'), [])
    title = table.publish()
    for name in good:
        table.arrives(name, 1, title)
    table.nothing_for(*bad)
    # A failed renewal leaves the secret, a failed unsubscription the subscription, as they were.
    table.confirmed('subscribe', 'kept', secret='first')
    rules['kept', 'GET'] = status(404)
    table.refused('subscribe', 'kept', 2, secret='second')
    table.refused('unsubscribe', 'kept', 3)
    table.arrives('kept', 1, table.publish(), secret='first')
    del rules['kept', 'GET']
    table.confirmed('subscribe', 'kept', 4, secret='third')
    table.arrives('kept', 2, table.publish(), secret='third')
    table.confirmed('subscribe', 'kept', 5)
    table.arrives('kept', 3, table.publish())
    for name, count in (*((name, 2) for name in good), ('kept', 6)):
        table.confirmed('unsubscribe', name, count)
    # Who leaves without being subscribed is asked, too.
    table.confirmed('unsubscribe', 'never')


def callbacks(table):
    """Section 5.1.1: the query of a callback stays, and new fields come after it."""
    for number, query in enumerate(('?a=b&c=%20d+e', '?', '?hub.mode=x&hub.topic=y', '?a', '?a=%C3%BC%2F;b', '?&&')):
        name = f'query{number}'
        question = table.confirmed('subscribe', name + query)
        own = query[1:]
        check(f'{query}: it stays first', question.query.startswith(own), question.query)
        new = urllib.parse.parse_qsl(question.query[len(own):])
        equal(f'{query}: what is added', [key for key, _ in new],
              ['hub.mode', 'hub.topic', 'hub.challenge', 'hub.lease_seconds'])
    title = table.publish()
    for number, query in enumerate(('a=b&c=%20d+e', '', 'hub.mode=x&hub.topic=y', 'a', 'a=%C3%BC%2F;b', '&&')):
        delivery = table.arrives(f'query{number}', 1, title)
        equal(f'{query}: the query of a delivery', delivery.query, query)
        table.confirmed('unsubscribe', f'query{number}?{query}', 2)


def spellings(table):
    """Section 5.1.1: characters that need no percent sign mean the same with one; the topic is repeated as it was sent."""
    for number, feed in enumerate(('/%61tom.xml', '/tags/%63ommon/rss.xml', '/notes/feed%2Ejson')):
        question = table.confirmed('subscribe', f'spelled{number}', feed=feed)
        equal(f'{feed}: hub.topic', question.fields['hub.topic'], table.topic(feed))
    title = table.publish()
    for number, feed in enumerate(('/atom.xml', '/tags/common/rss.xml', '/notes/feed.json')):
        table.arrives(f'spelled{number}', 1, title, feed)
    for number, feed in enumerate(('/%61tom.xml', '/tags/%63ommon/rss.xml', '/notes/feed%2Ejson')):
        table.confirmed('unsubscribe', f'spelled{number}', 2, feed)


def leases(table):
    """Section 5.1: hub.lease_seconds, and its end."""
    for asked, given in (('3600', 3600), ('86400', 86400), (str(15 * DAYS), 15 * DAYS), ('1', HOURS), (str(99 * DAYS), 15 * DAYS)):
        question = table.confirmed('subscribe', f'lease{asked}', lease_seconds=asked)
        equal(f'a lease of {asked} s', question.fields['hub.lease_seconds'], str(given))
    # After two hours that of one hour has ended, and was renewed for another.
    table.confirmed('subscribe', 'lease1', 2, lease_seconds='86400')
    equal('exit status of a stop', table.site.stop(), 0)
    library, = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
    os.environ |= {'LD_PRELOAD': library, 'FAKETIME': '+2h', 'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'NO_FAKE_STAT': '1'}
    table.site.start()
    for name in ('LD_PRELOAD', 'FAKETIME', 'FAKETIME_DONT_FAKE_MONOTONIC', 'NO_FAKE_STAT'):
        del os.environ[name]
    title = table.publish()
    table.arrives('lease86400', 1, title)
    table.arrives('lease1', 1, title)
    equal('an ended lease', table.subscriber.of('lease3600', 'POST'), [])
    table.wait_for(active=4, pending=0)
    table.site.restart()
    for asked in ('86400', str(15 * DAYS), str(99 * DAYS)):
        table.confirmed('unsubscribe', f'lease{asked}', 2)
    table.confirmed('unsubscribe', 'lease1', 3)


def deliveries(table):
    """Section 7: 2xx is success, 410 an end, everything else a failure; the body of an answer is ignored."""
    rules = table.subscriber.rules
    endless = lambda callback, request: [callback.wfile.write(b'x' * 1024) for _ in range(1 << 16)]

    def flood(callback, request):
        callback.send_response(200)
        callback.send_header('Content-Length', str(1 << 26))
        callback.end_headers()
        try:
            endless(callback, request)
        except OSError:
            pass  # The hub has read enough.

    taken = {'202': status(202), '299': status(299), 'flood': flood,
             'none': lambda callback, request: (callback.send_response(204), callback.end_headers())}
    failed = {'301': status(301), '307': status(307), '400': status(400), '404': status(404), '500': status(500),
              'mute': lambda callback, request: callback.connection.close()}
    for name, rule in (taken | failed).items():
        rules[f'd{name}', 'POST'] = rule
        table.confirmed('subscribe', f'd{name}')
    rules['dgone', 'POST'] = status(410)
    table.confirmed('subscribe', 'dgone')
    title = table.publish()
    for name in ('dgone', *(f'd{name}' for name in taken | failed)):
        table.arrives(name, 1, title)
    table.wait_for(failing=len(failed), active=len(taken))
    equal('no redirect is followed', table.subscriber.of('elsewhere', 'POST'), [])
    # A failed delivery is repeated, with what is newest, and counts once it is taken.
    for name in failed:
        del rules[f'd{name}', 'POST']
    title = table.publish()
    for name in failed:
        table.arrives(f'd{name}', 2, title)
    table.wait_for(failing=0, active=len(taken | failed))
    for name in taken | failed:
        table.confirmed('unsubscribe', f'd{name}', 2)
    equal('410 is an end', len(table.subscriber.of('dgone', 'POST')), 1)


def read_only_feeds(table):
    """Subscribers do not wait for a disk: where feeds/ cannot be written, they get what a GET answers all the same."""
    table.confirmed('subscribe', 'disk')
    feeds = table.site.directory / 'feeds'
    subprocess.run(['mount', '--bind', feeds, feeds], check=True)
    subprocess.run(['mount', '-o', 'remount,bind,ro', feeds], check=True)
    table.arrives('disk', 1, table.publish())
    table.site.restart()
    table.arrives('disk', 2, table.publish())
    check('it is degraded', 'Read-only file system' in table.site.log())
    subprocess.run(['umount', feeds], check=True)
    table.confirmed('unsubscribe', 'disk', 2)


def bad_input(table):
    """What no hub may take: a clear 4xx, nothing stored and no one called."""
    site, port = table.site, table.subscriber.port
    victim = urllib.parse.quote(table.subscriber.url('victim'), safe='')
    good = f'hub.mode=subscribe&hub.topic={urllib.parse.quote(table.topic(), safe="")}&hub.callback={victim}'

    def send(what, body, expected, kind=FORM, head='', method='POST', length=None):
        body = body if isinstance(body, bytes) else body.encode('latin-1')
        kind = f'Content-Type: {kind}\r\n' if kind else ''
        length = f'Content-Length: {len(body) if length is None else length}\r\n' if length != '' else ''
        with site.connect() as connection:
            try:
                connection.send(f'{method} /-/hub HTTP/1.1\r\nHost: h\r\n{kind}{head}{length}\r\n'.encode() + body)
            except OSError:
                pass  # It was answered before its end.
            answer = connection.read(method)
        check(f'{what}: {expected}', answer.status in (expected if isinstance(expected, tuple) else (expected,)),
              f'{answer.status} {answer.body[:200]}')
        if answer.status != 405 and method == 'POST':
            equal(f'{what}: its type', answer['content-type'], 'text/plain; charset=utf-8')
            equal(f'{what}: one line', answer.body.count(b'\n'), 1)

    def instead(what, old, new, expected=400):
        body = good.replace(old, new, 1)
        check(f'{what} differs', body != good)
        send(what, body, expected)

    def callback(what, url, expected=400):
        send(what, good.replace(victim, urllib.parse.quote(url, safe='')), expected)

    send('a megabyte', good + '&a=' + 'x' * (1 << 20), 413)
    send('a megabyte that is announced', '', 413, length=1 << 20)
    send('a terabyte that is announced', '', 413, length=1 << 40)
    chunks = b''.join(b'%x\r\n%s\r\n' % (4096, b'x' * 4096) for _ in range(256)) + b'0\r\n\r\n'
    send('a megabyte in chunks', chunks, 413, head='Transfer-Encoding: chunked\r\n', length='')
    send('17 KiB', good + '&a=' + 'x' * (17 << 10), 413)
    send('nothing', '', 400)
    send('a body that ends early', good[:40], (400, 408), length=len(good))
    for field in ('mode', 'topic', 'callback'):
        instead(f'without hub.{field}', f'hub.{field}=', 'x=')
        instead(f'hub.{field} in capitals', f'hub.{field}=', f'HUB.{field.upper()}=')
        instead(f'hub.{field} without its prefix', f'hub.{field}=', f'{field}=')
        instead(f'hub.{field} with an underscore', f'hub.{field}=', f'hub_{field}=')
        instead(f'hub.{field} as a list', f'hub.{field}=', f'hub.{field}[]=')
        send(f'hub.{field} twice', f'{good}&{[part for part in good.split("&") if field in part][0]}', 400)
        instead(f'an empty hub.{field}', [part for part in good.split('&') if field in part][0], f'hub.{field}=')
    for mode in ('Subscribe', 'SUBSCRIBE', 'denied', 'publish', 'subscribe ', 'subscribe%00', 'list', '%ff', 'subscribe%'):
        instead(f'the mode {mode}', 'hub.mode=subscribe', f'hub.mode={mode}')
    for lease in ('0', '-1', '-0', '00', '%2B5', '1.5', '1e3', '0x10', ' 60', '60 ', '1' + '0' * 30, '9' * 4000, 'ten', '%D9%A1', 'nan'):
        send(f'a lease of {lease[:40]}', f'{good}&hub.lease_seconds={lease}', 400)
    send('two leases', f'{good}&hub.lease_seconds=60&hub.lease_seconds=60', 400)
    send('two secrets', f'{good}&hub.secret=a&hub.secret=b', 400)
    send('a secret of 200 bytes', f'{good}&hub.secret={"x" * 200}', 400)
    send('a secret of 100 letters in 200 bytes', f'{good}&hub.secret={"%C3%BC" * 100}', 400)
    for topic in (
        'https://other.example/atom.xml', f'{site.url}/', f'{site.url}/notes/short', f'{site.url}/none.xml', f'{site.url}/feeds.opml',
        f'{site.url}/atom.xml?x', f'{site.url}/atom.xml#x', f'{site.url}//atom.xml', f'{site.url}/notes/../atom.xml/',
        site.url.replace('//', '//me@') + '/atom.xml', site.url.replace('http', 'https') + '/atom.xml', '/atom.xml', 'atom.xml',
        f'{site.url}/-/hub', f'{site.url}/-/metrics', f'{site.url}/%zz', f'{site.url}/atom.xml\0', 'x' * 3000, '//', ' ',
        f'http://127.0.0.1.evil.example:{site.port}/atom.xml', f'http://[::1]:{site.port}/atom.xml',
    ):
        send(f'the topic {topic[:60]!r}', good.replace(urllib.parse.quote(table.topic(), safe=''), urllib.parse.quote(topic)), (400, 404))
    for url in (
        f'http://me:word@127.0.0.1:{port}/victim', f'http://me@127.0.0.1:{port}/victim', f'http://:@127.0.0.1:{port}/victim',
        f'http://127.0.0.1:{port}/victim#part', f'http://127.0.0.1:{port}/victim#', f'http://127.0.0.1:{port}/victim?{"x" * 4096}',
        f'ftp://127.0.0.1:{port}/victim', 'javascript:alert(1)', 'data:,x', 'file:///etc/passwd', 'mailto:a@b.example', 'gopher://127.0.0.1/',
        'ws://127.0.0.1/', '/victim', 'victim', '//127.0.0.1/victim', 'http:', 'http://', 'http:///', 'http://.', 'http://..', 'http://%zz/',
        'http://a b/', 'http://127.0.0.1:0/', 'http://127.0.0.1:65536/', 'http://127.0.0.1:-1/', 'http://127.0.0.1:x/', 'http://127.0.0.1:22/',
        'http://[::1', 'http://[fe80::1%25lo]/', 'http://256.256.256.256/', 'http://1.2.3.4.5/', 'http://10.0.0.1/', 'http://0/',
        'http://169.254.169.254/latest/meta-data/', 'http://[fd00::1]/', f'http://127.0.0.1:{port}/%zz', f'http://127.0.0.1:{port}/a%',
        f'http://127.0.0.1:{port}/victim\r\nX: y', f'http://127.0.0.1:{port}/victim\0',
    ):
        callback(f'the callback {url[:70]!r}', url)
    for kind in (None, '', 'text/plain', 'application/json', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded-x',
                 'x-www-form-urlencoded', f'{FORM}\r\nContent-Type: {FORM}', f'text/plain, {FORM}', f'{FORM}; charset=iso-8859-1',
                 f'{FORM}; charset=utf-16'):
        send(f'the type {kind}', good, (400, 415), kind=kind)
    send('JSON', json.dumps({'hub.mode': 'subscribe'}), 415, kind='application/json')
    send('a coding', gzip.compress(good.encode()), (400, 415), head='Content-Encoding: gzip\r\n')
    send('Latin-1', good.encode() + '&hub.secret=\u00fc'.encode('latin-1'), 400)
    send('Latin-1 in percent signs', good + '&hub.secret=%fc', 400)
    send('half a letter', good + '&hub.secret=%C3', 400)
    send('an overlong slash', good + '&hub.secret=%C0%AF', 400)
    send('a surrogate', good + '&hub.secret=%ED%A0%80', 400)
    for part in ('%', '%2', '%zz', '%%', '%u0041', '%-1'):
        send(f'{part} in a secret', f'{good}&hub.secret=a{part}', 400)
    send('fields in the target alone', '', 400)
    for method in ('GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'):
        answer = site.ask(f'/-/hub?{good}', method)
        equal(f'{method}', (answer.status, answer['allow']), (405, 'POST, OPTIONS'))
    # A subscriber that asks after all of this is called, and the victim never was.
    table.confirmed('subscribe', 'last')
    table.arrives('last', 1, table.publish())
    equal('the victim', table.subscriber.came.get('victim'), None)
    table.wait_for(active=1, failing=0, suspended=0, pending=0)
    table.site.stop()
    with sqlite3.connect(site.directory / '.dropfeed/hub.db') as database:
        equal('rows', [row[0] for row in database.execute('SELECT callback FROM subscriptions UNION ALL SELECT callback FROM pending')],
              [table.subscriber.url('last')])


def main():
    subscriber = Subscriber()
    admin = free_port()
    settings = (f'admin.listen = "127.0.0.1:{admin}"\nwebsub.own_hub = true\nwebsub.loopback_callbacks = true\n'
                f'websub.callback_ports = [{subscriber.port}, 80]\nfeeds.limit = 40\nsite.id = "{corpus.SITE_ID}"\n')
    site = Site(work('websub'), settings)
    articles = corpus.make(site.directory / 'articles')
    with site:
        wait_until('the articles are there', lambda: len(json.loads(site.ask('/feed.json').body)['items']) >= min(40, len(articles)))
        table = Table(site, subscriber, admin)
        for part in (publisher_cases, hub_cases, verification, callbacks, spellings, leases, deliveries, read_only_feeds, bad_input):
            part(table)
            print(f'{part.__name__}: done', flush=True)
    finish('websub')


if __name__ == '__main__':
    main()
