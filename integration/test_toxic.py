# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's toxic with the preload module, in tmux."""

import json
import os
import re
import shutil
import time
import types

import pytest

import socks5
import support
from plain_clients import (Terminal, befriend, preload, sha256, silent_sound_card, told_of_files_and_calls,
                           with_and_without)
from support import Skip, check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.clients, pytest.mark.slow, pytest.mark.toxcore("system")]


def toxic_settings(world, alice, hub):
    """A configuration and a list of DHT nodes with which toxic talks to this test only; what it gets, it saves in her
    home."""
    config = alice.home.directory / "toxic.conf"
    config.write_text(f"tox = {{ nodeslist_update_freq = 0; autosave_freq = 0; download_path = \"{config.parent}\"; }};\n")
    nodes = world.directory / "nodes.json"
    nodes.write_text(json.dumps({"last_scan": int(time.time()), "last_refresh": int(time.time()), "nodes": [
        {"ipv4": "127.0.0.1", "ipv6": "-", "port": hub.udp_port, "tcp_ports": [], "public_key": hub.dht_key.upper(),
         "maintainer": "test", "location": "-", "status_udp": True, "status_tcp": False, "version": "1",
         "motd": "", "last_ping": int(time.time())}]}, separators=(",", ":")))
    return config, nodes


def say(terminal, text):
    terminal.type(text)
    terminal.press("Enter")
    terminal.wait_screen(lambda screen: f": {text}\n" in re.sub(" +\n", "\n", screen), 20, f"`{text}` is shown")


def check_confirmed(terminal):
    """Toxic marks what had no receipt within 5 s."""
    marked = [line for line in terminal.screen().splitlines() if line.rstrip().endswith(" x")]
    check(not marked, f"not confirmed: {marked}")


def start_toxic(world, alice, hub, *options):
    config, dht_nodes = toxic_settings(world, alice, hub)
    silent_sound_card(alice.home)
    before = preload(world, alice.home, alice.on)
    return Terminal(world, f"{alice.name}-toxic", [
        *before[:2], "TERM=screen", *before[2:], "toxic", *options, "--no-lan",
        "-f", world.directory / f"{alice.name}.tox", "-c", config, "-n", dht_nodes])


def friends_who_have_gone(world):
    """Alice and Bob have each other's keys and are offline; a fresh node of the Tox network for both."""
    if not shutil.which("toxic"):
        raise Skip("toxic is not installed")
    nodes = world.nodes(2)
    alice, bob = befriend(world, nodes)
    for chat in (alice, bob):
        chat.quit()
    return nodes, alice, bob, world.chat("hub", extra=["--no-async"]).ready()


def test_toxic_writes_and_reads_while_apart(world):
    """Debian's toxic shows a friend who is offline as away, sends, confirms, gets the answer; live again, too."""
    nodes, alice, bob, hub = friends_who_have_gone(world)
    terminal = start_toxic(world, alice, hub)
    try:
        converse(world, terminal, bob, hub, nodes)
    finally:
        terminal.close()
    check("error" not in alice.home.log(), f"the log tells of errors: {alice.home.log()}")


def test_toxic_killed_sends_nothing_twice(world):
    """What toxic was told is sent comes once, though it was killed and both were online afterwards."""
    nodes, alice, bob, hub = friends_who_have_gone(world)
    terminal = start_toxic(world, alice, hub)
    try:
        open_friend(terminal)
        for text in ("one", "two"):
            say(terminal, text)
        home = alice.home
        poll_until(lambda: home.status("accepted") == "2" and home.status("unconfirmed") == "0", 10, "toxic has receipts")
        terminal.kill()
        terminal = start_toxic(world, alice, hub)
        open_friend(terminal)
        live = bob.again(bootstrap=[hub], transport="udp").ready()
        live.wait_for(r"friend 0 online", 90)
        say(terminal, "three")
        live.wait_messages(3, 20)
        check([m.text for m in live.messages()] == ["one", "two", "three"], "not what was sent, once")
    finally:
        terminal.close()


def test_toxic_without_network_shows_no_change(world):
    """`toxic -o`, which never iterates, shows what it always showed."""
    if not shutil.which("toxic"):
        raise Skip("toxic is not installed")
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)
    for chat in (alice, bob):
        chat.quit()
    config = world.directory / "toxic.conf"
    config.touch()
    terminal = Terminal(world, "toxic", [
        "env", f"HOME={alice.home.directory}", "TERM=screen", world.program("toxasync"), "run", "--", "toxic", "-o",
        "-f", world.directory / "alice.tox", "-c", config])
    try:
        terminal.wait_screen(lambda screen: "Welcome to Toxic" in screen, 20, "it is there")
        terminal.press("C-o")
        terminal.wait_screen(lambda screen: "Online: 0/1" in screen, 10, "the friend is offline")
        terminal.press("C-p")
        terminal.wait_screen(lambda screen: "Welcome to Toxic" in screen, 10, "its first window")
        terminal.type("/quit")
        terminal.press("Enter")
        poll_until(terminal.ended, 20, "toxic ends")
    finally:
        terminal.close()


def order(terminal, line, shown, seconds=20):
    """Types a line; until something is shown that was not there before."""
    already = terminal.screen().count(shown)
    terminal.type(line)
    terminal.press("Enter")
    terminal.wait_screen(lambda screen: screen.count(shown) > already, seconds, f"`{shown}`, after `{line}`")


def use_files(world, terminal, home, bob, number):
    path = world.directory / "holiday.bin"
    path.write_bytes(os.urandom(300_000))
    start = bob.mark()
    order(terminal, f"/sendfile {path}", "successfully sent")
    bob.wait_for(rf"file {number} 0 {sha256(path)} holiday.bin$", 20, start)
    bob.write(f"file {number} {path}")
    terminal.wait_screen(lambda screen: "/savefile 0" in screen, 20, "a file is offered")
    order(terminal, "/savefile 0", "successfully received")
    bob.wait_for(rf"file-sent {number}$", 20, start)
    check(sha256(home.directory / path.name) == sha256(path), "the file that was received is another one")


def use_calls(terminal, bob, number):
    def call():
        start = bob.mark()
        terminal_shows = terminal.screen().count("Incoming audio call")
        bob.write(f"call {number}")
        terminal.wait_screen(lambda screen: screen.count("Incoming audio call") > terminal_shows, 20, "it rings")
        return start

    start = call()
    order(terminal, "/answer", "Call started")
    bob.wait_for(rf"hears {number}$", 20, start)
    bob.write(f"hang-up {number}")
    terminal.wait_screen(lambda screen: "Call ended" in screen, 20, "the call's end")
    start = call()
    order(terminal, "/reject", "Rejected")
    bob.wait_for(rf"call-state {number} finished$", 20, start)
    start = bob.mark()
    order(terminal, "/call", "Ringing")
    bob.wait_for(rf"call {number} audio$", 20, start)
    bob.write(f"answer {number}")
    bob.wait_for(rf"hears {number}$", 20, start)
    order(terminal, "/hangup", "Call ended")
    bob.wait_for(rf"call-state {number} finished$", 20, start)


def shown_of_files_and_calls(terminal, home):
    """Without progress bars, which there is not always time for, and without numbers of files: one is free again when
    toxcore hears that all has come."""
    text = re.sub(r" \[\d+\]", "", terminal.screen().replace(str(home.directory), "HOME"))
    return [line for line in text.splitlines() if not re.match(r" *[0-9.]+% \[", line)]


def test_toxic_files_and_calls_are_as_without_the_module(world):
    """Files go and come, calls ring, are answered, refused and ended by each side, as they are without the module."""
    if not shutil.which("toxic"):
        raise Skip("toxic is not installed")
    hub, bob, both = with_and_without(world)
    start = bob.mark()
    terminals = [start_toxic(world, client, hub) for client in both]
    told, shown = [], []
    try:
        for number in (0, 1):
            bob.wait_for(rf"file {number} 1 ", 60, start, what="toxic is online for Bob and offers its avatar")
        for number, (terminal, client) in enumerate(zip(terminals, both)):
            open_friend(terminal)
            start_of_it = bob.mark()
            use_files(world, terminal, client.home, bob, number)
            use_calls(terminal, bob, number)
            told.append(told_of_files_and_calls(bob, number, start_of_it))
            shown.append(shown_of_files_and_calls(terminal, client.home))
    finally:
        for terminal in terminals:
            terminal.close()
    check(told[0] == told[1], f"Bob is told {told[0]}; without the module {told[1]}")
    check(shown[0] == shown[1], "\n".join(["toxic shows", *shown[0], "and without the module", *shown[1]]))
    check("error" not in both[0].home.log(), f"the log tells of errors: {both[0].home.log()}")


def open_friend(terminal):
    """The window of the first one, who is offline."""
    terminal.wait_screen(lambda screen: "bob has come online" in screen, 20, "the friend who is offline is there")
    terminal.press("C-o")
    terminal.wait_screen(lambda screen: "Online: 1/1" in screen, 10, "the list of contacts")
    terminal.press("Enter")
    terminal.wait_screen(lambda screen: "[bob]" in screen, 10, "the window of the friend")


def write_apart(terminal, nodes):
    """What Bob is to have after coming back."""
    open_friend(terminal)
    for text in ("first line", "second line"):
        say(terminal, text)
    poll_until(lambda: all(node.stats()["messages"] >= 2 for node in nodes), 60, "the nodes have them")


def answer_apart(bob):
    """They are not online together. Gives Bob's last run, which has ended."""
    bob = bob.again(transport="udp").ready()
    shown = bob.wait_messages(2, 40)
    check([m.text for m in shown] == ["first line", "second line"], "Bob has something else")
    bob.wait_stored([bob.send("an answer from far away")], 2, 40)
    bob.quit()
    return bob


def read_answer(terminal):
    terminal.wait_screen(lambda screen: "an answer from far away" in screen, 90, "the answer")


def leave(terminal):
    terminal.type("/quit")
    terminal.press("Enter")
    poll_until(terminal.ended, 20, "toxic ends")


def converse(world, terminal, bob, hub, nodes):
    write_apart(terminal, nodes)
    bob = answer_apart(bob)
    read_answer(terminal)
    said_at = world.elapsed()
    live = bob.again(bootstrap=[hub], transport="udp").ready()
    live.wait_for(r"friend 0 online", 90)
    say(terminal, "live line")
    live.wait_messages(1, 20)
    live.send("a live answer")
    terminal.wait_screen(lambda screen: "a live answer" in screen, 20, "the live answer")
    # As a rule a friend takes longer to come online than toxic to mark the lines before.
    poll_until(lambda: world.elapsed() > said_at + 6, 6, "toxic's marks")
    check_confirmed(terminal)
    screen = terminal.screen()
    for text in ("an answer from far away", "a live answer", "first line"):
        check(screen.count(text) == 1, f"`{text}` is shown {screen.count(text)} times")
    check([m.text for m in live.messages()] == ["live line"], "Bob got something twice")
    leave(terminal)


def test_toxic_without_udp_uses_relay_and_proxy_only(world):
    """`toxic -t`, which may not use UDP, writes by the TCP relay that it knows, and then with `-p` reads by a proxy; by
    nothing else."""
    if not shutil.which("toxic"):
        raise Skip("toxic is not installed")
    # Toxic takes a node's UDP port for that of its TCP relay.
    port = world.ports.take_tcp()
    hub = world.chat("hub", like=types.SimpleNamespace(udp_port=port),
                     extra=["--no-async", "--tcp-port", port]).ready()
    nodes = [world.node(f"node{i}", extra=["--bootstrap", f"127.0.0.1:{port}:{hub.dht_key}"]).ready() for i in (1, 2)]
    alice, bob = befriend(world, nodes)
    for chat in (alice, bob):
        chat.quit()
    proxy = socks5.Proxy()
    world.cleanups.append(proxy.close)

    def check_ways(allowed):
        check(alice.home.status("transport") == "courier", f"it uses {alice.home.status('transport')}")
        check(not support.sockets(terminal.pid(), "udp"), "it has a UDP socket")
        ways = {remote for _, remote in support.sockets(terminal.pid(), "tcp")}
        check(ways == {allowed}, f"it is connected with the ports {ways}, not {allowed}")

    terminal = start_toxic(world, alice, hub, "-t")
    try:
        write_apart(terminal, nodes)
        check_ways(port)
        leave(terminal)  # first: a node would tell it of the answer at once
        answer_apart(bob)
        terminal = start_toxic(world, alice, hub, "-t", "-p", "127.0.0.1", str(proxy.port))
        open_friend(terminal)
        read_answer(terminal)
        check_ways(proxy.port)
        check(len(proxy.destinations) >= 2, f"the proxy was asked for {proxy.destinations}")
        leave(terminal)
    finally:
        terminal.close()
    check(all(f"a second Tox instance, {way}" in alice.home.log() for way in
              ("over TCP relays only", "through the client's proxy")), alice.home.log())
    check(" error " not in alice.home.log(), f"the log tells of errors: {alice.home.log()}")
