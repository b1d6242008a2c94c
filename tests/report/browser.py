"""A headless Chromium for many pages, spoken to over a pipe by its DevTools protocol."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from itertools import count

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
SECONDS = 120
_HEARD = {
    "Runtime.exceptionThrown": lambda told: told["exceptionDetails"]["exception"]["description"],
    "Runtime.consoleAPICalled": lambda told: str([each.get("value") for each in told["args"]]),
    "Log.entryAdded": lambda told: told["entry"]["text"],
}
"""What a page says, by event."""


class Browser:
    """One process; each visit has a page of its own."""

    def __init__(self, profile):
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for _ in "ab" for end in os.pipe()]
        theirs_in, self._out, self._in, theirs_out = ends

        def take_pipes():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self._process = subprocess.Popen(
            [
                CHROMIUM,
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,  # or the pipes would be closed
            preexec_fn=take_pipes,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers, self._read, self._events = count(1), b"", []

    def close(self):
        self._send("Browser.close")
        self._process.wait(SECONDS)
        os.close(self._in)
        os.close(self._out)

    def visit(self, url, script, width, scheme="light"):
        """Open a page and evaluate a script; returns its value, and what failed or was said.

        A promise is waited for.
        """
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        page = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable", page)
        shape = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", page, **shape)
        colours = [{"name": "prefers-color-scheme", "value": scheme}]
        self._ask("Emulation.setEmulatedMedia", page, features=colours)
        self._events.clear()
        self._ask("Page.navigate", page, url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._hear()
        given = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self._ask("Runtime.evaluate", page, **given)["result"].get("value")
        self._settle(page)
        said = self._said()
        self._ask("Target.closeTarget", targetId=target)
        return answer, said

    def _settle(self, page):
        """Wait until two frames were drawn and every request has an end."""
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self._ask("Runtime.evaluate", page, expression=frames, awaitPromise=True)
        while self._requests("Network.requestWillBeSent") - self._requests(
            "Network.loadingFinished", "Network.loadingFailed"
        ):
            self._hear()

    def _requests(self, *methods):
        return {e["params"]["requestId"] for e in self._events if e["method"] in methods}

    def _said(self):
        """Return the addresses that gave nothing, and what was said beside that."""
        asked = {
            event["params"]["requestId"]: event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        }
        failed = [asked[name] for name in sorted(self._requests("Network.loadingFailed"))]
        others = [
            _HEARD[event["method"]](event["params"])
            for event in self._events
            if event["method"] in _HEARD
            and event["params"].get("entry", {}).get("url") not in failed
        ]
        return [*failed, *others]

    def _ask(self, method, page=None, **values):
        number = self._send(method, page, **values)
        while True:
            told = self._hear()
            if told.get("id") == number:
                assert "result" in told, told
                return told["result"]

    def _send(self, method, page=None, **values):
        number = next(self._numbers)
        words = {"id": number, "method": method, "params": values}
        words |= {"sessionId": page} if page else {}
        os.write(self._out, json.dumps(words).encode() + b"\0")
        return number

    def _hear(self):
        """Take the next message; events are kept."""
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self._read:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._in], [], [], max(0, left))
            assert ready, "Chromium says nothing"
            more = os.read(self._in, 1 << 20)
            assert more, "Chromium has ended"
            self._read += more
        message, _, self._read = self._read.partition(b"\0")
        told = json.loads(message)
        if "method" in told:
            self._events.append(told)
        return told
