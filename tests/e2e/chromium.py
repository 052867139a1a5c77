"""A Chromium that is driven through its DevTools protocol, over a pipe: no driver and no library is needed."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-pipe"]


class Browser:
    """One page of a browser of its own."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()
        # The protocol is spoken on the descriptors 3 and 4.
        def descriptors():
            os.dup2(to_browser, 63), os.dup2(from_browser, 64)
            os.dup2(63, 3), os.dup2(64, 4)
        self.process = subprocess.Popen(["chromium", *FLAGS, f"--user-data-dir={self.profile}"], close_fds=False,
                                        preexec_fn=descriptors, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser), os.close(from_browser)
        self.number, self.rest, self.events, self.session = 0, b"", [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def ask(self, method, **params):
        """The answer to a command. Events that come before it are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        while b"\0" not in self.rest:
            read = os.read(self.inn, 1 << 16)
            if not read:
                raise RuntimeError("the browser is gone")
            self.rest += read
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, url, width=1280, scheme="light", scale=1):
        """Opens a page, and waits until it is loaded. `scale`: the size of the text."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        answer = self.ask("Page.navigate", url=url)
        if "errorText" in answer:
            raise RuntimeError(f"{url}: {answer['errorText']}")
        deadline = time.monotonic() + 60
        while self.run("document.readyState + location.href.startsWith('about:blank')") != "completefalse":
            assert time.monotonic() < deadline, f"{url} is never loaded"
        if scale != 1:
            self.run(f"document.documentElement.style.fontSize = '{scale * 100}%'")

    def run(self, script):
        """The value of an expression in the page; of a promise, what it becomes."""
        result = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        return result["result"].get("value")

    def complaints(self):
        """What the console says of the page, and requests that failed."""
        found = []
        for event in self.events:
            if event.get("method") == "Log.entryAdded":
                found.append(event["params"]["entry"]["text"])
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(str(event["params"]["args"]))
        return found

    def requests(self):
        """The URLs that the page has loaded."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def picture(self, path=None):
        """A picture of the whole page, as PNG."""
        data = base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"])
        if path:
            with open(path, "wb") as file:
                file.write(data)
        return data

    def printed(self, path=None):
        """The page as it is printed, as PDF."""
        data = base64.b64decode(self.ask("Page.printToPDF")["data"])
        if path:
            with open(path, "wb") as file:
                file.write(data)
        return data
