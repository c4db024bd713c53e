# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage nodes announce new mail."""

import collections

import pytest

import couriers
from support import check, poll_until, wait_quiet

pytestmark = [pytest.mark.integration, pytest.mark.toxcore("patched")]


# A client asks for mail once in ten minutes on an average, and gets it within seconds.
SELDOM = ["--poll-interval-ms", "600000"]
SECONDS = 20
# A client asks again for a mailbox, because there is news, at most once in five seconds.
QUIET_S = 6


def counters(chat):
    """Those of value 0 too."""
    return collections.Counter(chat.counters())


def deliver(world, nodes, alice, bob):
    """Bob is there all the time; Alice reaches the nodes, and nobody by Tox."""
    alice.quit()
    # The present mailbox, the one before and the next one, and as many of cover, on each node.
    poll_until(lambda: counters(bob)["client.subscribed"] >= 6 * len(nodes), 60, "Bob has subscribed")
    again = alice.again(transport="udp", extra=["--no-udp"]).ready()
    wait_quiet(lambda: counters(bob)["client.requests"], QUIET_S, 60, "Bob has asked for what is new")
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


def test_node_announces_new_mail(world):
    """Over the dispatcher; and who prefers not to be told subscribes to nothing."""
    nodes = world.nodes(3)
    alice, bob = world.friends(nodes, extra=SELDOM)
    check(bob.transport == "dispatcher", f"Bob uses {bob.transport}")
    deliver(world, nodes, alice, bob)
    later = bob.again(extra=["--no-push"]).ready()
    poll_until(lambda: counters(later)["client.requests"] >= 6 * len(nodes), 60, "Bob has looked for mail")
    check(counters(later)["client.subscribed"] == 0, "Bob subscribes in spite of --no-push")
    later.quit()


@pytest.mark.toxcore("system")
def test_node_announces_new_mail_by_courier(world):
    """By courier, on the stock library."""
    hub, nodes = couriers.tox_network(world, 2)
    alice, bob = couriers.courier_friends(world, nodes, bootstrap=[hub], transport="courier", extra=SELDOM)
    deliver(world, nodes, alice, bob)
