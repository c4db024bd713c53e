# SPDX-License-Identifier: GPL-3.0-or-later
"""A week of two people and three storage nodes, in some minutes: the wall clock is stepped, everything else is real.

What goes by the calendar is seen at work: epochs, times to live, the keys that nodes and clients renew each week.
Who is off while the clock is stepped was away for so long; who is on sees their clock jump. Their time-outs and polls
run by the monotonic clock, which nobody touches: what they wait for is shortened by options. The nodes' monotonic clock
is stepped too, because nodes do not sleep: to them a jump of the wall clock alone is a wrong clock (docs/store.md).
"""

import collections
import hashlib
import itertools
import signal
import time

import faketime
import support
from support import Failure, check, poll_until

HOUR = 3600
DAY = 24 * HOUR
EPOCH = 6 * HOUR
EPOCH_ORIGIN = 1735689600  # docs/protocol.md, section 2
# Hours from a step to the next: so each epoch is visited, at another hour; 28 of them are a week to the second.
STEPS = (6, 5, 7, 6.5, 5.5)
STEPS_IN_WEEK = 28
ONE_DAY, SEVEN_DAYS = DAY, 7 * DAY  # times to live

DELIVERED, EXPIRED, CANCELLED = "delivered", "expired", "cancelled"

# A week's polls from one address come within minutes here.
NODE_OPTIONS = ("--key-agreements-per-minute", "100000", "--key-agreements-burst", "10000")
CHAT_OPTIONS = ("--receipt-delay-ms", "100")
QUIET_S = 1.0
# Of what is read while the sender is off, at least so much must be told by receipts that waited on the nodes.
TOLD_BY_NODES = 10

Sent = collections.namedtuple("Sent", "id text earliest_s latest_s fate")


class Person:
    """Somebody who comes and goes. What they were shown counts over all runs of their program."""

    def __init__(self, week, name, chat):
        self.week = week
        self.name = name
        self.chat = chat  # None: they are off
        self.runs = [chat]
        self.sent = []
        self.friend = None
        self.told_while_alone = set()

    def come(self):
        """They start their program. If the friend is there, both wait until they see each other."""
        beside = [self.friend.chat] if self.friend.chat else []
        self.chat = self.runs[-1].again(bootstrap=beside, extra=CHAT_OPTIONS).ready()
        self.runs.append(self.chat)
        if beside:
            self.chat.wait_for(r"friend 0 online", 60)
            self.friend.chat.wait_until(lambda: self.friend.sees_friend(), 60, f"{self.name} is seen")

    def sees_friend(self):
        seen = [text for text in self.chat.texts() if text in ("friend 0 online", "friend 0 offline")]
        return bool(seen) and seen[-1] == "friend 0 online"

    def go(self):
        chat, self.chat = self.chat, None
        chat.quit()
        if self.friend.chat:
            self.friend.chat.wait_until(lambda: not self.friend.sees_friend(), 40, f"{self.name} is seen off")

    def sleep(self):
        """Their machine sleeps: the program stands still, and says goodbye to nobody."""
        self.chat.process.send_signal(signal.SIGSTOP)
        self.chat = None

    def wake(self):
        self.chat = self.runs[-1]
        self.chat.process.send_signal(signal.SIGCONT)

    def write(self, text, ttl=SEVEN_DAYS, fate=DELIVERED):
        """To a friend who is off: until it is on every node that is up."""
        earliest = self.week.clock.now()
        message_id = self.chat.send(text, kind=f"send-for {ttl}")
        self.sent.append(Sent(message_id, text, earliest, self.week.clock.now(), fate))
        if not self.friend.chat:
            self.chat.wait_stored([message_id], len(self.week.up()), 30)
        return message_id

    def shown(self):
        return [message for run in self.runs for message in run.messages()]

    def due(self):
        return [sent.id for sent in self.friend.sent if sent.fate == DELIVERED]

    def read(self):
        """Until they were shown all that was written to them."""
        due = set(self.due())
        self.chat.wait_until(lambda: due <= {message.id for message in self.shown()}, 40,
                             f"all of {len(due)} messages")

    def confirm(self):
        """What they read while the friend is off: until no more receipts leave. Receipts wait for others for a random
        time, five times CHAT_OPTIONS' mean at most; whoever goes earlier sends them when coming again."""
        support.wait_quiet(lambda: (self.chat.counters().get("receipts.sent", 0), self.week.stored()), QUIET_S, 60,
                           f"{self.name} has sent the receipts")

    def told(self, seconds=40):
        """Until they were told of all that the friend was shown."""
        read = {message.id for message in self.friend.shown()}
        self.wait_state(DELIVERED, [sent.id for sent in self.sent if sent.id in read], seconds)

    def told_by_nodes(self):
        """As told(), by what the nodes hold; what the friend did not leave there is told later."""
        try:
            self.told(10)
        except Failure as failure:
            self.week.say(f"(later: {failure})")
        self.told_while_alone |= {text for text in self.chat.texts() if text.startswith(DELIVERED)}

    def lines(self, state):
        return {text for run in self.runs for text in run.texts() if text.startswith(state + " ")}

    def wait_state(self, state, ids, seconds=40):
        wanted = {f"{state} {message_id}" for message_id in ids}
        self.chat.wait_until(lambda: wanted <= self.lines(state), seconds, f"{len(ids)} messages {state}")


class Week:
    def __init__(self, world):
        self.world = world
        self.clock = faketime.Clock(world, "toxasyncd", monotonic=True)
        # Two hours into an epoch, whatever the time is.
        self.clock.step(EPOCH - int(self.clock.now() - EPOCH_ORIGIN - 2 * HOUR) % EPOCH)
        self.begun_s = self.clock.now()
        self.count = 0
        self._hours = itertools.cycle(STEPS)
        self.nodes = [node.ready() for node in [world.node(f"node{i + 1}", extra=NODE_OPTIONS) for i in range(3)]]
        self.clock.set_monotonic(False)
        self.say("three storage nodes")

    def say(self, text):
        passed = int(self.clock.now() - self.begun_s)
        print(f"[{self.world.elapsed():6.1f} s] step {self.count:2}, day {passed // DAY + 1}"
              f" {passed % DAY // HOUR:02}:{passed % HOUR // 60:02}  {text}", flush=True)

    def step(self, text):
        self.clock.step(int(next(self._hours) * HOUR))
        self.count += 1
        self.say(text)

    def up(self):
        return [node for node in self.nodes if node.running()]

    def stored(self):
        return [node.stats()["stored"] for node in self.up()]

    def left(self):
        return [node.stats()["messages"] for node in self.up()]

    def back(self, number):
        self.clock.set_monotonic(True)
        self.nodes[number] = self.nodes[number].again(extra=NODE_OPTIONS).ready()
        self.clock.set_monotonic(False)

    def node_keys(self):
        return [hashlib.sha256((node.directory / "node.key").read_bytes()).digest() for node in self.nodes]

    def befriend(self):
        alice, bob = self.world.friends(self.nodes, extra=CHAT_OPTIONS)
        alice, bob = Person(self, "alice", alice), Person(self, "bob", bob)
        alice.friend, bob.friend = bob, alice
        return alice, bob


def both_write(alice, bob, text):
    """They see each other, and everything goes live."""
    alice.write(f"Alice: {text}")
    bob.write(f"Bob: {text}")
    for person in (alice, bob):
        person.read()
    for person in (alice, bob):
        person.told()


def arrive(person):
    """They come while the friend is off, read, and are told."""
    known = len(person.shown())
    if person.chat is None:
        person.come()
    person.read()
    person.told_by_nodes()
    if len(person.shown()) > known:
        person.confirm()


def visit(person, text=None):
    """They come while the friend is off, read, answer, and go."""
    arrive(person)
    if text:
        person.write(text)
    person.go()


def first_day(week, alice, bob):
    both_write(alice, bob, "hello")
    week.step("both are on: the clock jumps under a connection")
    both_write(alice, bob, "still there?")
    bob.go()
    week.step("Bob is off; Alice, whose clock jumps, writes to Bob")
    alice.write("You were gone before I could say it")
    alice.write("and one thing more")
    alice.go()
    week.step("everybody was off; Bob comes, reads and answers")
    visit(bob, "I had to go")
    week.step("Alice comes, reads, is told, and writes to Bob, who will be off for three days")
    arrive(alice)
    alice.write("Enjoy the mountains")
    alice.write("Only good for today", ttl=ONE_DAY, fate=EXPIRED)
    alice.go()


def second_day(week, alice):
    week.step("nobody comes")
    week.step("Alice comes, writes, and takes one message back")
    alice.come()
    alice.write("What is the weather like?")
    cancelled = alice.write("I should not have written this", fate=CANCELLED)
    alice.chat.write(f"cancel {cancelled}")
    alice.wait_state(CANCELLED, [cancelled])
    week.step("Alice, whose clock jumps, writes; node 2 is killed; she writes")
    alice.write("Here it rains")
    week.nodes[1].kill()
    alice.write("and rains")
    alice.go()
    held = week.left()
    week.step("nobody comes")
    return held


def third_day(week, alice, held):
    week.step("what was good for a day is gone from the nodes; Alice comes and is told")
    poll_until(lambda: all(now < then for now, then in zip(week.left(), held)), 30, "the nodes drop what has expired")
    alice.come()
    alice.wait_state(EXPIRED, [sent.id for sent in alice.sent if sent.fate == EXPIRED])
    alice.write("Are you well?")
    alice.go()
    week.step("nobody comes")
    week.step("node 2 is back after a day; Alice comes and leaves there what it missed")
    week.back(1)
    alice.come()
    waiting = [sent.id for sent in alice.sent if sent.fate == DELIVERED][-3:]
    alice.chat.wait_stored(waiting[1:], 3, 30)
    week.step("Alice, whose clock jumps, writes")
    alice.write("A long one: " + "from the mountains to the sea, " * 100)
    alice.go()


def fourth_day(week, alice, bob):
    week.step("nobody comes")
    week.step("Alice comes and writes")
    visit(alice, "When do you come back?")
    week.step("nobody comes")
    week.step("Bob is back after three days, reads and answers")
    visit(bob, "It was wonderful")


def fifth_day(week, alice, bob):
    week.nodes[2].stop()
    week.step("node 3 is off for two days; Alice comes, reads, and is told of three days' mail")
    arrive(alice)
    alice.write("Tell me more")
    week.step("Bob comes: they meet")
    bob.come()
    both_write(alice, bob, "hello again")
    week.step("the clock jumps under their connection")
    both_write(alice, bob, "I must go")
    alice.go()
    bob.write("Something I forgot")
    week.step("Bob, whose clock jumps, writes once more, and goes")
    bob.write("and something else")
    bob.go()


def sixth_day(week, alice, bob):
    week.step("Alice comes, reads and answers")
    visit(alice, "You forget everything")
    week.step("Bob comes, reads and answers; Bob's machine falls asleep")
    arrive(bob)
    bob.write("Not everything")
    bob.sleep()
    week.step("nobody comes")
    week.step("Alice comes, reads and answers")
    visit(alice, "Well")


def seventh_day(week, alice, bob):
    week.back(2)
    week.step("node 3 is back after two days; Bob's machine wakes; Bob reads and answers")
    bob.wake()
    visit(bob, "Is node 3 back?")
    week.step("Alice comes, reads and answers")
    visit(alice, "It is")
    week.step("Bob comes, reads, and stays")
    arrive(bob)
    keys = week.node_keys()
    week.step("the week is over: the nodes renew their keys; Bob's sessions with them are of the old ones")
    check(week.count == STEPS_IN_WEEK, f"{week.count} steps in a week")
    poll_until(lambda: all(now != then for now, then in zip(week.node_keys(), keys)), 20, "the nodes renew their keys")
    bob.write("A new week")
    bob.go()


def next_week(week, alice, bob):
    """The people's last-resort keys are renewed when they come, and so are given to the friend by the nodes."""
    for person, text in ((alice, "New keys, too"), (bob, "New keys here")):
        week.step(f"{person.name.capitalize()} comes, with new keys for the friend")
        arrive(person)
        poll_until(lambda: person.chat.counters().get("bundles.mailed"), 30, "new keys are mailed")
        person.write(text)
        accepted = person.chat.counters().get("bundles.accepted", 0)
        check((accepted > 0) == (person is bob), f"{person.name} got {accepted} bundles")
        person.go()
    week.step("Alice comes with Bob's new keys, and stays")
    arrive(alice)
    poll_until(lambda: alice.chat.counters().get("bundles.accepted"), 30, "Bob's new keys")
    alice.write("Sealed with the new keys")
    week.step("Bob comes: they meet, and nothing is left")
    bob.come()
    both_write(alice, bob, "good night")


def check_shown(reader):
    """Each once, in order, at the time when it was sent; nothing else."""
    sent = {message.id: message for message in reader.friend.sent}
    shown = reader.shown()
    ids = [message.id for message in shown]
    check(len(set(ids)) == len(ids), f"{reader.name}: something was shown twice")
    wrong = set(ids) ^ set(reader.due())
    check(not wrong, f"{reader.name}: {len(wrong)} messages are missing, or were to be shown to nobody")
    in_order = [message.id for message in shown if not message.late]
    check(in_order == [one for one in reader.due() if one in set(in_order)], f"{reader.name}: not in order")
    for message in shown:
        original = sent[message.id]
        check(message.text == original.text, f"{reader.name}: {message.text[:40]!r} is not what was sent")
        at = message.sent_at_ms / 1000
        check(original.earliest_s - 1 <= at <= original.latest_s + 1,
              f"{reader.name}: {message.text[:40]!r} says {at:.0f}, was sent at {original.earliest_s:.0f}")
    return sum(message.late for message in shown)


def play(world):
    week = Week(world)
    alice, bob = week.befriend()
    week.say("Alice and Bob are friends, and each has the other's keys")
    first_day(week, alice, bob)
    held = second_day(week, alice)
    third_day(week, alice, held)
    fourth_day(week, alice, bob)
    fifth_day(week, alice, bob)
    sixth_day(week, alice, bob)
    seventh_day(week, alice, bob)
    next_week(week, alice, bob)
    late = [check_shown(person) for person in (alice, bob)]
    by_nodes = sum(len(person.told_while_alone) for person in (alice, bob))
    check(by_nodes >= TOLD_BY_NODES, f"only {by_nodes} messages were told delivered while the friend was off")
    poll_until(lambda: not any(week.left()), 60, "the nodes are empty")
    alice.go()
    bob.go()
    for node in week.nodes:
        node.stop()
    week.say(f"sent {len(alice.sent)} and {len(bob.sent)}, shown {len(bob.shown())} and {len(alice.shown())}"
             f" ({sum(late)} late), told by nodes {by_nodes}, expired 1, cancelled 1, left on nodes 0")
