# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that know nothing of toxasync, on the system's libtoxcore, with the preload module."""

import itertools
import os

import pytest

import faketime
from plain_clients import FIRST_NUMBER, Home, Plain, befriend, see_away, sha256, told_of_files_and_calls
from programs import Process
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.clients, pytest.mark.toxcore("system")]


def test_client_writes_and_reads_while_apart(world):
    """What is written to a friend who is offline is shown as sent, and comes later; so do the answers."""
    nodes = world.nodes(2)
    alice, bob = befriend(world, nodes)
    start = alice.mark()
    bob.quit()
    alice.wait_for(r"friend 0 offline", 40, start, what="reports that the friend went offline")
    alice.wait_for(r"friend 0 tcp", 10, start, what="reports that the friend can be written to")
    alice.wait_for(r"friend-status 0 away", 5, start)
    check(alice.looks() == "tcp away", "getters and callbacks disagree")
    numbers = [alice.send(f"offline {i}") for i in range(20)] + [alice.send("waves", "action")]
    check(None not in numbers and min(numbers) >= FIRST_NUMBER, f"message numbers {numbers}")
    check(len(set(numbers)) == len(numbers), "message numbers come twice")
    alice.wait_receipts(numbers, 30)
    poll_until(lambda: all(node.stats()["messages"] >= 21 for node in nodes), 30, "the nodes have them")
    alice.quit()

    bob = bob.again(transport="udp").ready()
    shown = bob.wait_messages(21, 40)
    check([m.text for m in shown] == [f"offline {i}" for i in range(20)] + ["waves"], "not what was sent, in order")
    check(shown[-1].kind == "action", "an action came as something else")
    back = [bob.send(f"back {i}") for i in range(20)] + [bob.send("x" * 3000)]
    bob.wait_stored(back, 2, 40)
    bob.quit()

    alice = alice.again(bootstrap=None).ready()
    got = alice.wait_shown(23, 40)
    check(got[:20] == [f"back {i}" for i in range(20)], "the answers are not what was sent, in order")
    check("".join(got[20:]) == "x" * 3000, "a long message was changed on its way")
    check(not alice.find("friend 0 udp"), "they were online together")
    check(not alice.find("error") and not alice.find("packet 0 190"), "plainchat was given what is not for it")

    bob = bob.again(bootstrap=[alice, *world.peers[:2]], transport="udp").ready()
    alice.wait_for(r"friend 0 udp", 60)
    poll_until(lambda: alice.looks() == "udp here", 20, "the friend who is online is shown so")
    live = [alice.send(f"live {i}") for i in range(5)]
    alice.wait_receipts(live, 30)
    bob.wait_messages(5, 20)
    bob.send("live back")
    alice.wait_shown(24, 20)
    bob.quit()
    alice.quit()
    check([m.text for m in bob.messages()] == [f"live {i}" for i in range(5)], "something came twice")
    check(len(alice.texts_shown()) == 24, "something came twice")


def test_disabled_module_changes_nothing(world):
    """Without TOX_ASYNC=1 the module changes nothing: what cannot be sent is refused, no file is left."""
    nodes = world.nodes(1)
    home = Home(world, "alice", nodes)
    bob = world.chat("bob", nodes=[nodes[0].address], transport="udp").ready()
    alice = Plain(world, "alice", home, bootstrap=bob, on=False).ready()
    alice.write(f"add {bob.tox_id}")
    alice.wait_for(r"friend 0 (udp|tcp)", 60)
    alice.wait_for(r"packet 0 190", 30, what="gets the packets that are not its own")
    number = alice.send("live")
    check(number and number < FIRST_NUMBER, f"a live message has the number {number}")
    alice.wait_receipts([number], 20)
    bob.quit()
    alice.wait_for(r"friend 0 offline", 40)
    check(alice.looks().startswith("offline"), "a friend who is offline is shown otherwise")
    check(alice.send("offline") is None, "a message to somebody offline was taken")
    alice.quit()
    check(not (home.directory / ".local").exists(), "the module has left files")


def test_client_that_never_iterates_sees_no_change(world):
    """A client that never calls tox_iterate, as `toxic -o`, sees what it always saw."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)
    bob.quit()
    alice.quit()
    alice = alice.again(bootstrap=None, extra=["--offline"]).ready()
    check(alice.looks().startswith("offline"), "a friend is shown as away")
    check(alice.send("offline") is None, "a message was taken that could not be confirmed")
    alice.quit()


def test_client_with_tox_events_gets_the_same(world):
    """A client that uses tox_events gets the same."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes, extra=["--events"])
    bob.quit()
    see_away(alice)
    numbers = [alice.send("by events"), alice.send("again")]
    alice.wait_receipts(numbers, 30)
    bob = bob.again(transport="udp").ready()
    bob.wait_messages(2, 40)
    bob.send("to events")
    alice.wait_shown(1, 40)
    check(alice.texts_shown() == ["to events"], f"shown: {alice.texts_shown()}")


def test_messages_to_a_killed_friend_arrive_once_in_order(world):
    """A friend is killed while a client writes: what was accepted arrives once, in order, whichever way it takes."""
    nodes = world.nodes(2)
    alice, bob = befriend(world, nodes)
    poll_until(lambda: alice.send("first") >= FIRST_NUMBER, 20, "live messages go by us", every=0.5)
    alice.write("flood 0 30")
    bob.wait_messages(10, 20)
    bob.kill()
    alice.write("flood 0 30")
    alice.wait_until(lambda: sum(t.startswith("sent 0") and "flood" in t for t in alice.texts()) == 60, 10,
                     "all are accepted though the friend has gone, which was not noticed yet")
    check(not alice.find("not-sent"), "something was not taken")
    see_away(alice)
    alice.send("last")
    alice.wait_until(lambda: len(alice.receipts()) == sum(t.startswith("sent 0") for t in alice.texts()), 20,
                     "all are confirmed")
    check(alice.receipts() == sorted(alice.receipts()), "receipts are out of order")
    later = bob.again(bootstrap=world.peers[:2], transport="udp").ready()
    later.wait_until(lambda: any(m.text == "last" for m in later.messages()), 60, "the last message")
    shown = {message.id: message.text for chat in (bob, later) for message in chat.messages()}
    texts = [text for text in shown.values() if text.startswith("flood")]
    check(texts == [f"flood {i}" for i in range(30)] * 2, f"{len(texts)} of 60 messages, in order: {texts}")
    twice = {m.id for m in bob.messages()} & {m.id for m in later.messages()}
    check(len(twice) <= 1, "more came twice than the one that was being shown at the kill")


def test_receipt_waits_for_delivery_if_set_so(world):
    """With `receipts = friend` a message counts as sent when the friend has it; a resend meanwhile is no
    second message."""
    clock = faketime.Clock(world, "toxasyncd", monotonic=True)
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes, receipts="friend")
    bob.quit()
    see_away(alice)
    numbers = [alice.send("yes"), alice.send("no"), alice.send("yes")]
    poll_until(lambda: nodes[0].stats()["messages"] >= 3, 30, "the node has them")
    clock.step(21)  # clients send again after a while
    poll_until(lambda: alice.home.status("unconfirmed") == "3", 10, "the module waits for the friend's confirmation")
    check(not alice.receipts(), "a receipt came before the friend had the message")
    numbers = [alice.send("yes"), numbers[1], alice.send("yes")]  # As a client does that had no receipt.
    # Both online: alone, Bob would wait for minutes before leaving confirmations at the nodes.
    bob = bob.again(bootstrap=world.peers[:2], transport="udp").ready()
    bob.wait_messages(3, 40)
    alice.wait_receipts(numbers, 60)
    check([m.text for m in bob.messages()] == ["yes", "no", "yes"], "a resend was taken for a message of its own")


def test_resend_after_a_drop_is_no_second_message(world):
    """With `receipts = friend`: what a client sends again as soon as a friend is back is no second message."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes, receipts="friend")
    bob.quit()
    see_away(alice)
    start = alice.mark()
    silent = bob.again(bootstrap=world.peers[:2], extra=["--no-async"]).ready()  # It can't confirm.
    alice.wait_for(r"friend 0 udp", 90, start)
    first = alice.send("again")
    check(first >= FIRST_NUMBER, "sent by toxcore: this tests nothing")
    silent.quit()
    see_away(alice)
    second = alice.send("again")
    last = alice.send("last")
    bob = bob.again(bootstrap=world.peers[:2], transport="udp").ready()
    bob.wait_messages(2, 40)
    alice.wait_receipts([second, last], 90)
    check([m.text for m in bob.messages()] == ["again", "last"], f"Bob has {[m.text for m in bob.messages()]}")


def test_avatar_offered_while_away_arrives_once(world):
    """The picture that a client offers when a friend is shown as away reaches the friend who comes
    back; once, the last."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)
    bob.quit()
    see_away(alice)

    def order(line, answer):
        start = alice.mark()
        alice.write(line)
        alice.wait_for(answer, 5, start)

    order("picture 0 one that is taken back", "picture-offered 0")
    order("no-picture 0", "cancelled")
    order("no-picture 0", "not cancelled")
    order("picture 0 an old face", "picture-offered 0")
    order("picture 0 a new face", "picture-offered 0")
    # Another client: it takes files.
    bob = Plain(world, "bob", Home(world, "bob", nodes), bootstrap=world.peers[0]).ready()
    bob.wait_for(r"file 0 1 a new face$", 90)
    order("picture 0 a face for now", "picture-offered 0")
    bob.wait_for(r"file 0 1 a face for now$", 20)
    check(not alice.find("error") and sum(text.startswith("file ") for text in bob.texts()) == 2, "one too many")


def exchange_files(world, sender, recipient, size):
    path = world.directory / f"{size}.bin"
    path.write_bytes(os.urandom(size))
    marks = sender.mark(), recipient.mark()
    sender.write(f"file 0 {path}")
    recipient.wait_for(rf"file 0 0 {sha256(path)} {path.name}$", 60, marks[1])
    sender.wait_for(r"file-sent 0$", 20, marks[0])


def ring(caller, callee):
    """Gives where both stood before."""
    marks = caller.mark(), callee.mark()
    caller.write("call 0")
    callee.wait_for(r"call 0 audio$", 20, marks[1])
    return marks


def call_and_talk(caller, callee):
    marks = ring(caller, callee)
    callee.write("answer 0")
    for client, mark in zip((caller, callee), marks):
        client.wait_for(r"hears 0$", 20, mark)
    check(caller.send("a word beside it") is not None, "no message can be sent during a call")
    caller.write("hang-up 0")
    callee.wait_for(r"call-state 0 finished$", 20, marks[1])


def call_in_vain(caller, callee):
    marks = ring(caller, callee)
    callee.write("hang-up 0")
    caller.wait_for(r"call-state 0 finished$", 20, marks[0])


# On a libtoxcore whose ToxAV calls the public functions, which the module takes the place of. toxic and qTox use the
# system's, whose ToxAV does not.
@pytest.mark.toxcore("patched")
def test_files_and_calls_are_as_without_the_module(world):
    """Files and calls are what they are without the module, for who is there and for who is not."""
    nodes = world.nodes(1)
    hub = world.chat("hub", extra=["--no-async"]).ready()
    pairs = [[Plain(world, name, Home(world, name, nodes), bootstrap=hub, on=on).ready() for name in names]
             for on, names in ((True, ("alice", "bob")), (False, ("carol", "dave")))]
    for pair in pairs:
        pair[0].write(f"add {pair[1].tox_id}")
    for client in itertools.chain(*pairs):
        client.wait_for(r"friend 0 (udp|tcp)", 60)
    for client in pairs[0]:
        poll_until(lambda: "received the keys of a friend" in client.home.log(), 30, "keys of the other")
    for one, other in pairs:
        exchange_files(world, one, other, 300_000)
        exchange_files(world, other, one, 1_000)
        call_and_talk(one, other)
        call_and_talk(other, one)
        call_in_vain(one, other)
        call_in_vain(other, one)
        other.quit()
        shown = "tcp away" if one.on else "offline here"
        poll_until(lambda: one.looks() == shown, 40, f"the friend who has gone is shown as {shown}", every=0.3)
        one.write("call 0")
        one.wait_for(r"calls 0 not: the friend is not connected$", 10)
        one.write(f"file 0 {one.home.settings}")
        one.wait_for(r"file-refused 0$", 10)
    for there, without in zip(*pairs):
        check(told_of_files_and_calls(there) == told_of_files_and_calls(without),
              f"with the module: {told_of_files_and_calls(there)}; without: {told_of_files_and_calls(without)}")


def test_two_profiles_of_a_user_do_not_mix(world):
    """Two clients of one user at the same time, each with a Tox identity of its own, keep out of each other's way."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)
    carol = Plain(world, "carol", alice.home, bootstrap=bob).ready()
    carol.write(f"add {bob.tox_id}")
    carol.wait_for(r"friend 0 (udp|tcp)", 60)
    bob.wait_for(r"friend 1 ready", 30)
    start = bob.mark()
    for client in (alice, carol):
        client.quit()
    for number in (0, 1):
        bob.wait_for(rf"friend {number} offline", 40, start)
    for number, name in ((0, "alice"), (1, "carol")):
        start = bob.mark()
        bob.write(f"send {number} to {name}")
        bob.wait_for(r"stored \S+ 1/1", 30, start)
    bob.quit()
    back = [alice.again().ready(), carol.again().ready()]
    shown = [client.wait_shown(1, 40) for client in back]
    check(shown == [["to alice"], ["to carol"]], f"shown: {shown}")
    files = list((alice.home.directory / ".local" / "share" / "toxasync").glob("*.db"))
    check(len(files) == 2, f"files of two identities: {files}")


def test_sending_from_another_thread_keeps_order(world):
    """A client whose other thread sends and asks while the first one iterates: all comes once, in order."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes, extra=["--threads"])
    bob.quit()
    see_away(alice)
    alice.write("thread 0 200")
    alice.wait_for(r"thread-end", 40)
    sent = [int(text.split()[2]) for text in alice.texts() if text.startswith("sent 0 ")]
    check(len(sent) == 200, f"{len(sent)} of 200 were taken")
    alice.wait_receipts(sent, 20)
    bob = bob.again(bootstrap=world.peers[:2], transport="udp").ready()  # Both online before all is fetched.
    bob.wait_messages(200, 60)
    alice.wait_for(r"friend 0 udp", 60)
    alice.write("thread 0 100")
    bob.wait_messages(300, 40)
    expected = [f"thread {i}" for i in (*range(200), *range(100))]
    check([m.text for m in bob.messages()] == expected, "not what was sent, in order")


def test_documented_example_client_works(world):
    """The small client of docs/client-authors.md: writes to a friend who is gone, and gets what they wrote since."""
    node = world.nodes(1)[0]
    bob = world.chat("bob", nodes=[node.address], transport="udp").ready()

    def start():
        client = Process(world, "tinychat", [
            world.program("tinychat"), world.directory / "tiny.tox", node.address, "127.0.0.1", bob.udp_port,
            bob.dht_key], prefix=["env", f"HOME={world.directory}"])
        return client, client.wait_for(r"my Tox ID: (\S+)", 10)[1]

    def end(client):
        client.process.stdin.close()
        check(client.wait(10) == 0, "the client did not end well")

    client, tox_id = start()
    bob.write(f"add {tox_id}")
    bob.wait_for(r"friend 0 ready", 60)
    client.wait_for(r"friend 0 can be written to", 20)
    client.write("hello")
    bob.wait_messages(1, 40)
    client.wait_for(r"a message is delivered", 20)
    bob.quit()
    start_of_next = client.mark()
    client.write("while you are away")
    client.wait_for(r"a message is stored \(nodes: 1/1\)", 30, start_of_next)
    end(client)
    bob = bob.again(transport="udp").ready()
    check([m.text for m in bob.wait_messages(1, 40)] == ["while you are away"], "Bob has something else")
    bob.wait_stored([bob.send("I see")], 1, 40)
    bob.kill()
    client, _ = start()
    client.wait_for(r"friend 0: I see$", 40)
    end(client)
