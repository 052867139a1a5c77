"""F29: the own hub with ten thousand subscribers, and killed during its deliveries.

The callbacks are on several hosts, since one host gets eight deliveries at a time.
"""

import asyncio
import multiprocessing
import os
import resource
import socket
import threading
import time
import urllib.parse

from lib.suite import fault, wait

TOPIC = "http://test.example/rss.xml"
HOSTS = [f"127.0.0.{number}" for number in range(1, 17)]
# The most deliveries that are under way at a time.
UNDER_WAY = 64


def marker(number):
    return f"Marker{number:06}"


async def answer(reader, writer, wanted, newest, taken):
    """One request to a callback: repeats a challenge, or takes a delivery."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n")[0].split(" ")
        path, _, query = target.partition("?")
        body = b""
        if method == "GET":
            body = urllib.parse.parse_qs(query)["hub.challenge"][0].encode()
        else:
            lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            feed = await reader.readexactly(int(lengths[0].split(": ")[1]))
            number = int(path[1:])
            taken[number] += 1
            if marker(wanted.value).encode() in feed:
                newest[number] = wanted.value
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        # The hub was killed.
        pass
    finally:
        writer.close()


def serve(listener, wanted, newest, taken):
    """The process of all subscribers."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    async def main():
        server = await asyncio.start_server(
            lambda reader, writer: answer(reader, writer, wanted, newest, taken), sock=listener, backlog=1024
        )
        await server.serve_forever()

    asyncio.run(main())


class Subscribers:
    """Callbacks `/0`, `/1` and so on, on one address."""

    def __init__(self, count):
        self.count = count
        listener = socket.create_server(("", 0), backlog=1024)
        self.port = listener.getsockname()[1]
        self.wanted = multiprocessing.Value("I", 0)
        # The last marker that each callback has seen, and the deliveries that it took. One process writes them.
        self.newest = multiprocessing.Array("I", count, lock=False)
        self.taken = multiprocessing.Array("I", count, lock=False)
        arguments = (listener, self.wanted, self.newest, self.taken)
        self.process = multiprocessing.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        listener.close()

    def settings(self):
        return (
            f"websub.own_hub = true\nwebsub.loopback_callbacks = true\nwebsub.callback_ports = [{self.port}]\n"
            f"websub.max_subscriptions = {self.count}\nwebsub.max_subscriptions_per_host = {self.count}\n"
        )

    def cpu_s(self):
        return cpu_s(self.process)

    def missing(self):
        """The number of callbacks that have not seen the wanted marker."""
        return sum(1 for seen in self.newest if seen != self.wanted.value)

    async def subscribe(self, address):
        """Subscribes all of them, over 16 connections."""
        host, port = address.rsplit(":", 1)
        left = iter(range(self.count))
        statuses = {}

        async def post():
            reader, writer = await asyncio.open_connection(host, int(port))
            for number in left:
                callback = f"http://{HOSTS[number % len(HOSTS)]}:{self.port}/{number}"
                fields = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": callback, "hub.secret": "s"}
                form = urllib.parse.urlencode(fields)
                kind = "application/x-www-form-urlencoded"
                head = f"POST /-/hub HTTP/1.1\r\nHost: test\r\nContent-Type: {kind}\r\nContent-Length: {len(form)}"
                writer.write(f"{head}\r\n\r\n{form}".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                await reader.readexactly(int(fields["content-length"]))
                status = head[9:12]
                statuses[status] = statuses.get(status, 0) + 1
            writer.close()

        await asyncio.gather(*(post() for _ in range(16)))
        return statuses


class Poller(threading.Thread):
    """A reader that polls all the time; keeps how long each answer took."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.took, self.is_done = site, [], threading.Event()

    def run(self):
        while not self.is_done.is_set():
            begin = time.monotonic()
            self.site.get("/rss.xml")
            self.took.append(time.monotonic() - begin)
            time.sleep(0.005)

    def end(self):
        self.is_done.set()
        self.join()
        took = sorted(self.took)
        return f"{len(took)} GETs: median {took[len(took) // 2] * 1e3:.1f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.1f} ms"


def memory(site, key):
    with open(f"/proc/{site.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024


def cpu_s(site):
    with open(f"/proc/{site.pid}/stat") as stat:
        fields = stat.read().rpartition(") ")[2].split(" ")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish(site, subscribers, number):
    """Publishes an article, and returns how long it took until a GET has it."""
    subscribers.wanted.value = number
    begin = time.monotonic()
    text = f"---\ntitle: {marker(number)}\n---\n\n" + "Some text of it. " * 60
    temporary = site.dir / "incoming"
    temporary.write_text(text)
    temporary.rename(site.articles / f"m{number}.md")
    wait("it is served", lambda: marker(number).encode() in site.get("/rss.xml").body, 30)
    return time.monotonic() - begin


def begin(t, count):
    """A site with a feed of some size, and its subscribers, all confirmed."""
    subscribers = Subscribers(count)
    site = t.site("feeds.limit = 30\n" + subscribers.settings(), readers=False)
    for number in range(30):
        (site.articles / f"a{number}.md").write_text(f"# Article {number}\n\n" + "Some text of it. " * 60)
    site.start()
    wait("all is published", lambda: b"Article 29" in site.get("/rss.xml").body, 30)
    before = memory(site, "VmRSS")
    start = time.monotonic()
    statuses = asyncio.run(subscribers.subscribe(site.address))
    t.check(statuses == {"202": count}, f"answers: {statuses}")
    confirmed = lambda: site.log_text().count("confirmed: subscribe") >= count
    wait("all are confirmed", confirmed, 120)
    took = time.monotonic() - start
    t.say(f"{count} subscribed in {took:.1f} s, {before:.0f} -> {memory(site, 'VmRSS'):.0f} MiB")
    return site, subscribers


@fault(
    "F29a", "hub-crowd",
    injects="10,000 subscribers of one feed on one host, with signatures, a reader that polls, and a second article meanwhile",
    demands="all have the newest feed within a minute; a publish takes no second longer, and a GET p99 50 ms at most",
    quick=False,
)
def crowd(t):
    site, subscribers = begin(t, t.size(10_000, 1_000))
    poller = Poller(site)
    poller.start()
    used, theirs, start = cpu_s(site), subscribers.cpu_s(), time.monotonic()
    first = publish(site, subscribers, 1)
    # While they are delivered.
    second = publish(site, subscribers, 2)
    wait(lambda: f"{subscribers.missing()} have not got it", lambda: subscribers.missing() == 0, 120)
    took = time.monotonic() - start
    used, theirs = cpu_s(site) - used, subscribers.cpu_s() - theirs
    gets = poller.end()
    t.check(took < 60 * t.slowness, f"it took {took:.1f} s")
    t.check(max(first, second) < 1 * t.slowness, f"a publish took {first:.2f} s and {second:.2f} s")
    slowest = sorted(poller.took)[len(poller.took) * 99 // 100]
    t.check(slowest < 0.05 * t.slowness, gets)
    # Some got both, the others the newest alone.
    t.check(all(1 <= count <= 2 for count in subscribers.taken), "a version was delivered twice")
    t.say(
        f"delivered in {took:.1f} s, {sum(subscribers.taken)} deliveries, {used:.1f} s of CPU, those of the subscribers {theirs:.1f} s, "
        f"{memory(site, 'VmRSS'):.0f} MiB (at most {memory(site, 'VmHWM'):.0f}); "
        f"published in {first * 1e3:.0f} ms and {second * 1e3:.0f} ms; {gets}"
    )


@fault(
    "F29b", "hub-kill",
    injects="kill -9 at ten moments during deliveries to 1,000 subscribers, and three times in a row",
    demands="each subscriber gets the newest feed; a kill repeats what was under way at it and nothing else, for each subscriber once",
    quick=True,
)
def killed(t):
    count = t.size(1_000, 200)
    site, subscribers = begin(t, count)
    kills = t.size(10, 4)
    for kill in range(kills):
        before = sum(subscribers.taken)
        publish(site, subscribers, kill + 1)
        # Somewhere between the first delivery and the last.
        part = before + count * (kill + 1) // (kills + 2)
        wait("some are delivered", lambda: sum(subscribers.taken) >= part, 30)
        site.kill()
        site.start()
        wait(lambda: f"{subscribers.missing()} have not got it", lambda: subscribers.missing() == 0, 60)
    # What a further article brings is the sign that nothing else comes of those before.
    publish(site, subscribers, kills + 1)
    wait(lambda: f"{subscribers.missing()} have not got it", lambda: subscribers.missing() == 0, 60)
    most, extra = max(subscribers.taken) - 1, sum(subscribers.taken) - count * (kills + 1)
    t.check(most <= 2 * kills, f"a subscriber got {most} deliveries for {kills} articles and {kills} kills")
    t.check(extra <= UNDER_WAY * kills, f"{extra} deliveries are repeated for {kills} kills")
    t.say(f"{kills} kills, {extra} of {count * kills} deliveries repeated")
    # Three kills for one article.
    taken = list(subscribers.taken)
    publish(site, subscribers, kills + 2)
    for kill in range(3):
        part = sum(taken) + count * (kill + 1) // 5
        wait("some are delivered", lambda: sum(subscribers.taken) >= part, 30)
        site.kill()
        site.start()
    wait(lambda: f"{subscribers.missing()} have not got it", lambda: subscribers.missing() == 0, 60)
    publish(site, subscribers, kills + 3)
    wait(lambda: f"{subscribers.missing()} have not got it", lambda: subscribers.missing() == 0, 60)
    times = [now - before - 1 for now, before in zip(subscribers.taken, taken)]
    extra = sum(times) - count
    t.check(max(times) <= 4, f"a subscriber got one article {max(times)} times for 3 kills")
    t.check(extra <= 3 * UNDER_WAY, f"{extra} deliveries are repeated for 3 kills in a row")
    t.say(f"3 kills in a row: {extra} of {count} repeated, at most {max(times)} for one subscriber")
