# SPDX-License-Identifier: GPL-3.0-or-later
"""Live programs as tests see them: storage nodes, chat clients, their output, their ends."""

import collections
import os
import re
import signal
import subprocess
import threading
import time

import support
from support import Failure, check, poll_until

STATS = re.compile(r"stats (.*)")
NO_CONFIG = ("--config", "/dev/null")  # whatever this machine's own toxasyncd is told
NODE_ADDRESS = re.compile(r"toxasyncd: node address (toxasync:\S+)")


class Process:
    """A program, its lines as they come, and its end."""

    def __init__(self, world, name, arguments, prefix=()):
        self.world = world
        self.name = name
        self.lines = []  # (seconds since the start of the test, stream, text)
        self._changed = threading.Condition()
        self._open_streams = 2
        self.process = subprocess.Popen(
            [*support.WITH_US, *prefix, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=world.environment)
        for stream, label in ((self.process.stdout, "out"), (self.process.stderr, "err")):
            threading.Thread(target=self._read, args=(stream, label), daemon=True).start()
        world.processes.append(self)

    @property
    def pid(self):
        return self.process.pid

    def _read(self, stream, label):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self._changed:
                self.lines.append((self.world.elapsed(), label, line))
                self._changed.notify_all()
        with self._changed:
            self._open_streams -= 1
            self._changed.notify_all()

    def texts(self, stream="out"):
        with self._changed:
            return [text for _, label, text in self.lines if label == stream]

    def find(self, pattern, start=0):
        """The first line from number `start` on, on any stream, that the pattern matches from its beginning.
        While the program runs, lines of its two streams may come in another order: wait_for what must be there."""
        with self._changed:
            return self._find(re.compile(pattern), start)

    def _find(self, pattern, start):
        for _, _, text in self.lines[start:]:
            match = pattern.match(text)
            if match:
                return match
        return None

    def mark(self):
        """For `start` of wait_for: only lines that come after now."""
        with self._changed:
            return len(self.lines)

    def wait_for(self, pattern, seconds, start=0, what=None, progress=None):
        pattern = re.compile(pattern)
        deadline = time.monotonic() + seconds * support.PATIENCE
        with self._changed:
            while True:
                match = self._find(pattern, start)
                if match:
                    return match
                wanted = f"{self.name}: {what or 'a line like ' + pattern.pattern!r}"
                if self._open_streams == 0:
                    raise Failure(f"{wanted}: the program ended first")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{wanted}: not within {seconds * support.PATIENCE:.0f} s")
                self._changed.wait(min(left, 1.0))
                if progress:
                    progress()

    def wait_until(self, condition, seconds, what, progress=None):
        """Until the condition holds, which is looked at after each line."""
        deadline = time.monotonic() + seconds * support.PATIENCE
        while True:
            with self._changed:
                seen = len(self.lines)
            value = condition()
            if value:
                return value
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name}: {what}: not within {seconds * support.PATIENCE:.0f} s")
                if self._open_streams == 0:
                    raise Failure(f"{self.name}: {what}: the program ended first")
                if len(self.lines) == seen:
                    self._changed.wait(min(left, 1.0))
            if progress:
                progress()

    def write(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(f"{self.name} had ended before `{line[:60]}`") from None

    def running(self):
        return self.process.poll() is None

    def kill(self):
        """SIGKILL: no goodbye, nothing flushed."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds):
        """Until it has ended by itself; gives its exit code."""
        try:
            code = self.process.wait(seconds * support.PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds * support.PATIENCE:.0f} s") from None
        with self._changed:
            self._changed.wait_for(lambda: self._open_streams == 0, 5)
        return code

    def terminate(self, seconds):
        """SIGTERM; gives the exit code and the seconds it took."""
        begun = time.monotonic()
        self.process.terminate()
        return self.wait(seconds), time.monotonic() - begun

    def tail(self, count=60):
        with self._changed:
            return [f"{at:8.2f} {label} {text[:160]}" for at, label, text in self.lines[-count:]]


class Node(Process):
    """toxasyncd on two free ports; started again it has the same ports and the same data directory."""

    def __init__(self, world, name, like=None, extra=()):
        self.directory = like.directory if like else world.directory / name
        self.tox_port = like.tox_port if like else world.ports.take()
        self.udp_port = like.udp_port if like else world.ports.take()
        super().__init__(world, name, [
            world.program("toxasyncd"), "--data-dir", self.directory, "--tox-port", self.tox_port,
            "--udp-port", self.udp_port, "--bind", "127.0.0.1", "--address", "127.0.0.1",
            *(() if "--config" in extra else NO_CONFIG),
            *(() if "--status-port" in extra or "--config" in extra else ("--status-port", 0)), *extra])

    def ready(self, seconds=30):
        self.transports = self.wait_for(r"toxasyncd: ready transports=(\S+)", seconds)[1]
        self.address = self.find(NODE_ADDRESS.pattern)[1]
        return self

    def again(self, extra=()):
        return Node(self.world, self.name, like=self, extra=extra)

    def stats(self):
        start = self.mark()
        os.kill(self.pid, signal.SIGUSR1)
        line = self.wait_for(STATS.pattern, 5, start)[1]
        return {key: int(value) for key, value in (pair.split("=") for pair in line.split())}

    def check_log(self, *secrets):
        """Its log names nobody: no address, nothing like a key, none of the secrets; only its own line and its relay's."""
        own = re.compile(r"toxasyncd: (node address|TCP relay) ")
        anybody = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]{16}|\[?[0-9a-f]*:[0-9a-f]*:")
        lines = [text for text in self.texts("out") + self.texts("err") if not own.match(text)]
        check(len(lines) > 1, f"{self.name} has no log")
        named = [text for text in lines if anybody.search(text) or any(s.lower() in text.lower() for s in secrets)]
        check(not named, f"{self.name}'s log names somebody: {named}")

    def stop(self):
        code, seconds = self.terminate(5)
        check(code == 0, f"{self.name} ended with status {code} at SIGTERM")
        return seconds


class Message:
    """A `message` line of minichat."""

    PATTERN = re.compile(r"message (\d+) (normal|action) (\d+) ([0-9a-f]{32}) (late|in-order) (.*)", re.DOTALL)

    def __init__(self, match):
        self.kind = match[2]
        self.sent_at_ms = int(match[3])
        self.id = match[4]
        self.late = match[5] == "late"
        self.text = match[6]


class Chat(Process):
    """minichat. Started again it has the same profile, state and port. `node`: it is a storage node too."""

    def __init__(self, world, name, nodes=(), bootstrap=(), like=None, extra=(), transport="auto",
                 node=False):
        self.udp_port = like.udp_port if like else world.ports.take()
        arguments = [
            world.program("minichat"), "--profile", world.directory / f"{name}.tox", "--state",
            world.directory / f"{name}.state", "--name", name, "--udp-port", self.udp_port, "--transport", transport,
            "--poll-interval-ms", "1000", "--local", "--auto-accept", *([] if node else ["--no-node"]), *extra]
        for node in nodes:
            arguments += ["--node", node]
        for other in bootstrap:
            arguments += ["--bootstrap", f"127.0.0.1:{other.udp_port}:{other.dht_key}"]
        super().__init__(world, name, arguments)

    def ready(self, seconds=30):
        match = self.wait_for(r"ready tox_id=(\S+) dht_key=(\S+) udp_port=(\d+) transport=(\S+)", seconds)
        self.tox_id, self.dht_key, self.transport = match[1], match[2], match[4]
        return self

    def again(self, **options):
        return Chat(self.world, self.name, like=self, **options)

    def send(self, text, kind="send"):
        """Gives the message id once the text is accepted; `queued` comes later."""
        return self._send(f"{kind} 0 {text}")

    def send_file(self, path):
        return self._send(f"send-file 0 {path}")

    def _send(self, command):
        start = self.mark()
        self.write(command)
        match = self.wait_for(r"accepted 0 ([0-9a-f]{32})|error .*", 10, start)
        check(match[1], f"{self.name}: {command[:60]}: {match[0]}")
        return match[1]

    def stored(self, message_id):
        """On how many of how many nodes, by the last word of it."""
        found = (0, 0)
        for text in self.texts():
            match = re.match(rf"stored {message_id} (\d+)/(\d+)", text)
            found = (int(match[1]), int(match[2])) if match else found
        return found

    def wait_stored(self, ids, copies, seconds, progress=None):
        check(ids and copies > 0, f"{self.name}: a wait for {len(ids)} messages on {copies} nodes waits for nothing")
        self.wait_until(lambda: all(self.stored(i)[0] >= copies for i in ids), seconds,
                        f"{len(ids)} messages on {copies} nodes", progress)

    def wait_state(self, state, ids, seconds):
        check(ids, f"{self.name}: a wait for no message to be {state} waits for nothing")

        def all_told():
            told = {text.split()[1] for text in self.texts() if text.startswith(state + " ")}
            return told.issuperset(ids)
        self.wait_until(all_told, seconds, f"{len(ids)} messages {state}")

    def messages(self):
        return [Message(match) for match in map(Message.PATTERN.match, self.texts()) if match]

    def wait_messages(self, count, seconds, progress=None):
        check(count > 0, f"{self.name}: a wait for no messages waits for nothing")
        self.wait_until(lambda: len(self.messages()) >= count, seconds, f"{count} messages", progress)
        return self.messages()

    def counters(self):
        start = self.mark()
        self.write("stats")
        self.wait_for(r"stats-end", 5, start)
        lines = [text.split() for _, _, text in self.lines[start:] if text.startswith("stat ")]
        return {name: int(value) for _, name, value in lines}

    def quit(self):
        self.write("quit")
        code = self.wait(10)
        check(code == 0, f"{self.name} ended with status {code} after `quit`")


def check_each_once(chats, ids):
    """Every id was shown to the user exactly once, over all runs of the program."""
    shown = collections.Counter(message.id for chat in chats for message in chat.messages())
    check(set(shown) == set(ids), f"{len(set(ids) - set(shown))} of {len(ids)} messages were not shown")
    check(max(shown.values()) == 1, f"{sum(n > 1 for n in shown.values())} messages were shown more than once")


def see_offline(alice, bob):
    """Bob says goodbye, so that Alice need not find out."""
    start = alice.mark()
    bob.quit()
    alice.wait_for(r"friend 0 offline", 40, start)


def wait_empty(nodes, absent, seconds=60, **options):
    """Until everybody has fetched their mail; `absent`, who has quit, comes back for the receipts."""
    back = absent.again(**options).ready()
    poll_until(lambda: all(node.stats()["messages"] == 0 for node in nodes), seconds, "the nodes are empty")
    back.quit()


def home_node_ids(chat):
    start = chat.mark()
    chat.write("nodes")
    chat.wait_for("nodes-end", 5, start)
    lines = [text for _, _, text in chat.lines[start:]]
    return {match[1] for match in map(re.compile(r"node toxasync:([0-9a-f]{64})").match, lines) if match}
