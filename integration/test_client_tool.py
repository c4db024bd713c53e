# SPDX-License-Identifier: GPL-3.0-or-later
"""The program `toxasync`: what it says of nodes, settings, programs, clients."""

import os
import re
import subprocess

import pytest

from plain_clients import MODULE, Home, befriend
from programs import Process
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.clients, pytest.mark.toxcore("system")]


def test_toxasync_tool_says_what_is_wrong(world):
    """The program says what it does and what is wrong: nodes, settings, programs, the state of things."""
    home = Home(world, "alice")

    def toxasync(*arguments, **variables):
        done = subprocess.run([world.program("toxasync"), *arguments], capture_output=True, text=True,
                              env={**world.environment, "HOME": str(home.directory), **variables})
        return done.returncode, done.stdout + done.stderr

    def expect(code, pattern, *arguments, **variables):
        got = toxasync(*arguments, **variables)
        check(got[0] == code and re.search(pattern, got[1], re.MULTILINE), f"toxasync {arguments}: {got}")

    line = f"toxasync:{'ab' * 32}@192.0.2.7:33445"
    expect(1, r"unknown command `dance`; see `toxasync --help`", "dance")
    expect(1, r"must begin with", "add-node", "tox:1")
    expect(0, r"added the node to .*toxasync.conf", "add-node", line)
    check(f"node = {line}\n" in home.settings.read_text(), "the settings don't have the node")
    check("local-addresses = yes" in home.settings.read_text(), "what was in the settings is gone")
    expect(0, r"Storage node toxasync:abab", "status")
    expect(0, r"none is running", "status")
    expect(4, r"no client is running with toxasync.*`toxasync run -- qtox`", "id")
    expect(1, r"unknown option `--code`; see `toxasync id --help`", "id", "--code")
    home.state.mkdir(parents=True)
    no_client = home.state / f"status.{os.getpid()}.1"
    no_client.write_text(f"node {'x' * 2954}\n")
    expect(4, r"^toxasync: cannot draw a QR code: the text is longer than", "id", "--qr")
    no_client.unlink()
    expect(0, r"toxasync id \[--qr\]", "--help")
    expect(0, r"^ok      module can be loaded", "doctor")
    expect(0, r"^ok      SQLite$", "doctor")
    expect(127, r"no such program", "run", "--", "no-such-client")
    expect(3, r"not found", "run", "true", TOX_ASYNC_MODULE="/nowhere")
    expect(0, r"^1$[^\0]*1 storage node\.", "run", "--", "sh", "-c", "echo $TOX_ASYNC")
    expect(2, r"TOX_ASYNC_RECEIPTS: must be one of", "run", "true", TOX_ASYNC_RECEIPTS="never")
    home.settings.write_text("node = toxasync:12@192.0.2.7:1\n")
    expect(2, r"toxasync.conf:1: node: ", "run", "true")
    expect(2, r"toxasync.conf:1: node: ", "add-node", line)
    expect(4, r"^PROBLEM settings: .*toxasync.conf:1: node", "doctor")

    # The module alone, with those settings: the client goes on as without it.
    client = Process(world, "client", [world.program("plainchat"), "--profile", world.directory / "c.tox"],
                             prefix=["env", f"HOME={home.directory}", "TOX_ASYNC=1",
                                     f"LD_PRELOAD={world.build / 'lib' / MODULE}"])
    client.wait_for("ready", 10)
    client.write("quit")
    check(client.wait(10) == 0, "the client did not end well")
    check(re.search(r"error settings: .*toxasync.conf:1: node: .*toxasync stays off", home.log()), home.log())


def qr_codes(drawn):
    """The squares of black (true) and white that were drawn, without their margins; each must look like a QR code."""
    codes = []
    rows = re.findall(r"\x1b\[30;107m([ █▀▄]*)\x1b\[0m", drawn)
    while rows:
        width = len(rows[0])
        lines, rows = rows[:(width + 1) // 2], rows[(width + 1) // 2:]
        square = [[mark in marks for mark in line] for line in lines for marks in ("█▀", "█▄")][:width]
        check(not any(any(row[:4] + row[-4:]) for row in square), "a QR code without its margin")
        codes.append([row[4:-4] for row in square[4:-4]])
    finder = [[max(abs(x - 3), abs(y - 3)) in (0, 1, 3) for x in range(7)] for y in range(7)]
    for code in codes:
        size = len(code)
        for top, left in ((0, 0), (0, size - 7), (size - 7, 0)):
            check([row[left:left + 7] for row in code[top:top + 7]] == finder, "a QR code without its corners")
    return codes


def test_toxasync_status_shows_running_clients(world):
    """`toxasync status` tells of a client that runs, and no longer when it has ended."""
    nodes = world.nodes(1)
    alice, bob = befriend(world, nodes)

    def toxasync(*arguments):
        return subprocess.run([world.program("toxasync"), *arguments], capture_output=True, text=True,
                              env={**world.environment, "HOME": str(alice.home.directory)})

    def status():
        return toxasync("status").stdout

    poll_until(lambda: re.search(r"plainchat \(process \d+\): 1/1 storage nodes answer, 1/1 friends", status()), 30,
               "the client is told of")
    handed_on = [alice.tox_id.upper(), nodes[0].address]
    told = toxasync("id").stdout
    check(all(f"  {line}\n" in told for line in handed_on), f"`toxasync id` tells: {told}")
    drawn = toxasync("id", "--qr")
    check(drawn.returncode == 0 and len(qr_codes(drawn.stdout)) == 2, f"`toxasync id --qr` draws: {drawn}")
    killed = alice
    alice.kill()
    check("none is running" in status(), "a client that was killed is told of")
    alice = alice.again().ready()
    poll_until(lambda: "1/1 storage nodes answer" in status(), 30, "the next one is told of")
    left = [path.name for path in alice.home.state.glob("status.*")]
    check(not any(f".{killed.pid}." in name for name in left), f"files of a client that was killed: {left}")
    alice.quit()
    check("none is running" in status(), "a client that has ended is told of")
    check(toxasync("id").returncode == 4, "the Tox ID of a client that has ended is told")
    bob.quit()
