#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store and a retrieve cost over each transport: milliseconds, and bytes on the wire in both directions.

    transport_cost.py [--build DIR] [--count N] [--transports udp|courier|relay...] [--couriers N]

One storage node, one node of the Tox network which is a TCP relay too, one client, on the loopback interface of a
network namespace of their own (unshare, as root or with user namespaces), whose counters tell the bytes, with
headers of IP, UDP and TCP. What the Tox instances send when nothing is asked is measured first, and taken off.
Then the memory (not backed by files) of clients with couriers, and what so many couriers add to their node's.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import types

import support
from programs import Process
from world import World, run

QUIET_S = 20
TRANSPORTS = ("udp", "courier", "relay")


def lo_bytes():
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[0])
    raise support.Failure("no loopback interface")


class Meter:
    """Bytes since the last look, less those of a quiet network."""

    def __init__(self):
        self.per_second = 0.0
        self.start()

    def start(self):
        self._bytes, self._at = lo_bytes(), time.monotonic()

    def take(self):
        seconds = time.monotonic() - self._at
        return max(0, lo_bytes() - self._bytes - self.per_second * seconds)

    def look_at_quiet(self):
        self.start()
        threading.Event().wait(QUIET_S)  # not for a condition: this is the measurement
        self.per_second = (lo_bytes() - self._bytes) / QUIET_S


def run_one(world, transport, node, join, count):
    meter = Meter()
    program = Process(world, transport, [world.program("transport_cost"), transport, node.address, join, count])
    first = float(program.wait_for(r"first_store (\S+)", 120)[1])
    program.wait_for("ready", 30)
    meter.look_at_quiet()
    row = [transport, f"{first / 1000:.1f}"]
    for name, times in (("store", count), ("retrieve_all", count), ("retrieve_empty", count)):
        meter.start()
        program.write("")
        match = program.wait_for(rf"{name} (\S+) (\S+)", 300)
        row += [f"{float(match[1]):.1f}", f"{float(match[2]):.1f}", f"{meter.take() / times:.0f}"]
    row.append(f"{meter.per_second:.0f}")
    program.write("")
    support.check(program.wait(10) == 0, f"{transport}: not everything succeeded")
    support.check(program.find(rf"fetched {count + 1}"), f"{transport}: {program.texts()}")
    return row


def memory_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1])


def measure_memory(world, node, join, couriers):
    def start(transport):
        return Process(world, transport, [world.program("transport_cost"), transport, node.address, join, 1])
    without = start("udp")
    without.wait_for("ready", 60)
    before = memory_kib(node)
    programs = [start("courier") for _ in range(couriers)]
    for program in programs:
        program.wait_for("ready", 120)
    more = [memory_kib(program) - memory_kib(without) for program in programs]
    print(f"a courier takes {sum(more) / couriers:.0f} KiB ({min(more)} to {max(more)}) of its client, which has "
          f"{memory_kib(without)} KiB without, and {(memory_kib(node) - before) / couriers:.0f} KiB of its node, which "
          f"had {before} KiB before {couriers} came", flush=True)


def play(world, count, transports, couriers):
    port = world.ports.take_tcp()
    hub = world.chat("hub", like=types.SimpleNamespace(udp_port=port),
                     extra=["--no-async", "--tcp-port", port]).ready()
    join = f"127.0.0.1:{port}:{hub.dht_key}"
    node = world.node("node", extra=["--bootstrap", join, "--key-agreements-burst", 100000]).ready()
    hub.wait_for("self online", 60)
    names = ["transport", "first s", "store ms", "95 %", "bytes", "all ms", "95 %", "bytes each", "empty ms", "95 %",
             "bytes", "idle B/s"]
    print(" | ".join(names), flush=True)
    for transport in transports:
        print(" | ".join(run_one(world, transport, node, join, count)), flush=True)
    if couriers > 0:
        measure_memory(world, node, join, couriers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=support.SOURCE / "build" / "release")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--transports", nargs="+", choices=TRANSPORTS, default=TRANSPORTS)
    parser.add_argument("--couriers", type=int, default=16)
    arguments = parser.parse_args()
    if "TOXASYNC_NETWORK_OF_ITS_OWN" not in os.environ:
        return subprocess.run(["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net",
                               sys.executable, "-B", *sys.argv], check=False,
                              env={**os.environ, "TOXASYNC_NETWORK_OF_ITS_OWN": "1"}).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    world = World(arguments.build, name="transport-cost")
    return run(world, lambda world: play(world, arguments.count, arguments.transports, arguments.couriers))


if __name__ == "__main__":
    sys.exit(main())
