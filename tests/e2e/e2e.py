"""What the suites share: a dropfeed over a directory, an HTTP client that hides nothing, and a list of what is wrong.

A suite is run by `run`, which sets DROPFEED (the program) and E2E_WORK (a directory that is deleted at the end).
"""
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

DEADLINE_S = 30

_wrong = []


def check(what, holds, detail=''):
    """Records `what` as wrong unless it holds. The suite goes on, so that one run shows all that is wrong."""
    if not holds:
        _wrong.append(f'{what}: {detail}' if detail != '' else what)
        print(f'WRONG {_wrong[-1]}', flush=True)


def equal(what, found, expected):
    check(what, found == expected, f'{_shown(found)} instead of {_shown(expected)}')


def _shown(value):
    """A value as text, with the middle of a long one left out."""
    text = repr(value)
    return text if len(text) < 1200 else f'{text[:900]}...{text[-300:]}'


def finish(name):
    """Ends the suite: exit status 1 if anything was wrong."""
    print(f'{name}: {len(_wrong)} wrong' if _wrong else f'{name}: all well', flush=True)
    sys.exit(1 if _wrong else 0)


def wait_until(what, condition, seconds=DEADLINE_S):
    """Waits for a condition, and returns what it returned; a suite cannot go on without it."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f'not within {seconds} s: {what}')
        time.sleep(0.02)  # Only spaces the questions.


def work(name):
    """A new directory of this suite."""
    path = Path(os.environ['E2E_WORK']) / name
    path.mkdir(parents=True)
    return path


def free_port():
    """A port that is free on all addresses, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as sock:
            try:
                sock.bind(('', port))
                return port
            except OSError:
                pass  # In use: another one.


class Site:
    """A dropfeed over `directory/articles`, with its own configuration, state and feeds.

    `settings` are lines of the configuration. `listener` is a socket that stays open over restarts, handed over as
    systemd does (sd_listen_fds(3)). `listen` are addresses beside that of `port`.
    """

    def __init__(self, directory, settings='', url=None, listener=None, listen=()):
        self.directory = directory
        self.listener = listener
        self.port = listener.getsockname()[1] if listener else free_port()
        self.url = url or f'http://127.0.0.1:{self.port}'
        self.process = None
        (directory / 'articles').mkdir(exist_ok=True)
        addresses = [f'127.0.0.1:{self.port}', *listen]
        (directory / 'config.toml').write_text(
            f'site.url = "{self.url}"\nserver.listen = {json.dumps(addresses)}\n{settings}\n')

    def start(self):
        program = [os.environ['DROPFEED'], 'serve', '--config', str(self.directory / 'config.toml')]
        fds = ()
        if self.listener:
            fd = self.listener.fileno()
            fds = (fd,)
            program = ['sh', '-c', f'exec 3<&{fd}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"'] + program
        with open(self.directory / 'log', 'ab') as log:
            self.process = subprocess.Popen(program, stderr=log, stdout=log, pass_fds=fds)
        wait_until(f'{self.directory.name} is ready', self._is_ready)
        return self

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f'dropfeed ended with {self.process.returncode}:\n{self.log()}')
        try:
            return self.ask('/-/ready').status == 200
        except OSError:
            return False

    def wait_for(self, count, path='/feed.json'):
        """Waits until a JSON feed has this number of articles."""
        wait_until(f'{count} articles in {path}', lambda: len(json.loads(self.ask(path).body)['items']) == count)

    def log(self):
        return (self.directory / 'log').read_text(errors='replace')

    def stop(self, seconds=DEADLINE_S):
        """Stops it as systemd does, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def restart(self):
        equal('exit status of a stop', self.stop(), 0)
        return self.start()

    def connect(self):
        return Connection(socket.create_connection(('127.0.0.1', self.port), timeout=DEADLINE_S))

    def ask(self, path, method='GET', **fields):
        """One request on a connection of its own; `_` in names of fields is `-`."""
        with self.connect() as connection:
            return connection.ask(path, method, **fields)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Response:
    """A response as it came: `fields` is a list of pairs, names in lower case."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def __getitem__(self, name):
        """The value of a field, or None. Two lines of one field are a fault in a response of ours."""
        values = [value for field, value in self.fields if field == name]
        if len(values) > 1:
            raise ValueError(f'{name} twice: {values}')
        return values[0] if values else None

    def __repr__(self):
        return f'{self.status} with {len(self.body)} bytes, {dict(self.fields)}'


class Connection:
    """A connection over which requests are sent as bytes and responses are read one by one."""

    def __init__(self, sock, tls_name=None, protocols=('http/1.1',)):
        if tls_name:
            context = ssl.create_default_context()
            context.check_hostname = False  # The certificate is made by the suite.
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(list(protocols))
            sock = context.wrap_socket(sock, server_hostname=tls_name)
        self.sock = sock
        self.host = tls_name or 'localhost'
        self.file = sock.makefile('rb')

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode('latin-1'))

    def ask(self, path, method='GET', **fields):
        fields = {'host': self.host, **fields}
        head = ''.join(f'{name.replace("_", "-")}: {value}\r\n' for name, value in fields.items())
        self.send(f'{method} {path} HTTP/1.1\r\n{head}\r\n')
        return self.read(method)

    def read(self, method='GET'):
        """The next response. Raises ConnectionError if the connection ends before it is whole."""
        line = self._line()
        version, status, *_ = line.split(' ', 2)
        if not version.startswith('HTTP/1.'):
            raise ValueError(f'not a status line: {line!r}')
        status = int(status)
        fields = []
        while line := self._line():
            name, _, value = line.partition(':')
            fields.append((name.lower(), value.strip()))
        response = Response(status, fields, b'')
        if status == 100:
            return self.read(method)
        if method == 'HEAD' or status in (204, 304):
            return response
        if response['transfer-encoding'] == 'chunked':
            response.body = self._chunks()
        elif response['content-length'] is not None:
            response.body = self._bytes(int(response['content-length']))
        else:
            response.body = self.file.read()
        return response

    def _line(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError(f'the connection ended in a head, after {line!r}')
        return line[:-2].decode('latin-1')

    def _bytes(self, count):
        data = self.file.read(count)
        if len(data) < count:
            raise ConnectionError(f'truncated: {len(data)} bytes instead of {count}')
        return data

    def _chunks(self):
        data = b''
        while size := int(self._line().split(';')[0], 16):
            data += self._bytes(size)
            self._line()
        self._line()
        return data

    def is_closed(self):
        """Whether the other side closes the connection without another byte, within the deadline."""
        try:
            return self.file.read(1) == b''
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()
