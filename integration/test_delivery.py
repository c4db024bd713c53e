# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for mail when programs are killed, nodes are missing, libraries are stock."""

import collections
import subprocess

import pytest

import calendar_week
import demo
import faketime
import support
from programs import Process, check_each_once, home_node_ids, see_offline, wait_empty
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.toxcore("patched")]


# How many of the messages that were shown before a SIGKILL may be shown again: the one being shown at that instant.
SHOWN_AGAIN = 1


def test_messages_between_friends_online_touch_no_node(world):
    """Both are online: messages come at once and are confirmed, and no text touches the nodes."""
    nodes = world.nodes(3)
    alice, bob = world.friends(nodes)
    (world.directory / "long.txt").write_text("long " * 5000)
    there = [alice.send(f"there {i}") for i in range(20)] + [alice.send_file(world.directory / "long.txt")]
    back = [bob.send(f"back {i}") for i in range(20)]
    alice.wait_state("delivered", there, 20)
    bob.wait_state("delivered", back, 20)
    bob.wait_messages(len(there), 20)
    alice.wait_messages(len(back), 20)
    check([m.id for m in bob.messages()] == there, "Bob's messages are not what was sent, in order")
    check([m.id for m in alice.messages()] == back, "Alice's messages are not what was sent, in order")
    check(bob.messages()[-1].text == "long " * 5000, "the long message was changed on its way")
    alice.quit()
    bob.quit()
    for node in nodes:
        check(node.stats()["stored"] < len(there), f"{node.name} was given messages although both are online")
        node.stop()


@pytest.mark.slow
@pytest.mark.node
def test_clients_find_nodes_that_other_clients_are(world):
    """Nobody names a storage node: clients find those that other clients are, by the DHT, and leave mail there."""
    others = [world.chat("carol", node=True).ready()]
    others.append(world.chat("dave", node=True, bootstrap=others).ready())
    serving = {chat.wait_for(r"serving node=([0-9a-f]{64}) capacity=([0-9]+)", 5)[1] for chat in others}
    check(len(serving) == 2, "two clients are the same node")
    bob = world.chat("bob", bootstrap=others[:1]).ready()
    alice = world.chat("alice", bootstrap=[others[0], bob]).ready()
    check(not alice.find(r"serving node="), "a client with --no-node is a node")
    alice.write(f"add {bob.tox_id}")
    for chat in (alice, bob):
        chat.wait_for(r"friend 0 online", 40)
    for chat in (alice, bob):
        chat.wait_for(r"friend 0 ready", 120, what="home nodes were picked, and the friend told of them")
    see_offline(alice, bob)
    message = alice.send("left with strangers")
    alice.wait_stored([message], 1, 40)
    alice.quit()
    later = bob.again(bootstrap=others[:1]).ready()
    later.wait_messages(1, 40)
    homes = home_node_ids(later)
    check(homes and homes <= serving, f"Bob's home nodes are {homes}, those that serve {serving}")
    check(later.find(r"node toxasync:.* picked=1"), "a node that was picked is not called so")
    later.quit()
    check_each_once([bob, later], [message])
    others[1].quit()
    again = others[1].again(node=True, bootstrap=others[:1])
    check(again.wait_for(r"serving node=([0-9a-f]{64})", 10)[1] in serving, "it is another node after a restart")


def test_recipient_killed_while_reading_misses_nothing(world):
    """The recipient is killed again and again while messages come in: each is shown, and at most the one that was
    being shown at the instant of a kill is shown again, under the same id."""
    nodes = world.nodes(3)
    alice, bob = world.friends(nodes)
    see_offline(alice, bob)
    ids = [alice.send(f"message {i} " + "x" * (i * 7 % 300)) for i in range(60)]
    alice.wait_stored(ids, 3, 60)
    alice.quit()
    runs = [bob]
    for kills in range(3):
        runs.append(runs[-1].again().ready())
        shown = len({m.id for run in runs for m in run.messages()})
        if shown < len(ids):
            runs[-1].wait_messages(1 + 5 * kills, 30)
        runs[-1].kill()
    runs.append(runs[-1].again().ready())
    runs[-1].wait_until(lambda: {m.id for run in runs for m in run.messages()} == set(ids), 60, "all messages")
    wait_empty(nodes, alice)
    runs[-1].quit()
    once = collections.Counter(m.id for run in runs for m in run.messages())
    again = [i for i in once if once[i] > 1]
    print("shown by each run:", [len(run.messages()) for run in runs], "shown again:", len(again), flush=True)
    for run, following in zip(runs, runs[1:]):
        twice = {m.id for m in run.messages()} & {m.id for m in following.messages()}
        allowed = {m.id for m in run.messages()[-SHOWN_AGAIN:]}
        check(twice <= allowed, f"{len(twice)} messages that were shown before a kill are shown again after it")
    first_shown = list(dict.fromkeys(m.id for run in runs for m in run.messages()))
    check(first_shown == ids, "the messages were not shown in the order of sending")


def test_queued_message_survives_kill_of_sender(world):
    """What the sender's program has called queued survives its end by SIGKILL."""
    nodes = world.nodes(3)
    alice, bob = world.friends(nodes)
    see_offline(alice, bob)
    message = alice.send("accepted, then killed")
    alice.wait_for(f"queued {message}", 10)
    alice.kill()
    alice = alice.again().ready()
    alice.wait_stored([message], 3, 30)
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(1, 30)
    wait_empty(nodes, alice)
    later.quit()
    check_each_once([bob, later], [message])


@pytest.mark.node
def test_stored_message_survives_kill_of_node(world):
    """What a node has called stored survives its end by SIGKILL."""
    nodes = world.nodes(1)
    alice, bob = world.friends(nodes)
    see_offline(alice, bob)
    ids = [alice.send(f"kept {i}") for i in range(10)]
    alice.wait_stored(ids, 1, 30)
    nodes[0].kill()
    nodes[0] = nodes[0].again().ready()
    check(nodes[0].stats()["messages"] >= len(ids), "the node has lost messages")
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(len(ids), 30)
    wait_empty(nodes, alice)
    later.quit()
    check_each_once([bob, later], ids)


@pytest.mark.node
def test_two_nodes_deliver_while_a_third_is_missing(world):
    """One of three nodes does not answer at all: the other two do."""
    nodes = world.nodes(2)
    nobody = f"toxasync:{'5a' * 32}@127.0.0.1:{world.ports.take()}"
    alice, bob = world.friends([*nodes, nobody])
    see_offline(alice, bob)
    ids = [alice.send(f"two of three {i}") for i in range(3)]
    alice.wait_stored(ids, 2, 30)
    check(all(alice.stored(i) == (2, 3) for i in ids), "a node that does not exist has stored something")
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(len(ids), 30)
    wait_empty(nodes, alice)
    later.quit()
    check_each_once([bob, later], ids)


def deliver_one_over_udp(world, transport_options):
    nodes = world.nodes(1)
    alice, bob = world.friends(nodes, **transport_options)
    check(alice.transport == "udp", f"the client uses {alice.transport}")
    see_offline(alice, bob)
    message = alice.send("by a socket of our own")
    alice.wait_stored([message], 1, 30)
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(1, 30)
    wait_empty(nodes, alice, **transport_options)
    later.quit()
    check_each_once([bob, later], [message])
    nodes[0].check_log(alice.tox_id[:64], bob.tox_id[:64], alice.dht_key, str(alice.udp_port), str(bob.udp_port))
    return nodes[0], alice


@pytest.mark.node
def test_client_may_choose_udp_on_a_patched_library(world):
    """Clients that choose UDP although the library is patched."""
    node, _ = deliver_one_over_udp(world, {"transport": "udp"})
    check(node.transports == "dispatcher,udp,friends", f"the node serves {node.transports}")


@pytest.mark.node
@pytest.mark.toxcore("system")
def test_stock_library_uses_udp_and_says_so(world):
    """The system's libtoxcore: everybody says that it has no dispatcher, and uses UDP."""
    node, alice = deliver_one_over_udp(world, {})
    check(node.transports == "udp,friends", f"the node serves {node.transports} with a stock library")
    node.wait_for(r"warning dispatcher: libtoxcore is not patched: .*UDP port \d+ and as Tox friends ", 10)
    alice.wait_for(r"log \w+ transport: using a separate UDP socket, because libtoxcore is not patched", 10)
    only_tox = Process(world, "node-without-transport", [
        world.program("toxasyncd"), "--data-dir", world.directory / "none", "--udp-port", "0"])
    check(only_tox.wait(10) == 1, "a node without any transport starts")
    check(only_tox.find(r"error .*--udp-port 0: .*stock"), "a node without any transport does not say why")


@pytest.mark.delivery
def test_friend_request_reaches_somebody_offline(world):
    """A friend request to somebody offline arrives when they start and is accepted, and the two write to each other
    without ever being online together."""
    nodes = world.nodes(3)
    addresses = [node.address for node in nodes]
    bob = world.chat("bob", nodes=addresses).ready()  # so that there is a Tox ID
    bob.quit()
    alice = world.chat("alice", nodes=addresses).ready()
    alice.write(f"request {bob.tox_id} It is Alice")
    alice.wait_for(rf"request-stored {bob.tox_id[:64]} 3/3", 30)
    poll_until(lambda: alice.counters().get("contact.bundles_posted"), 60, "Alice's keys are left for Bob")
    alice.quit()

    later = bob.again().ready()
    later.wait_for(rf"async-friend-request {alice.tox_id[:64]} It is Alice", 60)
    later.wait_for(r"friend 0 ready", 60, what="Alice's keys")
    there = [later.send("Welcome"), later.send("There you are")]
    later.wait_stored(there, 3, 30)
    poll_until(lambda: later.counters().get("bundles.mailed"), 30, "Bob's keys are under way to Alice")
    later.quit()

    back = alice.again().ready()
    back.wait_messages(2, 60)
    back.wait_for(rf"request-answered {bob.tox_id[:64]}", 60)
    back.wait_for(r"friend 0 ready", 60, what="Bob's keys")
    answer = back.send("Here I am")
    back.wait_stored([answer], 3, 30)
    back.quit()

    last = bob.again().ready()
    last.wait_messages(1, 60)
    last.quit()
    chats = (bob, alice, later, back, last)
    check(not any(chat.find(r"friend 0 online") for chat in chats), "they were online together")
    check_each_once([back], there)
    check_each_once([last], [answer])
    check(sum(bool(chat.find(r"async-friend-request")) for chat in chats) == 1, "the request was shown twice")


@pytest.mark.node
def test_demo_takes_less_than_a_minute(world):
    """What `./dev demo` runs."""
    demo.play(world)
    check(world.elapsed() < 60 * support.PATIENCE, f"it took {world.elapsed():.0f} s")


@pytest.mark.toxcore("0.2.22")
def test_demo_takes_less_than_a_minute_on_toxcore_0_2_22(world):
    test_demo_takes_less_than_a_minute(world)


@pytest.mark.slow
@pytest.mark.delivery
def test_week_of_mail_is_shown_once_in_order(world):
    """A week of compressed time: what is written to friends who are off is shown once, in order, with its time."""
    calendar_week.play(world)


# What Boost.Asio does for a timer that is due: timerfd_settime(1 ns after the start, TFD_TIMER_ABSTIME).
FIRE_DUE_TIMER = """
import ctypes, select
libc = ctypes.CDLL(None, use_errno=True)
timer = libc.timerfd_create(1, 0)
libc.timerfd_settime(timer, 1, (ctypes.c_long * 4)(0, 0, 0, 1), None)
print(len(select.select([timer], [], [], 10)[0]))
"""


@pytest.mark.delivery
def test_timer_that_is_due_fires_though_the_clock_is_set(world):
    """Otherwise a node whose clock is stepped while it sets a timer stands still until a packet comes."""
    for monotonic in (False, True):
        faketime.Clock(world, "toxasyncd", monotonic).step(3600)
        fired = subprocess.run(["/usr/bin/python3", "-c", FIRE_DUE_TIMER], capture_output=True, text=True, check=True,
                               env=world.environment | {"ASAN_OPTIONS": "detect_leaks=0"}).stdout
        check(fired == "1\n", f"{fired.strip()} timers of one fired")
