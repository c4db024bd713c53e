# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests use: checks, waits with deadlines, ports, the places of things.

Nothing here sleeps for a guessed time: every wait is for a condition and has a deadline. Nothing here needs pytest:
./dev demo runs without it.
"""

import contextlib
import os
import pathlib
import random
import re
import socket
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent

# All deadlines are multiplied by it: sanitizers, and emulated or very busy machines, are slower.
PATIENCE = float(os.environ.get("TOXASYNC_TEST_PATIENCE", "1"))

# Before a command: the program ends with us, whatever we end by. Finalizers do it earlier, and in order.
WITH_US = ("setpriv", "--pdeathsig", "KILL")


class Failure(AssertionError):
    """A promise was not kept, or not in time."""


class Skip(unittest.SkipTest):
    """Something that the test needs is not on this machine. pytest reports a skipped test."""


def check(condition, what):
    __tracebackhide__ = True  # pytest shows where it was called
    if not condition:
        raise Failure(what)


def poll_until(condition, seconds, what, every=0.1):
    """For what tells nothing when it changes, and must be asked. Gives what the condition gave."""
    deadline = time.monotonic() + seconds * PATIENCE
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds * PATIENCE:.0f} s: {what}")
        pause.wait(every)


def wait_quiet(figures, quiet_s, seconds, what):
    """Until what `figures` gives has stood still for `quiet_s`."""
    last = {"figures": None, "at": 0.0}

    def quiet():
        now = figures()
        if now != last["figures"]:
            last.update(figures=now, at=time.monotonic())
        return time.monotonic() - last["at"] > quiet_s * PATIENCE
    poll_until(quiet, seconds, what)


def _port_range():
    """Below the ports that the system gives out by itself. Each of pytest's workers has its own part of them."""
    first, parts, size = 20000, 12, 1000
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if not worker:
        return range(first, first + parts * size)
    start = first + int(worker[1]) % parts * size
    return range(start, start + size)


class Ports:
    """Ports that nobody uses, neither for UDP nor for TCP.

    Each is held by a TCP socket of the same number until the end, so that tests of other runs at the same time do not
    draw the same one.
    """

    def __init__(self):
        self._range = _port_range()
        self._held = []
        self._given = set()

    def take(self):
        for _ in range(1000):
            port = random.choice(self._range)
            if port in self._given:
                continue
            holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                holder.bind(("127.0.0.1", port))
                for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                    if family == socket.AF_INET6 and not socket.has_ipv6:
                        continue
                    with socket.socket(family, socket.SOCK_DGRAM) as probe:
                        probe.bind((any_address, port))
            except OSError:
                holder.close()
                continue
            self._held.append(holder)
            self._given.add(port)
            return port
        raise Failure("no free ports on 127.0.0.1")

    def take_tcp(self):
        """A port that a program can listen on: nobody holds it."""
        port = self.take()
        self._held.pop().close()
        return port

    def close(self):
        for holder in self._held:
            holder.close()


def sockets(pid, protocol):
    """The program's sockets, as (port here, port there); `protocol` is "udp" or "tcp"."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # it was closed meanwhile
            inodes.add(os.readlink(entry))
    found = []
    for table in (protocol, protocol + "6"):
        lines = [line.split() for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
        found += [tuple(int(end.rsplit(":", 1)[1], 16) for end in line[1:3]) for line in lines
                  if f"socket:[{line[9]}]" in inodes]
    return found


def find_toxcore(prefix):
    """The directory of a patched libtoxcore below a prefix, or None."""
    library = pathlib.Path(prefix).resolve() / "lib"
    return library if (library / "libtoxcore.so.2").exists() else None


def default_toxcore(version="0.2.20"):
    prefix = os.environ.get("TOXASYNC_TOXCORE_DIR")
    return pathlib.Path(prefix) if prefix and version == "0.2.20" else SOURCE / "build" / f"toxcore-{version}"
