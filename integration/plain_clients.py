# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that know nothing of toxasync, started with the preload module: plainchat, and programs in a terminal."""

import hashlib
import os
import re
import shutil
import signal
import subprocess

from programs import Process
from support import Failure, Skip, check, poll_until

FIRST_NUMBER = 0x80000000
MODULE = "libtoxasync-preload.so"


class Home:
    """A user's home directory, with their settings for toxasync."""

    def __init__(self, world, name, nodes=(), **settings):
        self.directory = world.directory / f"{name}-home"
        lines = [f"node = {node.address}" for node in nodes]
        lines += [f"{key.replace('_', '-')} = {value}" for key, value in
                  {"local_addresses": "yes", "poll_interval_ms": "1000", **settings}.items()]
        self.settings = self.directory / ".config" / "toxasync" / "toxasync.conf"
        self.settings.parent.mkdir(parents=True)
        self.settings.write_text("\n".join(lines) + "\n")
        self.state = self.directory / ".local" / "state" / "toxasync"

    def status(self, word):
        """What the module tells of its client; nothing if none runs."""
        text = "".join(path.read_text() for path in self.state.glob("status.*[0-9]"))
        match = re.search(rf"^{word} (.*)$", text, re.MULTILINE)
        return match and match[1]

    def log(self):
        path = self.state / "toxasync.log"
        return path.read_text() if path.exists() else ""


def preload(world, home, on=True):
    """What comes before a program's name."""
    if on:
        return ["env", f"HOME={home.directory}", world.program("toxasync"), "run", "--"]
    return ["env", f"HOME={home.directory}", f"LD_PRELOAD={world.build / 'lib' / MODULE}"]


class Plain(Process):
    """plainchat under the module. Started again it has the same profile, home and port."""

    def __init__(self, world, name, home, like=None, bootstrap=None, on=True, extra=()):
        self.home = home
        self.on = on
        self.udp_port = like.udp_port if like else world.ports.take()
        arguments = [world.program("plainchat"), "--profile", world.directory / f"{name}.tox", "--udp-port",
                     self.udp_port, *extra]
        if bootstrap:
            arguments += ["--bootstrap", f"127.0.0.1:{bootstrap.udp_port}:{bootstrap.dht_key}"]
        super().__init__(world, name, arguments, prefix=preload(world, home, on))

    def ready(self, seconds=10):
        match = self.wait_for(r"ready tox_id=(\S+) dht_key=(\S+)", seconds)
        self.tox_id, self.dht_key = match[1], match[2]
        return self

    def again(self, **options):
        return Plain(self.world, self.name, self.home, like=self, **{"on": self.on, **options})

    def looks(self, number=0):
        start = self.mark()
        self.write(f"look {number}")
        return self.wait_for(rf"looks {number} (\S+ \S+)", 5, start)[1]

    def send(self, text, kind="send"):
        start = self.mark()
        self.write(f"{kind} 0 {text}")
        match = self.wait_for(rf"(sent|not-sent) 0 (\d+)?", 5, start)
        return int(match[2]) if match[1] == "sent" else None

    def receipts(self):
        return [int(text.split()[2]) for text in self.texts() if text.startswith("receipt 0 ")]

    def wait_receipts(self, numbers, seconds):
        check(numbers, f"{self.name}: a wait for no receipts waits for nothing")
        self.wait_until(lambda: len(self.receipts()) >= len(numbers), seconds, f"{len(numbers)} receipts")
        check(self.receipts()[-len(numbers):] == numbers, f"receipts {self.receipts()}, expected {numbers} in order")

    def texts_shown(self):
        return [text.split(" ", 3)[3] for text in self.texts() if text.startswith("message 0 ")]

    def wait_shown(self, count, seconds):
        check(count > 0, f"{self.name}: a wait for no messages waits for nothing")
        self.wait_until(lambda: len(self.texts_shown()) >= count, seconds, f"{count} messages")
        return self.texts_shown()

    def quit(self):
        self.write("quit")
        code = self.wait(10)
        check(code == 0, f"{self.name} ended with status {code} after `quit`")


class Terminal:
    """A program in a terminal that nobody looks at: tmux, with a server of its own."""

    def __init__(self, world, name, command):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.name = name
        self.socket = world.directory / f"{name}.tmux"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", *map(str, command),
                   env=world.environment)

    def _tmux(self, *arguments, env=None):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], env=env, capture_output=True, text=True)
        return done.stdout

    def screen(self):
        return self._tmux("capture-pane", "-p")

    def press(self, key):
        self._tmux("send-keys", key)

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def wait_screen(self, condition, seconds, what):
        try:
            return poll_until(lambda: condition(self.screen()), seconds, f"{self.name}: {what}", every=0.2)
        except Failure:
            print(f"--- the screen of {self.name}:\n{self.screen()}", flush=True)
            raise

    def pid(self):
        return int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def kill(self):
        """SIGKILL to the program."""
        os.kill(self.pid(), signal.SIGKILL)
        poll_until(self.ended, 10, f"{self.name} ends")

    def ended(self):
        return not self._tmux("list-sessions")

    def close(self):
        self._tmux("kill-server")


def befriend(world, nodes, extra=(), **settings):
    """Alice with the plain client, Bob with one that has toxasync; each has the other's keys. `world.peers` are more
    Tox instances, which stay: in a network of few, those who are left can fail for minutes to find the others."""
    home = Home(world, "alice", nodes, **settings)
    for i in range(1, 5):
        world.peers.append(world.chat(f"peer{i}", bootstrap=world.peers[:1], extra=["--no-async"]).ready())
    bob = world.chat("bob", nodes=[node.address for node in nodes], bootstrap=world.peers[:1], transport="udp").ready()
    alice = Plain(world, "alice", home, bootstrap=world.peers[0], extra=extra).ready()
    alice.write(f"add {bob.tox_id}")
    alice.wait_for(r"friend 0 (udp|tcp)", 60)
    bob.wait_for(r"friend 0 online", 40)
    bob.wait_for(r"friend 0 ready", 30)
    poll_until(lambda: "received the keys of a friend" in home.log(), 30, "Alice has Bob's keys")
    return alice, bob


def see_away(alice):
    """Her callbacks and getters show the friend as away."""
    poll_until(lambda: alice.looks() == "tcp away", 40, "the friend who is offline is shown as away", every=0.3)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def told_of_files_and_calls(client, number=0, start=0):
    """What its callbacks told of a friend's from a mark on, and its calls gave; without hashes."""
    found = [re.match(rf"((?:file|call|hears|answered|hung-up)\S*) {number}\b(.*)", text)
             for _, _, text in client.lines[start:]]
    return [match[1] + re.sub(r"[0-9a-f]{64}", "HASH", match[2]) for match in found if match]


def silent_sound_card(home):
    """For ALSA, and so for OpenAL: it takes all sound and gives silence."""
    (home.directory / ".asoundrc").write_text("pcm.!default { type null }\nctl.!default { type null }\n")


def with_and_without(world):
    """Bob, who runs on, and two of Bob's friends who have left: Alice, who has the module, and Carol, who has not.
    Clients go on with their profiles, which have Bob's name. Alice is Bob's friend 0, Carol 1. A DHT node for all."""
    nodes = world.nodes(1)
    hub = world.chat("hub", extra=["--no-async"]).ready()
    bob = Plain(world, "bob", Home(world, "bob", nodes), bootstrap=hub).ready()
    both = [Plain(world, name, Home(world, name, nodes), bootstrap=hub, on=on).ready()
            for name, on in (("alice", True), ("carol", False))]
    for number, client in enumerate(both):
        client.write(f"add {bob.tox_id}")
        bob.wait_for(rf"friend {number} (udp|tcp)", 60)
        client.wait_for(r"friend-status 0 ", 20, what="has the friend's name, which comes before")
    poll_until(lambda: "received the keys of a friend" in both[0].home.log(), 30, "Alice has Bob's keys")
    start = bob.mark()
    for client in both:
        client.quit()
    for number in (0, 1):
        bob.wait_for(rf"friend {number} offline", 40, start)
    return hub, bob, both
