# SPDX-License-Identifier: GPL-3.0-or-later
"""A storage node: how it starts, stops, refuses, is backed up, shares its store."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import types

import pytest

import support
from programs import NO_CONFIG, Node, Process, check_each_once, home_node_ids, see_offline, wait_empty
from support import Skip, check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.node, pytest.mark.toxcore("patched")]


def test_node_tells_clients_of_its_peers(world):
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


def maintain(world, *arguments, code=0):
    """What `toxasyncd ARGUMENTS` prints; it ends with this status."""
    ended = subprocess.run([world.program("toxasyncd"), *map(str, arguments), *NO_CONFIG], timeout=60,
                           env=world.environment, capture_output=True, text=True, check=False)
    check(ended.returncode == code, f"toxasyncd {arguments[0]} ended with {ended.returncode}: {ended.stderr}")
    return ended.stdout + ended.stderr


def test_node_restored_from_backup_shows_nothing_twice(world):
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
    check("OK" not in maintain(world, "verify", copy, *here, code=2).replace("FAIL", ""), "damage is not found")


def check_refused(world, name, arguments, code, pattern, prefix=(), command=NO_CONFIG):
    program = Process(world, name, [world.program("toxasyncd"), *command, *arguments], prefix)
    got = program.wait(10)
    check(got == code, f"{name}: exit code {got}, not {code}")
    check(program.find(pattern), f"{name}: no line like {pattern!r}, but {program.texts('err')}")
    check(len(program.texts("err")) == 1, f"{name}: more than one line: {program.texts('err')}")


def test_node_that_refuses_to_start_says_why(world):
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
                  r"error .*missing/node: the parent directory does not exist")
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


def test_node_refuses_a_read_only_data_directory(world):
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
                          r"error .*(cannot be written|permission denied)", prefix)
        finally:
            node.directory.chmod(0o755)


def test_node_stops_within_a_second_and_stays_the_same(world):
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
        node.process.send_signal(getattr(signal, number))
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


def test_two_daemons_share_a_postgresql_store(world, postgres_server):
    """Two daemons of one identity before one PostgreSQL: what one has taken in the other gives out. Before, the mail of
    the first one's file moves there."""
    url = postgres_server.url
    first = world.node("node1").ready()
    alice, bob = world.friends([first], transport="udp")
    see_offline(alice, bob)
    ids = [alice.send("kept in a file")]
    alice.wait_stored(ids, 1, 30)
    check_refused(world, "migrate-served", ["--data-dir", first.directory, "--to", url], 2, "error .*in use",
                  command=["migrate"])
    check_refused(world, "migrate-password", ["--to", "postgresql://u:sesame@h/d"], 1, "error .*pgpass",
                  command=["migrate"])
    unreached = Process(world, "unreached", [
        world.program("toxasyncd"), *NO_CONFIG, "--data-dir", world.directory / "new", "--store",
        "host=127.0.0.1 port=1"])
    check(unreached.wait(10) == 4 and unreached.find("error toxasyncd: --store: "),
          "a server that isn't up ends it otherwise")
    kept = first.stats()
    first.stop()
    settings = world.directory / "migrate.conf"
    settings.write_text(f"data-dir = {first.directory}\n")
    moved = Process(world, "migrate", [
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
    second = Node(world, "node2", extra=["--store", url], like=types.SimpleNamespace(
        directory=world.directory / "node2", tox_port=0, udp_port=world.ports.take())).ready()
    check(first.address.split("@")[0] == second.address.split("@")[0], "the two have not the same identity")
    ids.append(alice.send("kept in PostgreSQL"))
    alice.wait_stored(ids, 1, 30)
    first.stop()

    later = bob.again(nodes=[second.address], transport="udp").ready()
    later.wait_messages(2, 30)
    poll_until(lambda: second.stats()["deleted"] >= len(ids), 30, "the second node deletes what it has given out")
    later.quit()
    alice.quit()
    check_each_once([bob, later], ids)
    second.stop()
