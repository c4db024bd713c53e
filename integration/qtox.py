#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's qTox with the preload module, on a screen that nobody looks at: one scenario a run.

    qtox.py --list
    qtox.py SCENARIO [--build DIR]

Pictures of what it showed stay in the build directory's integration-data/.
"""

from plain_clients import Home, Plain, befriend, client_world
from qtox_client import QTox, Screen
from scenario import main, scenario
from support import check, poll_until


def start_qtox(world, live=False):
    """qTox with the profile of Alice, on a screen of its own; Bob, who is online or not; a node of the DHT for both."""
    screen = Screen(world)
    nodes = world.nodes(3)
    alice, bob = befriend(world, nodes)
    alice.quit()
    hub = world.chat("hub", extra=["--no-async"]).ready()
    bob.quit()
    if live:
        bob = bob.again(bootstrap=[hub], carrier="udp").ready()
    return QTox(world, "alice", alice.home, screen, hub), bob, nodes


@scenario
def qtox(world):
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
    client.screen.picture(world.directory.parent / "qtox-away.png")
    poll_until(lambda: all(node.stats()["messages"] >= 3 for node in nodes), 30, "the nodes have them")

    bob = bob.again(carrier="udp").ready()
    check([m.text for m in bob.wait_messages(3, 40)] == texts, "Bob has something else")
    bob.wait_stored([bob.send(f"answer {i}") for i in range(3)], 3, 40)
    bob.quit()
    told += [(False, f"answer {i}", True) for i in range(3)]
    client.wait_history(told, 40)
    check("(Away)" in client.title(), "they were online together")

    live = bob.again(bootstrap=[hub], carrier="udp").ready()
    client.wait_title("bob (Online)", 120)
    client.say("live line")
    live.wait_messages(1, 20)
    live.send("a live answer")
    told += [(True, "live line", True), (False, "a live answer", True)]
    client.wait_history(told, 20)
    client.screen.picture(world.directory.parent / "qtox.png")
    client.close()
    check([m.text for m in live.messages()] == ["live line"], "Bob got something twice")
    check(client.history() == told, "something came twice")
    check(" error " not in client.home.log(), f"the log tells of errors: {client.home.log()}")


@scenario
def qtox_killed(world):
    """What qTox was told is sent is not sent again when it was killed; what came meanwhile is shown."""
    client, bob, nodes = start_qtox(world)
    client.open_friend("bob")
    client.wait_title("bob (Away)", 20)
    for text in ("one", "two"):
        client.say(text)
    told = [(True, "one", True), (True, "two", True)]
    client.wait_history(told, 10)
    client.kill()
    bob = bob.again(carrier="udp").ready()
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
    live = bob.again(bootstrap=[client.hub], carrier="udp").ready()
    client.wait_title("bob (Online)", 120)
    live.wait_stored([live.send("here")], 0, 10)
    told.append((False, "here", True))
    client.wait_history(told, 20)
    client.close()
    check([m.text for m in bob.messages()] == ["one", "two", "three"], "not what was sent, once")
    check(not live.messages(), "something came twice")


@scenario
def qtox_own_queue(world):
    """qTox without the module queues as ever; with it, what it had queued is sent once."""
    on, bob, nodes = start_qtox(world)
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
    on.wait_history([(True, "into its own queue", True)], 30)
    bob = bob.again(bootstrap=[on.hub], carrier="udp").ready()
    bob.wait_messages(1, 40)
    on.open_friend("bob")
    on.wait_title("bob (Online)", 60)
    on.say("next")
    bob.wait_messages(2, 20)
    on.close()
    check([m.text for m in bob.messages()] == ["into its own queue", "next"], "something came twice")


@scenario
def qtox_picture(world):
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


@scenario
def qtox_new_user(world):
    """Who starts with nothing makes a profile with a password, adds a friend, writes when he has gone, comes back."""
    screen = Screen(world)
    nodes = world.nodes(3)
    hub = world.chat("hub", extra=["--no-async"]).ready()
    bob = world.chat("bob", nodes=[node.address for node in nodes], bootstrap=[hub], carrier="udp").ready()
    client = QTox(world, "alice", Home(world, "alice", nodes), screen, hub)
    client.focus()
    client.type("alice\tsecret word\tsecret word\t", "Return")
    client.wait_title("Add friend", 20)
    client.add_friend(bob.tox_id)
    bob.wait_for(r"friend 0 ready", 60)
    client.open_friend("bob")
    client.wait_title("bob (Online)", 40)
    bob.quit()
    client.wait_title("bob (Away)", 40)
    client.type("for later", "Return")
    poll_until(lambda: all(node.stats()["messages"] >= 1 for node in nodes), 30, "the nodes have it")
    home = client.home
    poll_until(lambda: home.status("taken") == "1" and home.status("unconfirmed") == "0", 10, "qTox has the receipt")
    client.kill()
    check(b"SQLite" not in client.database.read_bytes()[:16], "its history is not sealed: this tests less than it should")

    bob = bob.again(carrier="udp").ready()
    check([m.text for m in bob.wait_messages(1, 40)] == ["for later"], "Bob has something else")
    answer = bob.send("an answer")
    bob.wait_stored([answer], 3, 40)
    bob.quit()
    client = client.again()
    client.focus()
    client.type("secret word", "Return")
    client.wait_title("Add friend", 20)
    client.open_friend("(Away)")  # When it was killed, it had not saved his name.
    poll_until(lambda: any(node.stats()["messages"] == 0 for node in nodes), 30, "it has fetched the answer")
    client.type("thank you", "Return")
    bob = bob.again(carrier="udp").ready()
    check([m.text for m in bob.wait_messages(1, 40)] == ["thank you"], "something came twice")
    client.screen.picture(world.directory.parent / "qtox-new-user.png")
    client.close()


if __name__ == "__main__":
    main(__doc__, client_world)
