# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's qTox with the preload module, on a screen that nobody looks at."""

import os

import pytest

from plain_clients import Home, Plain, befriend, sha256, told_of_files_and_calls, with_and_without
from qtox_client import QTox, Screen
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.clients, pytest.mark.slow, pytest.mark.toxcore("system")]


def start_qtox(world, live=False, **settings):
    """qTox with the profile of Alice, on a screen of its own; Bob, who is online or not; a node of the DHT for both."""
    screen = Screen(world)
    nodes = world.nodes(3)
    alice, bob = befriend(world, nodes, **settings)
    alice.quit()
    hub = world.chat("hub", extra=["--no-async"]).ready()
    bob.quit()
    if live:
        bob = bob.again(bootstrap=[hub], transport="udp").ready()
    return QTox(world, "alice", alice.home, screen, hub), bob, nodes


def test_qtox_writes_and_reads_while_apart(world):
    """Debian's qTox: a friend drops, is shown as away, gets what was written then, answers, and comes back."""
    client, bob, nodes = start_qtox(world, live=True)
    hub = client.hub
    client.open_friend("bob")
    client.wait_title("bob (Online)", 120)
    client.say("while you are here")
    bob.wait_messages(1, 20)
    bob.quit()
    client.wait_title("bob (Offline)", 40)
    client.wait_title("bob (Away)", 10)
    texts = ["first line", "second line", "third line"]
    for text in texts:
        client.say(text)
    told = [(True, text, True) for text in ["while you are here", *texts]]
    client.wait_history(told, 10)
    client.screen.picture(world.picture_path("qtox-away.png"))
    poll_until(lambda: all(node.stats()["messages"] >= 3 for node in nodes), 30, "the nodes have them")

    bob = bob.again(transport="udp").ready()
    check([m.text for m in bob.wait_messages(3, 40)] == texts, "Bob has something else")
    bob.wait_stored([bob.send(f"answer {i}") for i in range(3)], 3, 40)
    bob.quit()
    told += [(False, f"answer {i}", True) for i in range(3)]
    client.wait_history(told, 40)
    check("(Away)" in client.title(), "they were online together")

    live = bob.again(bootstrap=[hub], transport="udp").ready()
    client.wait_title("bob (Online)", 120)
    client.say("live line")
    live.wait_messages(1, 20)
    live.send("a live answer")
    told += [(True, "live line", True), (False, "a live answer", True)]
    client.wait_history(told, 20)
    client.screen.picture(world.picture_path("qtox.png"))
    client.close()
    check([m.text for m in live.messages()] == ["live line"], "Bob got something twice")
    check(client.history() == told, "something came twice")
    check(" error " not in client.home.log(), f"the log tells of errors: {client.home.log()}")


def test_qtox_killed_sends_nothing_twice(world):
    """What qTox was told is sent is not sent again when it was killed; what came meanwhile is shown."""
    client, bob, nodes = start_qtox(world)
    client.open_friend("bob")
    client.wait_title("bob (Away)", 20)
    for text in ("one", "two"):
        client.say(text)
    told = [(True, "one", True), (True, "two", True)]
    client.wait_history(told, 10)
    client.kill()
    bob = bob.again(transport="udp").ready()
    bob.wait_messages(2, 40)
    bob.wait_stored([bob.send("while you were gone")], 3, 40)

    client = client.again()
    client.open_friend("bob")
    told.append((False, "while you were gone", True))
    client.wait_history(told, 40)
    client.say("three")
    told.append((True, "three", True))
    client.wait_history(told, 10)
    bob.wait_messages(3, 40)
    bob.quit()
    live = bob.again(bootstrap=[client.hub], transport="udp").ready()
    client.wait_title("bob (Online)", 120)
    live.wait_state("delivered", [live.send("here")], 20)
    told.append((False, "here", True))
    client.wait_history(told, 20)
    client.close()
    check([m.text for m in bob.messages()] == ["one", "two", "three"], "not what was sent, once")
    check(not live.messages(), "something came twice")


def test_qtox_own_queue_is_sent_once(world):
    """qTox without the module has its own queue; with it, what was in that is sent once, and with `receipts = friend`
    counts as sent when the friend has it."""
    on, bob, nodes = start_qtox(world, receipts="friend")
    on.open_friend("bob")
    on.close()
    log = on.home.log()
    off = on.again(on=False)
    off.open_friend("bob")
    off.wait_connected(40)
    check(off.title() == "qTox - bob (Offline)", "a friend who is offline is shown otherwise")
    off.say("into its own queue")
    off.close()
    check(off.history() == [(True, "into its own queue", False)], "it was confirmed by somebody")
    check(on.home.log() == log, "the module did something")

    on = on.again()
    on.open_friend("bob")
    on.wait_title("bob (Away)", 20)
    on.say("next")
    poll_until(lambda: all(node.stats()["messages"] >= 2 for node in nodes), 30, "the nodes have both")
    poll_until(lambda: on.home.status("unconfirmed") == "2", 10, "the module waits for the friend's confirmation")
    told = ["into its own queue", "next"]
    check(on.history() == [(True, text, False) for text in told], f"it shows {on.history()}")
    bob = bob.again(bootstrap=[on.hub], transport="udp").ready()
    bob.wait_messages(2, 40)
    on.wait_title("bob (Online)", 60)
    on.say("while you are here")
    bob.wait_messages(3, 20)
    told.append("while you are here")
    on.wait_history([(True, text, True) for text in told], 40)
    on.close()
    check([m.text for m in bob.messages()] == told, "not what was sent, once")


def test_qtox_avatar_reaches_a_friend_who_was_away(world):
    """The picture of qTox's user, which it offers once, reaches a friend who is away at first."""
    screen = Screen(world)
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)
    for chat in (alice, bob):
        chat.quit()
    hub = world.chat("hub", extra=["--no-async"]).ready()
    picture = alice.home.directory / ".config" / "tox" / "avatars" / f"{alice.tox_id[:64].upper()}.png"
    picture.parent.mkdir(parents=True)
    screen.picture(picture, size=(8, 8))
    client = QTox(world, "alice", alice.home, screen, hub)
    client.open_friend("bob")
    client.wait_title("bob (Away)", 20)
    # Another client, which takes files.
    bob = Plain(world, "bob", Home(world, "bob", nodes), bootstrap=hub).ready()
    bob.wait_for(r"file 0 1 .PNG", 60)
    client.close()


def use_files(world, client, bob, number):
    path = world.directory / "holiday.bin"
    path.write_bytes(os.urandom(300_000))
    start = bob.mark()
    bob.write(f"file {number} {path}")
    client.click_button("Accept transfer")
    saved = client.home.directory / "saved.bin"
    client.answer_dialogue("Save a file", saved)
    bob.wait_for(rf"file-sent {number}$", 20, start)
    poll_until(lambda: sha256(saved) == sha256(path), 10, "the file is there as it was sent")
    client.click_button("Send file(s)")
    client.answer_dialogue("Send a file", path)
    bob.wait_for(rf"file {number} 0 {sha256(path)} holiday.bin$", 20, start)


def use_calls(client, bob, number):
    def call():
        marks = client.mark(), bob.mark()
        bob.write(f"call {number}")
        client.wait_for(r'.*"Received call invite', 20, marks[0])
        return marks

    start = call()
    client.answer_call()
    bob.wait_for(rf"hears {number}$", 20, start[1])
    bob.write(f"hang-up {number}")
    client.wait_for(r".*Call with friend 0 finished", 20, start[0])
    start = call()
    client.decline_call()
    bob.wait_for(rf"call-state {number} finished$", 20, start[1])
    start = bob.mark()
    client.click_button("Start audio call")
    bob.wait_for(rf"call {number} audio$", 20, start)
    bob.write(f"answer {number}")
    bob.wait_for(rf"hears {number}$", 20, start)
    # qTox 1.17 can lock up for good if a call is ended while sound comes in: one of its threads holds the list of calls
    # and waits for ToxAV, the other one holds ToxAV and waits for the list.
    bob.write(f"be-silent {number}")
    bob.wait_for(rf"silent {number}$", 5, start)
    client.click_button("End audio call")
    bob.wait_for(rf"call-state {number} finished$", 20, start)


def test_qtox_files_and_calls_are_as_without_the_module(world):
    """Files come and go, calls ring, are answered, declined and ended by each side, as they are without the module."""
    hub, bob, both = with_and_without(world)
    start = bob.mark()
    clients = [QTox(world, plain.name, plain.home, Screen(world, plain.name), hub, on=plain.on) for plain in both]
    told = []
    for number, client in enumerate(clients):
        client.open_friend("bob")
        client.wait_title("bob (Online)", 60)
        # Each side finds out by itself, and a file can't be offered to a friend who still looks offline.
        bob.wait_for(rf"friend {number} udp", 60, start, what="sees qTox online")
    for number, client in enumerate(clients):
        start = bob.mark()
        use_files(world, client, bob, number)
        use_calls(client, bob, number)
        told.append(told_of_files_and_calls(bob, number, start))
    for client in clients:
        client.close()
    check(told[0] == told[1], f"Bob is told {told[0]}; without the module {told[1]}")
    check(" error " not in clients[0].home.log(), f"the log tells of errors: {clients[0].home.log()}")


def test_qtox_new_user_adds_a_friend_and_comes_back(world):
    """A new user makes a profile with a password, adds a friend, writes when that one has gone, and comes back."""
    screen = Screen(world)
    nodes = world.nodes(3)
    hub = world.chat("hub", extra=["--no-async"]).ready()
    bob = world.chat("bob", nodes=[node.address for node in nodes], bootstrap=[hub], transport="udp").ready()
    client = QTox(world, "alice", Home(world, "alice", nodes), screen, hub)
    client.focus()
    client.type("alice", description="Username input field")
    for field in ("Password input field", "Password confirmation field"):
        client.type("secret word", description=field, secret=True)
    client.click_button("Create Profile")
    client.wait_title("Add friend", 20)
    client.add_friend(bob.tox_id)
    bob.wait_for(r"friend 0 ready", 60)
    client.open_friend("bob")
    client.wait_title("bob (Online)", 40)
    bob.quit()
    client.wait_title("bob (Away)", 40)
    client.write("for later")
    poll_until(lambda: all(node.stats()["messages"] >= 1 for node in nodes), 30, "the nodes have it")
    home = client.home
    poll_until(lambda: home.status("accepted") == "1" and home.status("unconfirmed") == "0", 10, "qTox has the receipt")
    client.kill()
    check(b"SQLite" not in client.database.read_bytes()[:16], "its history is not encrypted")

    bob = bob.again(transport="udp").ready()
    check([m.text for m in bob.wait_messages(1, 40)] == ["for later"], "Bob has something else")
    answer = bob.send("an answer")
    bob.wait_stored([answer], 3, 40)
    bob.quit()
    fetched = [node.stats()["deleted"] for node in nodes]  # What Bob had time to delete of his own.
    client = client.again()
    client.focus()
    client.type("secret word", description="Password input", secret=True)
    client.press("Return")
    client.wait_title("Add friend", 20)
    client.open_friend("(Away)")  # When it was killed, it had not saved the name.
    poll_until(lambda: all(node.stats()["deleted"] > before for node, before in zip(nodes, fetched)), 30,
               "it has fetched the answer")
    client.write("thank you")
    bob = bob.again(transport="udp").ready()
    check([m.text for m in bob.wait_messages(1, 40)] == ["thank you"], "something came twice")
    client.screen.picture(world.picture_path("qtox-new-user.png"))
    client.close()
