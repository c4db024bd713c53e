# SPDX-License-Identifier: GPL-3.0-or-later
"""Couriers, the hidden Tox instances that carry frames to nodes as friends: a network of them."""

from support import check


def tox_network(world, count, hub_extra=(), node_extra=()):
    """A node of the Tox network, and storage nodes that join it by that."""
    hub = world.chat("hub", extra=["--no-async", *hub_extra]).ready()
    join = f"127.0.0.1:{hub.udp_port}:{hub.dht_key}"
    nodes = [world.node(f"node{i + 1}", extra=["--bootstrap", join, "--verbose", *node_extra]) for i in range(count)]
    return hub, [node.ready() for node in nodes]


def courier_friends(world, nodes, **options):
    """Alice and Bob with keys of each other, over couriers."""
    addresses = [node.address for node in nodes]
    alice, bob = [world.chat(name, nodes=addresses, **options).ready() for name in ("alice", "bob")]
    alice.write(f"add {bob.tox_id}")
    for chat in (alice, bob):
        check(chat.transport == "courier", f"{chat.name} uses {chat.transport}")
        chat.wait_for(r"friend 0 online", 60)
        chat.wait_for(r"friend 0 ready", 30)
    return alice, bob
