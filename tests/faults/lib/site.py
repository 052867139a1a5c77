"""A dropfeed of one's own: directories, a configuration, the real process, and a plain HTTP client."""

import functools
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

SLOWNESS = float(os.environ.get("FAULTS_SLOWNESS", "1"))
ROOT = Path(__file__).resolve().parents[3]
BASE = "http://test.example"


@functools.cache
def DROPFEED():
    """The program under test; it is built unless DROPFEED_BIN names it."""
    if named := os.environ.get("DROPFEED_BIN"):
        return named
    manifest = ["--manifest-path", str(ROOT / "Cargo.toml")]
    subprocess.run(["cargo", "build", "--quiet", "--profile", "ci", *manifest], check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", *manifest]
    target = json.loads(subprocess.run(metadata, check=True, capture_output=True).stdout)["target_directory"]
    return f"{target}/ci/dropfeed"


class Died(Exception):
    """dropfeed ended although it should run."""


class Response:
    """An answer to a GET."""

    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines[1:])}
        self.body = body


def get(address, path, headers="", timeout=None):
    """One GET on a connection of its own. Raises OSError if there is no whole answer."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout or 30 * SLOWNESS) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n".encode())
        parts = []
        while part := stream.recv(1 << 18):
            parts.append(part)
    head, found, body = b"".join(parts).partition(b"\r\n\r\n")
    if not found:
        raise ConnectionResetError("the answer has no whole head")
    response = Response(head, body)
    if int(response.headers.get("content-length", len(body))) != len(body):
        raise ConnectionResetError(f"{len(body)} bytes of {response.headers['content-length']}")
    return response


class Site:
    """Directories beneath a temporary one, and the process while it runs.

    `settings`: lines of configuration, such as `articles.poll = true`. `readers`: whether a reader and a directory
    reader check L3 while it runs.
    """

    def __init__(self, settings="", readers=True):
        from .readers import Book, DirectoryReader, Reader

        self.dir = Path(tempfile.mkdtemp(prefix="dropfeed-fault-"))
        self.articles, self.feeds, self.state = (self.dir / name for name in ("articles", "feeds", "state"))
        self.articles.mkdir()
        self.settings = settings
        self.process = self.address = None
        # Whether it has to answer: from its first answer until a test kills or stops it.
        self.is_up = False
        # Counts the lives of the process, so that a reader can tell a torn answer from a killed server.
        self.lives = 0
        self.log_path = self.dir / "log"
        self.log_path.touch()
        self.book = Book()
        # Deaths that no test asked for.
        self.deaths = []
        self.readers = [Reader(self), DirectoryReader(self)] if readers else []

    # Configuration.

    def configuration(self, **directories):
        lines = {
            "site.title": '"Test"',
            "site.url": f'"{BASE}/"',
            "articles.grace_s": "1",
            "articles.reconcile_s": "10",
            "feeds.limit": "10000",
            "feeds.max_bytes": "100000000",
            "server.listen": '"127.0.0.1:0"',
        }
        for name in ("articles", "feeds", "state"):
            lines[f"{name}.dir"] = json.dumps(str(directories.get(name, getattr(self, name))))
        for line in self.settings.splitlines():
            if line.strip():
                key, value = line.split(" = ", 1)
                lines[key.strip()] = value
        return "".join(f"{key} = {value}\n" for key, value in lines.items())

    @property
    def config(self):
        path = self.dir / "config.toml"
        text = self.configuration()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return path

    # The process.

    def start(self, wrapper=(), env=None, wait_s=30, pass_fds=(), pause_readers=False):
        """Starts it and waits until it listens; returns how long that took. `wrapper`: a command before it."""
        self.spawn(wrapper, env, pass_fds)
        begin = time.monotonic()
        while not self.listens():
            if time.monotonic() - begin > wait_s * SLOWNESS:
                raise Died(f"does not listen: {self.log_text()[-2000:]}")
            if self.process.poll() is not None:
                raise Died(f"ended with {self.process.returncode}: {self.log_text()[-2000:]}")
            time.sleep(0.002)
        self.is_up = True
        if not pause_readers:
            self.start_readers()
        return time.monotonic() - begin

    def start_readers(self):
        for reader in self.readers:
            reader.begin()

    def spawn(self, wrapper=(), env=None, pass_fds=()):
        """Starts it without waiting."""
        assert self.process is None, "it runs already"
        self.log_from = self.log_path.stat().st_size
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DROPFEED_", "NOTIFY_", "LISTEN_"))}
        environment |= env or {}
        command = [*map(str, wrapper), DROPFEED(), "serve", "--log-format", "json", "--config", str(self.config)]
        with open(self.log_path, "ab") as log:
            # A group of its own, so that a wrapper such as strace dies together with it.
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, env=environment, cwd=self.dir, start_new_session=True, pass_fds=pass_fds
            )

    def listens(self):
        events = self.log("listening")
        for event in events:
            self.address = event["address"]
        return bool(events)

    @property
    def pid(self):
        """The process of dropfeed itself, also beneath a wrapper."""
        pid = self.process.pid
        while True:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == os.path.basename(os.path.realpath(DROPFEED())):
                return pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                raise Died("no process of dropfeed beneath the wrapper")
            pid = int(children[0])

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """SIGKILL, also of a wrapper."""
        self.down()
        if self.process.poll() is not None:
            self.deaths.append(f"it ended by itself with {self.process.returncode}: {self.log_text()[-1000:]}")
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def down(self):
        """Says that no answer is owed any more."""
        self.is_up = False
        self.lives += 1

    def stop(self, seconds=30):
        """SIGTERM; returns the exit status."""
        self.down()
        os.kill(self.pid, signal.SIGTERM)
        return self.ended(seconds)

    def ended(self, seconds=30):
        """Waits for its end; returns the exit status."""
        try:
            status = self.process.wait(seconds * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Died(f"did not end within {seconds * SLOWNESS:g} s") from None
        self.down()
        self.process = None
        return status

    def end(self):
        """Ends everything; returns what the readers complained about."""
        problems = []
        for reader in self.readers:
            reader.stop()
        # Before they are waited for: a reader of a stopped process would wait for long.
        if self.process is not None:
            self.kill()
        for reader in self.readers:
            problems += reader.join()
        problems += self.book.problems + self.deaths
        if "panicked" in self.log_text():
            problems.append("a panic in the log: " + self.log_text().split("panicked")[1][:500])
        return problems

    # What it says.

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def log(self, event=None, containing=""):
        """The events of this life, by name and text."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_from)
            lines = log.read().splitlines()
        events = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and event in (None, entry.get("event")) and containing in entry.get("message", ""):
                events.append(entry)
        return events

    def command(self, *arguments, timeout=60, config=None):
        """Runs another command of dropfeed on this site; returns its result."""
        return subprocess.run(
            [DROPFEED(), *arguments, "--config", str(config or self.config)],
            capture_output=True, text=True, timeout=timeout * SLOWNESS, cwd=self.dir,
        )

    def status(self):
        """The object of `dropfeed status --json`; empty if it does not answer."""
        result = self.command("status", "--json")
        return json.loads(result.stdout) if result.returncode == 0 else {}

    def degraded(self):
        """The reasons for which it is degraded or held, as `status` names them; None if it does not answer."""
        status = self.status()
        if not status:
            return None
        reasons = [entry["reason"] for entry in status["degraded"]]
        if status["held"]:
            reasons.append(f"held: {status['held']['before']} -> {status['held']['after']}: {status['held']['reason']}")
        return reasons

    def get(self, path, headers="", timeout=None):
        return get(self.address, path, headers, timeout)

    def export(self):
        """The rows of `dropfeed state export`, by path."""
        result = self.command("state", "export")
        if result.returncode != 0:
            raise Died(f"state export: {result.stderr}")
        lines = result.stdout.splitlines()
        names = lines[0].removeprefix("#").split("\t")
        return {row["path"]: row for row in (dict(zip(names, line.split("\t"))) for line in lines[1:])}

    # What it uses.

    def memory_kib(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def cpu_s(self):
        """Processor time used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
