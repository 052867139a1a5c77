"""The own hub and a hostile resolver: callbacks whose names lead to addresses that no hub may call, or to others at each look.

Run in a network and a mount namespace of its own, where every address is on the loopback interface: so the hub works as it
does on the internet, with its strict defaults, and all that it calls is seen.
"""
import ipaddress
import os
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

from e2e import Connection, Site, check, equal, finish, free_port, wait_until, work

ZONE = 'hostile.example'
GOOD, OTHER, GOOD6 = '93.184.216.34', '93.184.216.35', '2606:2800:220:1::34'
# At least one of each block that is not global. Those that can be are on the interface, so that a call would arrive.
BAD = ('127.0.0.1', '127.8.8.8', '10.1.2.3', '172.16.5.5', '192.168.7.7', '169.254.169.254', '100.64.1.1', '198.18.0.1', '192.0.2.1')
BAD6 = ('::1', 'fd00::1', 'fe80::1', 'fec0::1', '64:ff9b::7f00:1', '64:ff9b::5db8:d822', '64:ff9b:1::1', '2002:7f00:1::1', '2001::1', '2001:db8::1',
        '100::1', '5f00::1', '4000::1')
NOWHERE = ('0.0.0.0', '255.255.255.255', '224.0.0.1', '240.0.0.1')
NOWHERE6 = ('::', '::ffff:127.0.0.1', '::ffff:93.184.216.34', '::7f00:1', 'ff02::1')
A, CNAME, AAAA = 1, 5, 28


class Resolver:
    """A name server on 127.0.0.1 that answers as its table says: functions of the type that is asked for, and of how often it was."""

    def __init__(self):
        self.table, self.asked = {}, {}
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            question, client = self.sock.recvfrom(4096)
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
                at += 1 + question[at]
            kind = struct.unpack('!H', question[at + 1:at + 3])[0]
            name = '.'.join(labels)
            times = self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
            rule = self.table.get(name)
            records = rule(kind, times) if callable(rule) else rule
            if records == 'silence':
                continue
            code = {'refused': 5, 'failure': 2, None: 3}.get(records if isinstance(records, (str, type(None))) else 0, 0)
            answers = [] if code else self.chain(name, records, kind)
            head = question[:2] + struct.pack('!HHHHH', 0x8180 | code, 1, len(answers), 0, 0)
            self.sock.sendto(head + question[12:at + 5] + b''.join(answers), client)

    def chain(self, name, records, kind):
        """The records as the wire has them. A word that is not an address is an alias, and what follows belongs to it."""
        owner, answers = name, []
        for record in records:
            try:
                address = ipaddress.ip_address(record)
            except ValueError:
                answers.append(self.record(owner, CNAME, self.wire(record)))
                owner = record
                continue
            if kind == (A if address.version == 4 else AAAA):
                answers.append(self.record(owner, kind, address.packed))
        return answers

    def record(self, owner, kind, data):
        return self.wire(owner) + struct.pack('!HHIH', kind, 1, 0, len(data)) + data

    @staticmethod
    def wire(name):
        return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'


class Everyone:
    """All that is called on ports 80 and 443, at any address: keeps where each connection arrived."""

    def __init__(self, directory):
        self.calls, self.lock = [], threading.Lock()
        self.contexts = {name: self.context(directory, name) for name in ('tls', 'stranger')}
        for port in (80, 443):
            listener = socket.create_server(('::', port), family=socket.AF_INET6, backlog=256, dualstack_ipv6=True)
            threading.Thread(target=self.accept, args=(listener, port), daemon=True).start()

    @staticmethod
    def context(directory, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / f'{name}.crt', directory / f'{name}.key')
        return context

    def accept(self, listener, port):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.answer, args=(connection, port), daemon=True).start()

    def answer(self, connection, port):
        address = ipaddress.ip_address(connection.getsockname()[0])
        address = str(getattr(address, 'ipv4_mapped', None) or address)
        try:
            connection.settimeout(20)
            if port == 443:
                context = self.contexts['stranger']
                context.sni_callback = lambda sock, name, _: self.choose(sock, name)
                connection = context.wrap_socket(connection, server_side=True)
            file = connection.makefile('rb')
            method, target, _ = file.readline().decode().split(' ')
            fields = {}
            while line := file.readline().strip():
                name, _, value = line.decode('latin-1').partition(': ')
                fields[name.lower()] = value
            body = file.read(int(fields.get('content-length', 0)))
            with self.lock:
                self.calls.append((address, method, fields['host'], target, body))
            challenge = dict(urllib.parse.parse_qsl(target.partition('?')[2])).get('hub.challenge', '')
            moved = '/moved' in target
            status = '302 Found\r\nLocation: http://127.0.0.1/' if moved else '200 OK'
            connection.sendall(f'HTTP/1.1 {status}\r\nContent-Length: {len(challenge)}\r\n\r\n{challenge}'.encode())
            connection.close()
        except (OSError, ValueError):
            # A handshake that failed is a call, too.
            with self.lock:
                self.calls.append((address, 'broken', '', '', b''))

    def choose(self, sock, name):
        if name == f'tls.{ZONE}':
            sock.context = self.contexts['tls']

    def of(self, host, method):
        with self.lock:
            return [call for call in self.calls if call[2] == host and call[1] == method]


def network(directory):
    """The addresses, and the files that say where the name server is."""
    run = lambda *words: subprocess.run(words, check=True)
    run('ip', 'link', 'set', 'lo', 'up')
    for address in (GOOD, OTHER, *BAD[2:]):
        run('ip', 'address', 'add', f'{address}/32', 'dev', 'lo')
    for address in (GOOD6, *BAD6[1:]):
        run('ip', '-6', 'address', 'add', f'{address}/128', 'dev', 'lo', 'nodad')
    for name, text in (('resolv.conf', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n'), ('nsswitch.conf', 'hosts: files dns\n'),
                       ('hosts', '127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.1.2.3 of-the-file\n')):
        (directory / name).write_text(text)
        run('mount', '--bind', str(directory / name), f'/etc/{name}')


def certificates(directory):
    """An authority with a certificate for `tls`, and one that it has not signed."""
    run = lambda *words: subprocess.run(['openssl', *words], check=True, capture_output=True, cwd=directory)
    run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', '-subj', '/CN=Authority', '-keyout', 'ca.key', '-out', 'ca.crt')
    for name, signed in (('tls', ['-CA', 'ca.crt', '-CAkey', 'ca.key']), ('stranger', [])):
        run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '9', '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.crt',
            '-addext', f'subjectAltName=DNS:tls.{ZONE},DNS:stranger.{ZONE}', '-addext', 'basicConstraints=critical,CA:FALSE', *signed)


class Hub:
    """The hub of a site, and what it counts."""

    def __init__(self, site, admin):
        self.site, self.admin, self.count = site, admin, 0

    def ask(self, callback):
        fields = {'hub.mode': 'subscribe', 'hub.topic': f'{self.site.url}/rss.xml', 'hub.callback': callback}
        body = urllib.parse.urlencode(fields)
        with self.site.connect() as connection:
            kind = 'application/x-www-form-urlencoded'
            connection.send(f'POST /-/hub HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}')
            return connection.read().status

    def number(self, sample):
        with Connection(socket.create_connection(('127.0.0.1', self.admin), timeout=30)) as connection:
            lines = connection.ask('/metrics').body.decode().splitlines()
        return sum(float(line.split(' ')[1]) for line in lines if line.startswith(sample))

    def rest(self):
        """Waits until nothing is asked and nothing is delivered."""
        wait_until('nothing is pending', lambda: self.number('dropfeed_hub_subscriptions{state="pending"}') == 0, 60)

    def publish(self):
        self.count += 1
        (self.site.directory / 'incoming').write_text(f'# Drop {self.count}\n\nText.\n')
        (self.site.directory / 'incoming').rename(self.site.directory / f'articles/drop{self.count}.md')
        self.site.wait_for(self.count)


def names(resolver):
    """Names and what they lead to; second, whether the hub may call them."""
    once_good = lambda kind, times: [GOOD] if times == 1 else ['127.0.0.1']
    table = {
        'good': ([GOOD], True), 'good6': ([GOOD6], True), 'both': ([GOOD, GOOD6], True), 'alias': ([f'a.{ZONE}', f'b.{ZONE}', GOOD], True),
        'xn--bcher-kva': ([GOOD], True), 'many': ([OTHER] * 20, True),
        'rebind': (once_good, True),
        'mixed': ([GOOD, '127.0.0.1'], False), 'mixed2': (['10.1.2.3', GOOD], False), 'mixed6': ([GOOD, '::1'], False), 'mixed7': ([GOOD6, '10.1.2.3'], False),
        'late': ([GOOD] * 12 + ['127.0.0.1'], False),
        'cname': ([f'c.{ZONE}', '127.0.0.1'], False), 'cname2': ([f'c.{ZONE}', f'd.{ZONE}', f'e.{ZONE}', '169.254.169.254'], False),
        'cname3': ([f'c.{ZONE}', '::1'], False), 'cname4': (['localhost'], False), 'loop': ([f'loop.{ZONE}'], False),
        'none': (None, False), 'empty': ([], False), 'failure': ('failure', False), 'refused': ('refused', False), 'silence': ('silence', False),
    }
    for number, address in enumerate(BAD + NOWHERE + BAD6 + NOWHERE6):
        table[f'bad{number}'] = ([address], False)
    for name, (rule, _) in table.items():
        resolver.table[f'{name}.{ZONE}'] = rule
    return {f'{name}.{ZONE}': is_good for name, (_, is_good) in table.items()}


def subscriptions(hub, resolver, everyone):
    """A request for each name: those that are not global are never connected to, and cost one look."""
    hosts = names(resolver)
    for host in hosts:
        equal(f'{host}: the answer', hub.ask(f'http://{host}/callback'), 202)
    hub.rest()
    for host, is_good in hosts.items():
        equal(f'{host}: it is asked', len(everyone.of(host, 'GET')), int(is_good))
        if resolver.table[host] not in ('silence', 'failure', 'refused'):
            equal(f'{host}: looks', [resolver.asked.get((host, kind)) for kind in (A, AAAA)], [1, 1])
    good = sum(hosts.values())
    equal('active', hub.number('dropfeed_hub_subscriptions{state="active"}'), good)
    # The one that leads elsewhere now is not called, and ends.
    hub.publish()
    wait_until('all are delivered', lambda: hub.number('dropfeed_hub_deliveries_total{outcome="taken"}') == good - 1)
    wait_until('one is refused', lambda: hub.number('dropfeed_hub_deliveries_total{outcome="refused"}') == 1)
    for host, is_good in hosts.items():
        equal(f'{host}: deliveries', len(everyone.of(host, 'POST')), int(is_good and not host.startswith('rebind')))
    equal('active', hub.number('dropfeed_hub_subscriptions{state="active"}'), good - 1)
    equal('not failing', hub.number('dropfeed_hub_subscriptions{state="failing"}'), 0)
    check('the log says why', 'ended: refused' in hub.site.log() and f'rebind.{ZONE} is not called' in hub.site.log(), hub.site.log()[-2000:])


def literals(hub, everyone):
    """Addresses in URLs, in all spellings: a clear 400, and names of this machine: no call at all."""
    before = len(everyone.calls)
    for host in (
        '127.0.0.1', '127.1', '127.0.1', '2130706433', '0x7f000001', '0x7f.1', '0x7f.0.0.1', '017700000001', '0177.0.0.1', '127.0.0.1.', '2130706433.', '0',
        '0.0.0.0', '0x0', '10.1.2.3', '167838211', '3232237319', '192.168.1799', '169.254.169.254', '2852039166', '0xa9fea9fe', '[::]', '[::1]',
        '[::ffff:7f00:1]', '[::ffff:127.0.0.1]', '[0:0:0:0:0:ffff:7f00:1]', '[::7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::1]',
        '[fe80::1]', '[fd00::1]', '[2001:db8::1]', '\u2460\u2461\u2466.\u24ea.\u24ea.\u2460', '127\u30020\u30020\u30021', '\uff11\uff12\uff17.0.0.1', '%31%32%37.0.0.1',
        'good@127.0.0.1', f'{GOOD}@127.0.0.1', f'{GOOD}:80@127.0.0.1:80', f'127.0.0.1#@{GOOD}', f'127.0.0.1\\@{GOOD}', f'127.0.0.1?@{GOOD}', '127.0.0.1%00.example',
        '[fe80::1%25lo]', f'{GOOD}:22', f'{GOOD}:8080', f'{GOOD}:0', f'{GOOD}:65616', f'good.{ZONE}:6379', '1.2.3.4.5', '256.0.0.1', 'a..b', '..',
    ):
        equal(f'{host}: refused', hub.ask(f'http://{host}/'), 400)
    # These are names, so that they are looked up after the answer.
    for host in ('localhost', 'localhost.', 'LOCALHOST', 'ip6-localhost', 'of-the-file', 'OF-the-file', 'localhost.localdomain', 'l\u00f6calhost.example'):
        equal(f'{host}: accepted', hub.ask(f'http://{host}/callback'), 202)
    hub.rest()
    # A ping of the site itself for an earlier drop may still be on its way.
    calls = [call for call in everyone.calls[before:] if b'hub.mode=publish' not in call[-1]]
    equal('no one is called', calls, [])


def spellings(hub, everyone):
    """What is good is called in any spelling, and never redirected."""
    for url, host, calls in (
        (f'http://B\u00fccher.{ZONE}/idn', f'xn--bcher-kva.{ZONE}', 2), (f'http://{GOOD}/literal', GOOD, 1), (f'http://[{GOOD6}]/literal', f'[{GOOD6}]', 1),
        (f'http://good.{ZONE}./dot', f'good.{ZONE}.', 1), (f'http://GOOD.{ZONE.upper()}:80/port', f'good.{ZONE}', 2), ('http://1572395042/', GOOD, 2),
    ):
        equal(f'{url}: accepted', hub.ask(url), 202)
        hub.rest()
        equal(f'{url}: asked', len(everyone.of(host, 'GET')), calls)
    before = len(everyone.of('127.0.0.1', 'GET'))
    equal('a redirect', hub.ask(f'http://good.{ZONE}/moved'), 202)
    hub.rest()
    equal('a redirect is not followed', len(everyone.of('127.0.0.1', 'GET')), before)


def tls(hub, resolver, everyone):
    """https callbacks: the system's authorities, and the name that was asked for."""
    for name, asked in (('tls', 1), ('stranger', 0), ('wrong', 0)):
        resolver.table[f'{name}.{ZONE}'] = [GOOD]
        equal(f'{name}: accepted', hub.ask(f'https://{name}.{ZONE}/callback'), 202)
        hub.rest()
        equal(f'{name}: asked', len(everyone.of(f'{name}.{ZONE}', 'GET')), asked)
    hub.publish()
    wait_until('it is delivered over TLS', lambda: '/callback' in [call[3] for call in everyone.of(f'tls.{ZONE}', 'POST')])


def main():
    directory = work('names')
    network(directory)
    certificates(directory)
    os.environ['SSL_CERT_FILE'] = str(directory / 'ca.crt')
    resolver, everyone, admin = Resolver(), Everyone(directory), free_port()
    # The publisher's hub is a name, too, and one with a certificate.
    resolver.table[f'tls.{ZONE}'] = [GOOD]
    settings = f'admin.listen = "127.0.0.1:{admin}"\nwebsub.own_hub = true\nwebsub.roots = "system"\nwebsub.hubs = ["https://tls.{ZONE}/hub"]\n'
    with Site(directory, settings) as site:
        hub = Hub(site, admin)
        subscriptions(hub, resolver, everyone)
        literals(hub, everyone)
        spellings(hub, everyone)
        tls(hub, resolver, everyone)
        pings = wait_until('the hub is pinged', lambda: [call for call in everyone.of(f'tls.{ZONE}', 'POST') if call[3] == '/hub'])
        equal('a ping', urllib.parse.parse_qs(pings[0][4].decode())['hub.mode'], ['publish'])
        addresses = {call[0] for call in everyone.calls}
        equal('all that was called', sorted(addresses), sorted({GOOD, OTHER, GOOD6} & addresses))
        check('the others were', addresses == {GOOD, OTHER, GOOD6}, addresses)
    finish('names')


if __name__ == '__main__':
    main()
