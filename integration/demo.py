#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: messages to a friend who is not there, by three storage nodes, all on 127.0.0.1.

Programs and library are the real ones: toxasyncd, minichat, and c-toxcore with our patches. Every figure of the last
line is counted.
"""

import argparse
import sys
import time

import support
from support import Failure, check
from world import World, run

TEXTS = [
    ("send", "Are you still up? I found the key."),
    ("action", "leaves it under the flower pot"),
    ("send", "Grüße aus Zürich, 東京 und Αθήνα 🚀🌍 — привет! 👋🏽"),
    ("file", ("The longest message that Tox itself would take: " + "1,372 bytes of it. " * 80)[:1371] + "."),
]


class Teller:
    """What happens, as it happens, with the time; dots while we wait."""

    def __init__(self, world):
        self._world = world
        self._dots = False
        self._last_dot = 0.0

    def say(self, text):
        print(("\n" if self._dots else "") + f"[{self._world.elapsed():5.1f} s] {text}", flush=True)
        self._dots = False

    def dot(self):
        if time.monotonic() - self._last_dot >= 1:
            self._last_dot = time.monotonic()
            print("        ." if not self._dots else ".", end="", flush=True)
            self._dots = True


def befriend(world, nodes, teller):
    addresses = [node.address for node in nodes]
    bob = world.chat("bob", nodes=addresses).ready()
    alice = world.chat("alice", nodes=addresses, bootstrap=[bob]).ready()
    check(alice.transport == bob.transport == "dispatcher", f"the clients use {alice.transport}, not the dispatcher")
    teller.say(f"Alice and Bob are up, over toxcore's packet dispatcher; Alice adds Bob {bob.tox_id[:12]}...")
    alice.write(f"add {bob.tox_id}")
    for chat in (alice, bob):
        chat.wait_for(r"friend 0 online", 40, progress=teller.dot)
    teller.say("they see each other online")
    for chat in (alice, bob):
        chat.wait_for(r"friend 0 ready", 20, progress=teller.dot)
    teller.say("each has the other's keys and storage nodes")
    return alice, bob


def send_all(world, alice, nodes, teller):
    """Gives the ids, the times between which they were sent, and on how many nodes each of them is at least."""
    ids, times = [], []
    for kind, text in TEXTS:
        before = time.time() * 1000
        if kind == "file":
            path = world.directory / "message.txt"
            path.write_text(text)
            ids.append(alice.send_file(path))
        else:
            ids.append(alice.send(text, kind))
        times.append((before - 1, time.time() * 1000 + 1))
    teller.say(f"Alice sends {len(ids)} messages; no receipt comes, so after 15 s she turns to Bob's storage nodes")
    alice.wait_stored(ids, len(nodes), 40, teller.dot)
    for (kind, text), message_id in zip(TEXTS, ids):
        copies, wanted = alice.stored(message_id)
        shown = text if len(text) < 50 else f"{text[:40]}... ({len(text.encode())} bytes)"
        teller.say(f"stored on {copies} of {wanted}: {'* ' if kind == 'action' else ''}{shown}")
    return ids, times, min(alice.stored(i)[0] for i in ids)


def check_received(messages, ids, times):
    check([m.id for m in messages] == ids, f"Bob got {[m.id for m in messages]}, in this order; sent were {ids}")
    for message, (kind, text), (earliest, latest) in zip(messages, TEXTS, times):
        check(message.text == text, f"Bob got {message.text!r} for {text!r}")
        check(message.kind == ("action" if kind == "action" else "normal"), f"{text[:20]!r} came as {message.kind}")
        check(earliest <= message.sent_at_ms <= latest, f"{text[:20]!r} says it was sent at {message.sent_at_ms}")
        check(not message.late, f"{text[:20]!r} came late")


def left_on(nodes):
    return sum(node.stats()["messages"] for node in nodes)


def play(world):
    teller = Teller(world)
    nodes = world.nodes(3)
    check(all("dispatcher" in node.transports for node in nodes), "the nodes do not serve over the dispatcher")
    teller.say("three storage nodes are up:")
    for node in nodes:
        teller.say(f"  {node.address}")
    alice, bob = befriend(world, nodes, teller)
    bob.kill()
    teller.say("Bob is killed (SIGKILL)")
    ids, times, copies = send_all(world, alice, nodes, teller)
    alice.quit()
    held = [node.stats()["messages"] for node in nodes]
    teller.say(f"Alice has quit; the nodes hold {' + '.join(map(str, held))} envelopes (the long message takes two)")
    nodes[2].kill()
    teller.say("node 3 is killed (SIGKILL)")
    later = bob.again().ready()
    teller.say("Bob starts, alone")
    messages = later.wait_messages(len(ids), 30, teller.dot)
    check_received(messages, ids, times)
    for message in messages:
        sent = time.strftime("%H:%M:%S", time.localtime(message.sent_at_ms / 1000))
        teller.say(f"Bob reads, sent at {sent}: {message.text[:50]}{'...' if len(message.text) > 50 else ''}")
    nodes[2] = nodes[2].again().ready()
    teller.say(f"node 3 is back, with {nodes[2].stats()['messages']} envelopes on its disk; Bob polls it")

    def emptied():
        teller.dot()
        return left_on(nodes) == 0
    back = alice.again().ready()
    teller.say("Alice comes back for her receipts")
    support.poll_until(emptied, 60, "all nodes are empty", every=0.2)
    teller.say("all nodes are empty")
    back.quit()
    later.quit()
    shown = bob.messages() + later.messages()
    check(len(shown) == len(ids), f"{len(shown)} messages were shown for {len(ids)} sent")
    left = left_on(nodes)
    for node in nodes:
        node.stop()
    check(copies == len(nodes), f"stored on {copies} of {len(nodes)} only")
    check(left == 0, f"{left} messages are left on the nodes")
    teller.say(f"everything has stopped, after {world.elapsed():.0f} s")
    print(f"demo: sent {len(ids)}, stored on {copies} of {len(nodes)}, delivered {len(shown)}, left on nodes {left}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=support.SOURCE / "build" / "release", help="a CMake build directory")
    parser.add_argument("--toxcore", default=support.default_toxcore(), help="the prefix of a patched c-toxcore")
    arguments = parser.parse_args()
    try:
        world = World(arguments.build, arguments.toxcore, "demo")
    except (Failure, support.Skip) as why:
        print(f"demo: {why}", file=sys.stderr)
        return 1
    return run(world, play)


if __name__ == "__main__":
    sys.exit(main())
