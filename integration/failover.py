#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a PostgreSQL primary under load and promotes a standby; looks for every record that was acknowledged.

usage: failover.py [--build DIR] [--mode MODE] [--rounds N]

Modes: quorum          each commit waits for any one of two standbys, and the one that has more is promoted
       asynchronous    no commit waits for a standby: what it acknowledges can be lost, and this must find it
       wrong-standby   as quorum, but the standby that has less is promoted: this must be found, too
"""

import argparse
import os
import signal
import sys

from postgres import SUPERUSER, Cluster, Server
from programs import Process
from support import SOURCE, Failure, Skip, check, poll_until
from world import World, run

MODES = ("quorum", "asynchronous", "wrong-standby")


def receivers(standby):
    """The processes that take the primary's log."""
    with open(f"/proc/{standby.process.pid}/task/{standby.process.pid}/children", encoding="ascii") as listed:
        for pid in map(int, listed.read().split()):
            with open(f"/proc/{pid}/cmdline", "rb") as command:
                if b"walreceiver" in command.read():
                    yield pid


def acknowledged(load):
    told = [text.split()[1] for text in load.texts() if text.startswith("acknowledged ")]
    return int(told[-1]) if told else 0


def wait_acknowledged(load, count, seconds=60):
    load.wait_until(lambda: acknowledged(load) >= count, seconds, f"{count} acknowledged records")


def received(standby):
    """How many bytes of log a standby has. For good, once it has lost its primary."""
    return int(standby.sql("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint"))


def set_up(server, **settings):
    for name, value in settings.items():
        server.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    server.sql("SELECT pg_reload_conf()")


def failover(world, mode, records):
    """One round; gives the result line of the load as a dictionary."""
    cluster = Cluster(world.directory)
    world.cleanups.append(cluster.end)
    primary = cluster.primary()
    standbys = [cluster.standby(primary, name, ["wal_retrieve_retry_interval=500ms"]) for name in ("one", "two")]
    set_up(primary, synchronous_standby_names="" if mode == "asynchronous" else "ANY 1 (one, two)")
    poll_until(lambda: primary.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "2", 30,
               "both standbys follow")
    servers = [primary, *standbys]
    url = (f"postgresql:///postgres?host={','.join(str(server.sockets) for server in servers)}"
           f"&port={Server.PORT}&user={SUPERUSER}")
    load = Process(world, "load", [world.program("failover_load"), url])
    wait_acknowledged(load, records)

    # One standby stands still while the other one alone is waited for; where none is waited for, both do.
    behind = standbys if mode == "asynchronous" else standbys[:1]
    stopped = [pid for standby in behind for pid in receivers(standby)]
    check(len(stopped) == len(behind), "a standby has no receiver")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_acknowledged(load, acknowledged(load) + records)
    primary.kill()
    before = acknowledged(load)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)  # What the sockets between them still hold arrives.

    poll_until(lambda: all(standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" for standby in standbys), 30,
               "the standbys have noticed")
    standbys.sort(key=received, reverse=mode != "wrong-standby")
    chosen, other = standbys
    set_up(chosen, synchronous_standby_names="ANY 1 (one, two)" if mode == "quorum" else "")
    chosen.promote()
    if mode == "quorum":
        set_up(other, primary_conninfo=chosen.conninfo(other.name))
    wait_acknowledged(load, before + records)
    load.process.stdin.close()
    result = load.wait_for(r"result (.*)", 120)[1]
    load.wait(30)
    return dict(pair.split("=") for pair in result.split())


def play(world, mode, records):
    """One round, and whether it lost what it must not, or must."""
    figures = failover(world, mode, records)
    print(f"failover: {mode}, acknowledged {figures['acknowledged']}, acknowledged lost {figures['lost']}, stores go on"
          f" after {float(figures['longest_pause_s']):.2f} s, refused meanwhile {figures['failed']}", flush=True)
    lost = int(figures["lost"])
    if mode == "quorum":
        check(lost == 0, f"{lost} acknowledged records are lost")
    else:
        check(lost > 0, "nothing is lost, though it must be: this test would find nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=SOURCE / "build" / "release", help="a CMake build directory")
    parser.add_argument("--mode", choices=MODES, default="quorum")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--records", type=int, default=5000, help="acknowledged before, during and after")
    arguments = parser.parse_args()

    def body(world):
        play(world, arguments.mode, arguments.records)

    try:
        for _ in range(arguments.rounds):
            code = run(World(arguments.build, name="failover"), body)
            if code != 0:
                return code
    except (Skip, Failure) as why:
        print(f"failover.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
