# SPDX-License-Identifier: GPL-3.0-or-later
"""One test's programs, ports and files."""

import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

import support
from programs import Chat, Node
from support import Failure, Ports, Skip, check


# A socket's path has 107 bytes at most, and there are some in the directories of tests.
LONGEST_PARENT = 52
LONGEST_NAME = 20


def make_directory(build, name):
    """A new one for a test's files, below the build directory."""
    parent = pathlib.Path(build).resolve() / "integration-data"
    parent.mkdir(exist_ok=True)
    if len(str(parent)) > LONGEST_PARENT:
        parent = None  # the system's directory for temporary files
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{name[:LONGEST_NAME]}-", dir=parent))


class World:
    """One test's processes, ports and files. Everything ends with it."""

    def __init__(self, build, toxcore=None, name="test"):
        """`toxcore` is the prefix of a patched c-toxcore; without one, programs use the system's."""
        self.build = pathlib.Path(build).resolve()
        self.processes = []
        self.peers = []  # Tox instances that run during the whole test, for tests that need some
        self.cleanups = []  # what is to be done when all programs have ended
        self._begun = time.monotonic()
        self.environment = self._environment(toxcore)
        self.ports = Ports()
        self.directory = make_directory(self.build, name)
        self.environment["TMPDIR"] = str(self.directory)

    def _environment(self, toxcore):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("TOX_ASYNC", "XDG_")) and key != "JOURNAL_STREAM"}
        paths = [str(self.build / "lib")]
        if toxcore:
            library = support.find_toxcore(toxcore)
            if not library:
                raise Skip(f"no patched c-toxcore in {toxcore}: ./dev setup builds it")
            paths.insert(0, str(library))
        environment["LD_LIBRARY_PATH"] = ":".join(paths)
        environment["ASAN_OPTIONS"] = "detect_leaks=1:exitcode=86:" + environment.get("ASAN_OPTIONS", "")
        environment["UBSAN_OPTIONS"] = "print_stacktrace=1:" + environment.get("UBSAN_OPTIONS", "")
        environment["TSAN_OPTIONS"] = "exitcode=86:" + environment.get("TSAN_OPTIONS", "")
        return environment

    def elapsed(self):
        return time.monotonic() - self._begun

    def program(self, name):
        path = self.build / "bin" / name
        check(path.exists(), f"{path} does not exist: build it first (./dev build)")
        return path

    def node(self, name, **options):
        return Node(self, name, **options)

    def nodes(self, count):
        started = [self.node(f"node{i + 1}") for i in range(count)]
        return [node.ready() for node in started]

    def chat(self, name, **options):
        return Chat(self, name, **options)

    def friends(self, nodes, **options):
        """Two clients, friends of one another, each with the other's keys."""
        addresses = [node if isinstance(node, str) else node.address for node in nodes]
        bob = self.chat("bob", nodes=addresses, **options).ready()
        alice = self.chat("alice", nodes=addresses, bootstrap=[bob], **options).ready()
        alice.write(f"add {bob.tox_id}")
        for chat in (alice, bob):
            chat.wait_for(r"friend 0 online", 40)
            chat.wait_for(r"friend 0 ready", 20)
        return alice, bob

    def picture_path(self, name):
        """For a picture that is kept when the test has passed, too."""
        directory = self.build / "integration-data" / "pictures"
        directory.mkdir(exist_ok=True)
        return directory / name

    def check_sanitizers(self):
        pattern = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|runtime error:")
        reports = [f"{process.name}: {text}" for process in self.processes for text in process.texts("err")
                   if pattern.search(text)]
        check(not reports, "a sanitizer reports: " + "; ".join(reports))

    def kill_all(self):
        for process in self.processes:
            if process.running():
                process.kill()

    def end(self, keep_files=False):
        self.kill_all()
        for cleanup in reversed(self.cleanups):
            cleanup()
        self.ports.close()
        if not keep_files:
            shutil.rmtree(self.directory, ignore_errors=True)

    def last_lines(self):
        """What to show when the test has failed."""
        lines = []
        for process in self.processes:
            state = "running" if process.running() else f"ended with {process.process.returncode}"
            lines += [f"--- {process.name} (pid {process.pid}, {state}), its last lines:", *process.tail()]
        return "\n".join([*lines, f"--- files are kept in {self.directory}"])


def run(world, body):
    """For commands that run without pytest: runs the body and ends its processes. Gives the exit code."""
    failed = True
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that `finally` is gone through.
    try:
        body(world)
        world.check_sanitizers()
        failed = False
        return 0
    except Skip:
        failed = False
        raise
    except Failure as failure:
        print(f"\nFAILED: {failure}", flush=True)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        if failed:
            print(world.last_lines(), flush=True)
        world.end(keep_files=failed)
