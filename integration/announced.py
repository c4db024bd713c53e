#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage nodes tell of new mail: one scenario a run, one a test.

    announced.py --list
    announced.py SCENARIO [--build DIR] [--toxcore DIR]

A scenario's exit code is 0, 1 for a promise that was not kept, 77 for skipped (its library was not built).
"""

import collections

import couriers
import support
from scenario import main, scenario
from support import check, poll_until

# A client asks for mail once in ten minutes on an average, and gets it within seconds.
SELDOM = ["--poll-interval-ms", "600000"]
SECONDS = 20


def counters(chat):
    """Those of value 0 too."""
    return collections.Counter(chat.counters())


def deliver(world, nodes, alice, bob):
    """Bob is there all the time; Alice reaches the nodes, and nobody by Tox."""
    alice.quit()
    # The present mailbox, the one before and the next one, and as many of cover, on each node.
    poll_until(lambda: counters(bob)["client.subscribed"] >= 6 * len(nodes), 60, "Bob has subscribed")
    again = alice.again(carrier="udp", extra=["--no-udp"]).ready()
    before = counters(bob)
    message = again.send("told at once")
    begun = world.elapsed()
    bob.wait_messages(1, SECONDS)
    print(f"shown {world.elapsed() - begun:.1f} s after it was sent", flush=True)
    after = counters(bob)
    check([m.id for m in bob.messages()] == [message], "it is another message")
    check(after["client.announced"] > before["client.announced"], "no node has told of it")
    check(after["live.envelopes_received"] == 0 and not again.find("friend 0 online"), "it did not come by a node")
    again.quit()
    bob.quit()


@scenario
def announced(world):
    """Over the dispatcher; and who prefers not to be told subscribes to nothing."""
    nodes = world.nodes(3)
    alice, bob = world.friends(nodes, extra=SELDOM)
    check(bob.carrier == "dispatcher", f"Bob uses {bob.carrier}")
    deliver(world, nodes, alice, bob)
    later = bob.again(extra=["--no-push"]).ready()
    poll_until(lambda: counters(later)["client.requests"] >= 6 * len(nodes), 60, "Bob has looked for mail")
    check(counters(later)["client.subscribed"] == 0, "Bob subscribes though he is told not to")
    later.quit()


@scenario
def announced_by_courier(world):
    """By courier, on the stock library."""
    hub, nodes = couriers.tox_network(world, 2)
    alice, bob = couriers.courier_friends(world, nodes, bootstrap=[hub], carrier="courier", extra=SELDOM)
    deliver(world, nodes, alice, bob)


def world_of(arguments):
    return support.World(arguments.build, arguments.toxcore, arguments.scenario,
                         system_toxcore=arguments.scenario == "announced_by_courier")


if __name__ == "__main__":
    main(__doc__, world_of)
