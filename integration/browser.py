# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium, told what to do over its pipe (the DevTools protocol)."""

import base64
import contextlib
import fcntl
import json
import os
import queue
import shutil
import signal
import tempfile
import threading
import time

import support
from support import Failure, Skip, check

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--remote-debugging-pipe", "about:blank")


def _high(fd):
    """The same out of the way of 3 and 4, which the browser wants."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return high


class Browser:
    """One page. `requested` are the addresses that it asked for, `complaints` errors, of the script or of the
    Content-Security-Policy."""

    def __init__(self, world, width=1120, height=900):
        program = shutil.which("chromium")
        if not program:
            raise Skip("chromium is missing")
        self.requested, self.complaints = [], []
        self._answers = queue.Queue()
        self._loaded = threading.Event()
        self._next_id = 0
        to_read, self._to = map(_high, os.pipe())
        self._from, to_write = map(_high, os.pipe())
        profile = world.directory / f"chromium-{len(world.cleanups)}"
        self._sockets = tempfile.mkdtemp(prefix="toxasync-")  # a socket's path must be short
        with open(world.directory / "chromium.log", "ab") as log:
            self._pid = os.posix_spawn(
                program, [program, f"--user-data-dir={profile}", *FLAGS],
                {**world.environment, "HOME": str(profile), "TMPDIR": self._sockets},
                file_actions=[(os.POSIX_SPAWN_DUP2, to_read, 3), (os.POSIX_SPAWN_DUP2, to_write, 4),
                              (os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)],
                setpgroup=0)
        world.cleanups.append(self.close)
        os.close(to_read)
        os.close(to_write)
        threading.Thread(target=self._read, daemon=True).start()
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _read(self):
        rest = b""
        with contextlib.suppress(OSError):
            while True:
                some = os.read(self._from, 65536)
                if not some:
                    return
                *messages, rest = (rest + some).split(b"\0")
                for message in messages:
                    self._take(json.loads(message))

    def _take(self, message):
        method, what = message.get("method"), message.get("params", {})
        if "id" in message:
            self._answers.put(message)
        elif method == "Network.requestWillBeSent":
            self.requested.append(what["request"]["url"])
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(what["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(what["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif method == "Page.loadEventFired":
            self._loaded.set()

    def call(self, method, **parameters):
        self._next_id += 1
        message = {"id": self._next_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 90 * support.PATIENCE  # it may still be starting, beside two other tests
        while True:
            try:
                answer = self._answers.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"the browser does not answer {method}") from None
            if answer["id"] == self._next_id:
                check("error" not in answer, f"the browser refuses {method}: {answer.get('error')}")
                return answer["result"]

    def open(self, url):
        self._loaded.clear()
        self.call("Page.navigate", url=url)
        check(self._loaded.wait(30 * support.PATIENCE), f"{url} was not loaded")

    def scheme(self, name):
        """How the page is to look: "light" or "dark"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def scripts(self, allowed):
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def look(self, expression):
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        check("exceptionDetails" not in answer, f"{expression}: {answer.get('exceptionDetails')}")
        return answer["result"].get("value")

    def picture(self, path):
        """The whole page, as it would be on a screen that is long enough."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        """Ends it with all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        shutil.rmtree(self._sockets, ignore_errors=True)
