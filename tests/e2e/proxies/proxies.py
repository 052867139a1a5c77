"""nginx, Caddy and HAProxy, each with its file of contrib/ as it is: only names, ports and paths are replaced."""
import os
import socket
import subprocess
from pathlib import Path

from e2e import Connection, DEADLINE_S, free_port, wait_until, work

CONTRIB = Path(__file__).parents[3] / 'contrib'
NAME = 'example.org'


def replaced(text, *pairs):
    """The text with these replacements, each of which has to be needed: the files must not drift away."""
    for old, new in pairs:
        if old not in text:
            raise ValueError(f'nothing to replace: {old!r}')
        text = text.replace(old, new)
    return text


def certificate(directory):
    """Makes a certificate and its key, as two files and as one."""
    certificate, key, both = directory / 'cert.pem', directory / 'key.pem', directory / 'both.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', f'/CN={NAME}', '-addext', f'subjectAltName=DNS:{NAME}', '-keyout', key, '-out', certificate],
                   check=True, capture_output=True)
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate, key, both


class Proxy:
    """A proxy in front of a site. `prefix` is the path of site.url, `upstream` what stands for 127.0.0.1:8080 in the file."""

    def __init__(self, label, upstream, prefix='/'):
        self.directory = work(f'proxy-{label}')
        self.directory.chmod(0o755)
        self.port, self.plain_port = free_port(), free_port()
        self.upstream, self.prefix = upstream, prefix
        self.certificate, self.key, self.both = certificate(self.directory)
        self.process = None

    def __enter__(self):
        with open(self.directory / 'log', 'wb') as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.directory,
                                            env={**os.environ, 'HOME': str(self.directory)})
        wait_until(f'{self.directory.name} listens', self._listens)
        return self

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f'{self.directory.name} ended:\n{self.log()}')
        try:
            socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        return (self.directory / 'log').read_text(errors='replace')

    def connect(self, tls=True, source='127.0.0.1'):
        port = self.port if tls else self.plain_port
        sock = socket.create_connection(('127.0.0.1', port), timeout=DEADLINE_S, source_address=(source, 0))
        return Connection(sock, tls_name=NAME if tls else None)

    def ask(self, path, method='GET', **fields):
        with self.connect() as connection:
            return connection.ask(path, method, **fields)

    def write(self, name, text):
        (self.directory / name).write_text(text)
        return str(self.directory / name)


class Nginx(Proxy):
    name = 'nginx'
    file = 'nginx.conf'

    def command(self):
        text = replaced((CONTRIB / self.file).read_text(), *self.replacements(),
                        ('listen 443 ', f'listen {self.port} '), ('listen 80;', f'listen {self.plain_port};'),
                        ('listen [::]:443 ', f'listen [::1]:{self.port} '), ('listen [::]:80;', f'listen [::1]:{self.plain_port};'),
                        (f'/etc/letsencrypt/live/{NAME}/fullchain.pem', str(self.certificate)),
                        (f'/etc/letsencrypt/live/{NAME}/privkey.pem', str(self.key)))
        if not socket.has_ipv6 or not os.path.exists('/proc/net/if_inet6'):
            text = '\n'.join(line for line in text.splitlines() if '[::1]' not in line)
        self.write('site.conf', text)
        # What Debian's nginx.conf has around a site, with its gzip.
        main = self.write('main.conf', f'''daemon off; pid {self.directory}/pid; error_log stderr; user root;
events {{ worker_connections 768; }}
http {{
    access_log off; sendfile on; gzip on; client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy;
    fastcgi_temp_path {self.directory}/f; uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
    include /etc/nginx/mime.types; default_type application/octet-stream;
    include {self.directory}/site.conf;
}}
''')
        return ['nginx', '-p', str(self.directory), '-c', main, '-e', 'stderr']

    def replacements(self):
        return ('server 127.0.0.1:8080;', f'server {self.upstream};'), ('location / {', f'location {self.prefix} {{')

    def unix(path):
        return f'unix:{path}'


class NginxStatic(Nginx):
    """nginx serving the files in feeds/ by itself: `upstream` is the directory."""
    name = 'nginx, static'
    file = 'nginx-static.conf'

    def replacements(self):
        return (('root /var/lib/dropfeed/feeds;', f'root {self.upstream};'),)


class Caddy(Proxy):
    name = 'Caddy'

    def command(self):
        matcher, within = '', ()
        if self.prefix != '/':
            matcher, within = '@blog ', (('\t#@blog path', '\t@blog path'),)
        text = replaced((CONTRIB / 'Caddyfile').read_text(), *within,
                        (f'\n{NAME} {{\n', f'\nhttps://{NAME}:{self.port} {{\n\ttls {self.certificate} {self.key}\n'),
                        ('\treverse_proxy 127.0.0.1:8080 {\n', f'\treverse_proxy {matcher}{self.upstream} {{\n'))
        # Certificates are given here, and nothing listens on ports 80 and 2019.
        text = f'{{\n\tadmin off\n\tauto_https off\n\thttp_port {self.plain_port}\n}}\n{text}'
        return ['caddy', 'run', '--adapter', 'caddyfile', '--config', self.write('Caddyfile', text)]

    def unix(path):
        return f'unix/{path}'


class HAProxy(Proxy):
    name = 'HAProxy'

    def command(self):
        backend = ('    default_backend dropfeed', '    # default_backend dropfeed')
        within = ('    #use_backend dropfeed if { path /blog } or { path_beg /blog/ }',
                  f'    use_backend dropfeed if {{ path {self.prefix.rstrip("/")} }} or {{ path_beg {self.prefix} }}')
        text = replaced((CONTRIB / 'haproxy.cfg').read_text(),
                        ('server dropfeed 127.0.0.1:8080', f'server dropfeed {self.upstream}'),
                        ('bind :80', f'bind :{self.plain_port}'), ('bind :443', f'bind :{self.port}'),
                        (f'/etc/haproxy/{NAME}.pem', str(self.both)),
                        ('log /dev/log local0', 'log stdout format raw local0'),
                        ('    user haproxy\n    group haproxy\n', ''), *((backend, within) if self.prefix != '/' else ()))
        return ['haproxy', '-db', '-f', self.write('haproxy.cfg', text)]

    def unix(path):
        return f'unix@{path}'


PROXIES = (Nginx, Caddy, HAProxy)
