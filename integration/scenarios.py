#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold when programs are killed, nodes are missing, libraries are stock: one scenario a run, one a test.

    scenarios.py --list
    scenarios.py SCENARIO [--build DIR] [--toxcore DIR]

A scenario's exit code is 0, 1 for a promise that was not kept, 77 for skipped (its library was not built).
"""

import collections
import os
import re
import shutil
import socket
import subprocess
import time
import types

import demo
import postgres
import support
import week as calendar_week
from scenario import main, scenario
from support import Skip, check, check_each_once, poll_until, see_offline


# How many of the messages that were shown before a SIGKILL may be shown again: the one being shown at that instant.
SHOWN_AGAIN = 1


def wait_empty(nodes, absent, seconds=60, **options):
    """Until everybody has fetched his mail; `absent`, who has quit, comes back for his receipts."""
    back = absent.again(**options).ready()
    poll_until(lambda: all(node.stats()["messages"] == 0 for node in nodes), seconds, "the nodes are empty")
    back.quit()


@scenario
def live(world):
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


@scenario
def clients_are_nodes(world):
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


def home_node_ids(chat):
    start = chat.mark()
    chat.write("nodes")
    chat.wait_for("nodes-end", 5, start)
    lines = [text for _, _, text in chat.lines[start:]]
    return {match[1] for match in map(re.compile(r"node toxasync:([0-9a-f]{64})").match, lines) if match}


@scenario
def nodes_tell_of_nodes(world):
    """A node tells clients of another one that its operator named; who has no home nodes picks both."""
    unnamed = world.node("unnamed").ready()
    named = world.node("named", extra=["--peer", unnamed.address]).ready()
    bob = world.chat("bob", nodes=[named.address]).ready()
    alice = world.chat("alice", bootstrap=[bob]).ready()
    alice.write(f"add {bob.tox_id}")
    alice.wait_for(r"friend 0 ready", 60)
    both = {re.match(r"toxasync:([0-9a-f]{64})", node.address)[1] for node in (named, unnamed)}
    poll_until(lambda: home_node_ids(alice) == both, 150, "Alice picks both", every=2)
    bob.wait_for(r"friend 0 ready", 20)
    check_refused(world, "bad-peer", ["--data-dir", world.directory / "x", "--peer", "toxasync:12"], 1,
                  r"error .*--peer toxasync:12: .*")


@scenario
def recipient_killed_while_reading(world):
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


@scenario
def sender_killed_after_queued(world):
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


@scenario
def node_killed_after_stored(world):
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


def maintain(world, *arguments, code=0):
    """What `toxasyncd ARGUMENTS` prints; it ends with this status."""
    ended = subprocess.run([world.program("toxasyncd"), *map(str, arguments), *support.NO_CONFIG], timeout=60,
                           env=world.environment, capture_output=True, text=True, check=False)
    check(ended.returncode == code, f"toxasyncd {arguments[0]} ended with {ended.returncode}: {ended.stderr}")
    return ended.stdout + ended.stderr


@scenario
def node_backed_up(world):
    """A running node is copied; set back to the copy it is the same node, what was read before is not shown again,
    and what comes then is not missed."""
    node, = nodes = world.nodes(1)
    alice, bob = world.friends(nodes)
    see_offline(alice, bob)
    before = [alice.send(f"before {i}") for i in range(5)]
    alice.wait_stored(before, 1, 30)
    here = ["--data-dir", node.directory]
    poll_until(lambda: f"messages={node.stats()['messages']} " in maintain(world, "stats", *here), 5,
               "the figures by socket are those by signal")
    copy = world.directory / "copy"
    maintain(world, "backup", copy, *here)
    check(sorted(path.name for path in copy.iterdir()) == ["node.key", "store.db", "tox.profile"], "not all copied")
    check(all(path.stat().st_mode & 0o077 == 0 for path in (copy, *copy.iterdir())), "the copy is open to others")
    check(maintain(world, "verify", copy, *here).endswith(" OK\n"), "the copy does not hold together")
    check("in use" in maintain(world, "verify", *here, code=2), "a running node's database is looked at")
    alice.quit()
    first = bob.again().ready()
    first.wait_messages(len(before), 30)
    wait_empty(nodes, alice)
    first.quit()
    node.stop()
    maintain(world, "backup", world.directory / "offline", *here)
    check("(the node is not running)" in maintain(world, "stats", *here), "stats of a node that does not run")
    shutil.rmtree(node.directory)
    shutil.copytree(copy, node.directory)
    address = node.address
    node = node.again().ready()
    check(node.address == address, "it is another node")
    alice = alice.again().ready()
    after = [alice.send(f"after {i}") for i in range(5)]
    alice.wait_stored(after, 1, 30)
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(len(after), 30)
    wait_empty([node], alice)
    later.quit()
    check_each_once([bob, first, later], before + after)
    store = copy / "store.db"
    damaged = bytearray(store.read_bytes())
    damaged[len(damaged) // 2:] = bytes(len(damaged) - len(damaged) // 2)
    store.write_bytes(damaged)
    check("OK" not in maintain(world, "verify", copy, *here, code=2).replace("NOT OK", ""), "damage is not found")


@scenario
def node_missing(world):
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


def deliver_one_over_udp(world, carrier_options):
    nodes = world.nodes(1)
    alice, bob = world.friends(nodes, **carrier_options)
    check(alice.carrier == "udp", f"the client uses {alice.carrier}")
    see_offline(alice, bob)
    message = alice.send("by a socket of our own")
    alice.wait_stored([message], 1, 30)
    alice.quit()
    later = bob.again().ready()
    later.wait_messages(1, 30)
    wait_empty(nodes, alice, **carrier_options)
    later.quit()
    check_each_once([bob, later], [message])
    nodes[0].check_log(alice.tox_id[:64], bob.tox_id[:64], alice.dht_key, str(alice.udp_port), str(bob.udp_port))
    return nodes[0], alice


@scenario
def udp_carrier(world):
    """Clients that choose UDP although the library is patched."""
    node, _ = deliver_one_over_udp(world, {"carrier": "udp"})
    check(node.carriers == "dispatcher,udp,friends", f"the node serves {node.carriers}")


@scenario
def stock_library(world):
    """The system's libtoxcore: everybody says that it has no dispatcher, and uses UDP."""
    node, alice = deliver_one_over_udp(world, {})
    check(node.carriers == "udp,friends", f"the node serves {node.carriers} with a stock library")
    check(node.find(r"warning dispatcher: .*stock.*UDP port \d+ and to Tox friends only"), "the node does not say what it lacks")
    check(alice.find(r"log \w+ carrier: .*stock.*UDP"), "the client does not say what it lacks")
    only_tox = support.Process(world, "node-without-carrier", [
        world.program("toxasyncd"), "--data-dir", world.directory / "none", "--udp-port", "0"])
    check(only_tox.wait(10) == 1, "a node without any carrier starts")
    check(only_tox.find(r"error .*--udp-port 0: .*stock"), "a node without any carrier does not say why")


def check_refused(world, name, arguments, code, pattern, prefix=(), command=support.NO_CONFIG):
    program = support.Process(world, name, [world.program("toxasyncd"), *command, *arguments], prefix)
    got = program.wait(10)
    check(got == code, f"{name}: exit code {got}, not {code}")
    check(program.find(pattern), f"{name}: no line like {pattern!r}, but {program.texts('err')}")
    check(len(program.texts("err")) == 1, f"{name}: more than one line: {program.texts('err')}")


@scenario
def node_refuses_to_start(world):
    """Each error names the setting and says what to do, in one line, with an exit code of its kind."""
    directory = world.directory
    node = world.node("node").ready()
    busy = ["--udp-port", world.ports.take(), "--tox-port", world.ports.take()]
    check_refused(world, "locked", ["--data-dir", node.directory, *busy], 2, r"error .*node: .*in use by another")
    check_refused(world, "udp-port-in-use", ["--data-dir", directory / "a", "--bind", "127.0.0.1", *busy[2:],
                                             "--udp-port", node.udp_port], 3, r"error .*--udp-port \d+: ")
    check_refused(world, "tox-port-in-use", ["--data-dir", directory / "b", *busy[:2], "--tox-port", node.tox_port],
                  3, r"error .*--tox-port \d+: ")
    node.stop()
    check_refused(world, "no-parent", ["--data-dir", directory / "missing" / "node", *busy], 2,
                  r"error .*missing/node: its parent directory does not exist")
    (directory / "file").write_text("")
    check_refused(world, "a-file", ["--data-dir", directory / "file", *busy], 2, r"error .*file: is not a directory")
    for name, what in (("node.key", r"node\.key: the key file is damaged"), ("store.db", "not a toxasync database"),
                       ("tox.profile", r"tox\.profile: not a Tox profile")):
        damaged = directory / f"damaged-{name}"
        shutil.copytree(node.directory, damaged)
        (damaged / name).write_bytes(b"damage " * 100)
        check_refused(world, f"damaged-{name}", ["--data-dir", damaged, *busy], 2, f"error .*{what}")
        check((damaged / name).read_bytes() == b"damage " * 100, f"a damaged {name} was replaced")
    for wrong in (["--capacity", "12"], ["--udp-port", "70000"], ["--bind", "localhost"], ["--address", "here"],
                  ["--bootstrap", "127.0.0.1"], ["--nonsense"], ["--udp-port", "5", "--tox-port", "5"]):
        check_refused(world, "usage" + wrong[0], ["--data-dir", directory / "c", *wrong], 1, f"error .*{wrong[0][1:]}")


@scenario
def node_cannot_write(world):
    """A data directory that this user may read only."""
    node = world.node("node").ready()
    node.stop()
    prefix = ()
    if os.geteuid() == 0:
        # Root may write everywhere, unless it gives up that right.
        if not shutil.which("setpriv"):
            raise Skip("setpriv (util-linux), which is needed to test this as root, is missing")
        rights = "-dac_override,-dac_read_search,-fowner"
        prefix = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}")
    busy = ["--udp-port", world.ports.take(), "--tox-port", world.ports.take()]
    for name, path in (("read-only", node.directory), ("read-only-parent", node.directory / "new")):
        node.directory.chmod(0o555)
        try:
            check_refused(world, name, ["--data-dir", path, *busy], 2,
                          r"error .*(cannot be written|may not write there)", prefix)
        finally:
            node.directory.chmod(0o755)


@scenario
def node_stops_cleanly(world):
    """SIGTERM and SIGINT end a node within a second, with everything on disk and its files for the owner only; with
    the same directory it is the same node."""
    node = world.node("node").ready()
    check(oct(node.directory.stat().st_mode & 0o777) == "0o700", "the data directory is open to others")
    for path in node.directory.iterdir():
        check(path.stat().st_mode & 0o077 == 0, f"{path.name} is open to others")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for size in (1, 1371, 1372, 1373, 2048, 60000):
            stranger.sendto(bytes([0xA0]) * size, ("127.0.0.1", node.udp_port))
            stranger.sendto(bytes([0xA2]) * min(size, 2048), ("127.0.0.1", node.tox_port))
    poll_until(lambda: node.stats()["refused"] >= 6, 10, "the refusals are counted")
    for number in ("SIGTERM", "SIGINT"):
        begun = time.monotonic()
        node.process.send_signal(getattr(support.signal, number))
        check(node.wait(10) == 0, f"{number}: not the exit code 0")
        took = time.monotonic() - begun
        print(f"{number}: stopped in {took:.3f} s", flush=True)
        check(took < 1.0 * support.PATIENCE, f"{number}: it took {took:.1f} s to stop")
        check(node.texts()[-1].startswith("stats messages=0 "), "no figures at the end")
        quiet = [text for text in node.texts("err") if re.search(r"\d+\.\d+\.\d+\.\d+", text)]
        check(not quiet, f"addresses are in the log: {quiet}")
        address = node.address
        node = node.again().ready()
        check(node.address == address, "it is another node after the restart")
    version = subprocess.run([world.program("toxasyncd"), "--version"], env=world.environment, timeout=20,
                             capture_output=True, text=True, check=True)
    check(re.fullmatch(r"toxasyncd \d+\.\d+\.\d+\n", version.stdout), f"--version says {version.stdout!r}")


@scenario
def first_contact_offline(world):
    """A friend request to somebody offline arrives when he starts and is accepted, and the two write to each other
    without ever being online together."""
    nodes = world.nodes(3)
    addresses = [node.address for node in nodes]
    bob = world.chat("bob", nodes=addresses).ready()  # so that he has a Tox id
    bob.quit()
    alice = world.chat("alice", nodes=addresses).ready()
    alice.write(f"request {bob.tox_id} It is Alice")
    alice.wait_for(rf"request-stored {bob.tox_id[:64]} 3/3", 30)
    poll_until(lambda: alice.counters().get("contact.bundles_posted"), 60, "her keys are left for him")
    alice.quit()

    later = bob.again().ready()
    later.wait_for(rf"async-friend-request {alice.tox_id[:64]} It is Alice", 60)
    later.wait_for(r"friend 0 ready", 60, what="her keys")
    there = [later.send("Welcome"), later.send("There you are")]
    later.wait_stored(there, 3, 30)
    poll_until(lambda: later.counters().get("bundles.mailed"), 30, "his keys are under way to her")
    later.quit()

    back = alice.again().ready()
    back.wait_messages(2, 60)
    back.wait_for(rf"request-answered {bob.tox_id[:64]}", 60)
    back.wait_for(r"friend 0 ready", 60, what="his keys")
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


@scenario
def demonstration(world):
    """What `./dev demo` runs, in under a minute."""
    demo.play(world)
    check(world.elapsed() < 60 * support.PATIENCE, f"it took {world.elapsed():.0f} s")


@scenario
def week(world):
    """A week of compressed time: what is written to friends who are off is shown once, in order, with its time."""
    calendar_week.play(world)


@scenario
def nodes_share_a_store(world):
    """Two daemons of one identity before one PostgreSQL: what one has taken in the other gives out. Before, the mail of
    the first one's file moves there."""
    cluster = postgres.Cluster(world.build)
    world.cleanups.append(cluster.end)
    url = cluster.primary().url
    first = world.node("node1").ready()
    alice, bob = world.friends([first], carrier="udp")
    see_offline(alice, bob)
    ids = [alice.send("kept in a file")]
    alice.wait_stored(ids, 1, 30)
    check_refused(world, "migrate-served", ["--data-dir", first.directory, "--to", url], 2, "error .*in use",
                  command=["migrate"])
    check_refused(world, "migrate-password", ["--to", "postgresql://u:sesame@h/d"], 1, "error .*pgpass",
                  command=["migrate"])
    unreached = support.Process(world, "unreached", [
        world.program("toxasyncd"), *support.NO_CONFIG, "--data-dir", world.directory / "new", "--store",
        "host=127.0.0.1 port=1"])
    check(unreached.wait(10) == 4 and unreached.find("error toxasyncd: --store: "),
          "a server that isn't up ends it otherwise")
    kept = first.stats()
    first.stop()
    settings = world.directory / "migrate.conf"
    settings.write_text(f"data-dir = {first.directory}\n")
    moved = support.Process(world, "migrate", [
        world.program("toxasyncd"), "migrate", "--config", settings, "--to", url])
    check(moved.wait(20) == 0, "the mail was not moved")
    check(moved.find(rf"toxasyncd: migrated copied=\d+ messages={kept['messages']} .*damaged=0 wrong=0"),
          "not all of it was found again")

    first = first.again(extra=["--store", url]).ready()
    check_refused(world, "locked", ["--data-dir", first.directory, "--store", url, "--udp-port", world.ports.take()], 2,
                  "error .*in use by another")
    (world.directory / "node2").mkdir()
    shutil.copy(first.directory / "node.key", world.directory / "node2")
    # One Tox instance is enough for one identity.
    second = support.Node(world, "node2", extra=["--store", url], like=types.SimpleNamespace(
        directory=world.directory / "node2", tox_port=0, udp_port=world.ports.take())).ready()
    check(first.address.split("@")[0] == second.address.split("@")[0], "the two have not the same identity")
    ids.append(alice.send("kept in PostgreSQL"))
    alice.wait_stored(ids, 1, 30)
    first.stop()

    later = bob.again(nodes=[second.address], carrier="udp").ready()
    later.wait_messages(2, 30)
    poll_until(lambda: second.stats()["deleted"] >= len(ids), 30, "the second node deletes what it has given out")
    later.quit()
    alice.quit()
    check_each_once([bob, later], ids)
    second.stop()


def world_of(arguments):
    return support.World(arguments.build, arguments.toxcore or support.default_toxcore(), arguments.scenario,
                         system_toxcore=arguments.scenario == "stock_library")


if __name__ == "__main__":
    main(__doc__, world_of)
