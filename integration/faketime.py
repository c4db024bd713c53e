# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that the test sets, for programs that need not know: Debian's libfaketime."""

import pathlib
import re
import subprocess
import time

from support import Failure

LIBRARY = "libfaketimeMT.so.1"
PACKAGE = "libfaketime"
TIMERS = "libdue-timers.so"  # due_timers.c says why
SANITIZER = re.compile(r"=> (\S*/lib[at]san\.so\S*)")


def find_library():
    listed = []
    try:
        listed = subprocess.run(["dpkg", "-L", PACKAGE], capture_output=True, text=True).stdout.splitlines()
    except FileNotFoundError:
        pass  # not a Debian
    places = [pathlib.Path(line) for line in listed if line.endswith("/" + LIBRARY)]
    for directory in ("/usr/lib", "/usr/lib64", "/usr/local/lib"):
        places += [pathlib.Path(directory) / "faketime" / LIBRARY]
        places += sorted(pathlib.Path(directory).glob(f"*/faketime/{LIBRARY}"))
    for place in places:
        if place.exists():
            return place
    raise Failure(f"{LIBRARY} is missing: install the Debian package {PACKAGE} (./dev setup does)")


class Clock:
    """The clock of all programs that are started in the world after this, running and yet to come.

    Only the wall clock is the test's, if not said otherwise: who runs while it is stepped was asleep, or has a wrong
    clock. The monotonic one, by which polls, time-outs and toxcore's timers run, is the machine's.
    """

    def __init__(self, world, program, monotonic=False):
        self._world = world
        self._file = world.directory / "clock"
        self._ahead_s = 0
        self._write()
        world.cleanups.append(self._clean_up)
        listed = subprocess.run(["ldd", world.program(program)], capture_output=True, text=True, check=True,
                                env=world.environment).stdout
        # A sanitizer's library must come before all others.
        preloaded = SANITIZER.findall(listed) + [str(world.build / "lib" / TIMERS), str(find_library())]
        world.environment.update({
            "LD_PRELOAD": ":".join(preloaded),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",  # files have the times that they have
        })
        self.set_monotonic(monotonic)

    def set_monotonic(self, monotonic):
        """For programs that are started after this: whether a step is time that passes for them."""
        self._world.environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "0" if monotonic else "1"

    def _write(self):
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"+{self._ahead_s}\n")
        fresh.replace(self._file)  # whole, whenever a program looks

    def step(self, seconds):
        self._ahead_s += seconds
        self._write()

    def now(self):
        """Unix seconds."""
        return time.time() + self._ahead_s

    def _clean_up(self):
        """libfaketime leaves these when its program is killed, and fails where the number is used again."""
        for process in self._world.processes:
            for name in (f"faketime_shm_{process.pid}", f"sem.faketime_sem_{process.pid}"):
                pathlib.Path("/dev/shm", name).unlink(missing_ok=True)
