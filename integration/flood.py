#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live toxasyncd under a flood of junk from the same machine, and an honest client beside it.

    flood.py [--build DIR] [--rate N] [--seconds N] [--kinds KIND...]

For each kind of junk: packets a second that the generator reached, the part of them that the system dropped because
the node's socket was full, bytes that came back for those that were sent, honest requests answered, requests that
were sent again, their times, the node's share of a core. Exits with 1 if a
source that had shown no good cookie got more bytes than it sent, or an honest request got no answer in the five
attempts that a client makes.
"""

import argparse
import os
import pathlib
import sys

import support
from programs import Process
from world import World, run

KINDS = ("random", "no-cookie", "forged-cookie", "own-cookie", "new-sessions")
HONEST_PER_SECOND = 20


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def drops(pid, port):
    """Packets that the system dropped because the program's socket was full."""
    for line in pathlib.Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rsplit(":", 1)[1], 16) == port:
            return int(fields[-1])
    raise support.Failure("the node has no UDP socket")


def run_one(world, node, kind, rate, seconds):
    dropped = drops(node.pid, node.udp_port)
    program = Process(world, kind, [world.program("flood"), node.address, kind, rate, seconds,
                                            HONEST_PER_SECOND])
    program.wait_for("ready", 15)
    cpu = cpu_seconds(node.pid)
    program.wait_for("flooded", seconds + 30)
    cpu = (cpu_seconds(node.pid) - cpu) / seconds
    program.wait_for("done", 60)
    support.check(program.wait(10) == 0, f"{kind}: the generator failed")
    said = {text.split()[0]: float(text.split()[1]) for text in program.texts() if len(text.split()) == 2}
    dropped = drops(node.pid, node.udp_port) - dropped
    row = [kind, f"{said['flood_rate']:.0f}", f"{dropped / said['flood_packets']:.3f}",
           f"{said['bytes_out'] / said['bytes_in']:.3f}",
           f"{said['honest_answered']:.0f} of {said['honest_asked']:.0f}", f"{said['honest_retries']:.0f}",
           f"{said['honest_ms']:.1f} ({said['honest_ms_95']:.1f})", f"{100 * cpu:.0f} %"]
    print(" | ".join(row), flush=True)
    # A source that has shown a good cookie may get a full frame for a frame, and no more.
    support.check(said["bytes_out"] <= said["bytes_in"],
                  f"{kind}: {said['bytes_out']:.0f} bytes came back for {said['bytes_in']:.0f}")
    support.check(said["honest_answered"] == said["honest_asked"],
                  f"{kind}: {said['honest_answered']:.0f} of {said['honest_asked']:.0f} honest requests were answered")
    return row


def play(world, rate, seconds, kinds=KINDS):
    node = world.node("node").ready()
    print("junk | sent/s | dropped | bytes out / in | honest answered | retries | ms (95 %) | CPU", flush=True)
    for kind in kinds:
        run_one(world, node, kind, rate, seconds)
    node.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=support.SOURCE / "build" / "release")
    parser.add_argument("--rate", type=int, default=100_000, help="packets a second")
    parser.add_argument("--seconds", type=int, default=10, help="for each kind, 60 at most")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    arguments = parser.parse_args()
    world = World(arguments.build, name="flood")
    return run(world, lambda world: play(world, arguments.rate, min(arguments.seconds, 60), arguments.kinds))


if __name__ == "__main__":
    sys.exit(main())
