# SPDX-License-Identifier: GPL-3.0-or-later
"""Couriers, the hidden Tox instances that carry frames to nodes as friends."""

import re
import shutil

import pytest

import socks5
import support
from couriers import courier_friends, tox_network
from programs import check_each_once, see_offline
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.toxcore("system")]


def check_couriers(nodes, chats):
    """What nodes see are the couriers' keys, another one at each start, and none of a user."""
    couriers = {chat.wait_for(r"courier key=([0-9a-f]{64})", 5)[1] for chat in chats}
    seen = {match[1] for node in nodes for match in
            map(re.compile(r".*couriers: accepted ([0-9a-f]{64})").match, node.texts("err")) if match}
    users = {chat.tox_id[:64].lower() for chat in chats}
    check(seen and not seen & users, f"the nodes see {seen}; the users are {users}")
    check(seen <= couriers, f"the nodes see {seen}; the couriers are {couriers}")
    check(len(couriers) == len(chats), "a courier's key was used twice")


def deliver_by_courier(world, nodes, look=lambda alice: None, **options):
    """`look` is called while the sender runs."""
    alice, bob = courier_friends(world, nodes, **options)
    see_offline(alice, bob)
    ids = [alice.send(f"by courier {i} " + "x" * 500) for i in range(20)]
    alice.wait_stored(ids, len(nodes), 90)
    check_couriers(nodes, [alice, bob])
    look(alice)
    alice.quit()
    later = bob.again(**options).ready()
    later.wait_messages(len(ids), 60)
    back = alice.again(**options).ready()
    poll_until(lambda: all(node.stats()["messages"] == 0 for node in nodes), 120, "the nodes are empty")
    for chat in (back, later):
        chat.quit()
    check_each_once([bob, later], ids)
    check_couriers(nodes, [alice, bob, later, back])


@pytest.mark.toxcore("0.2.22")
def test_courier_delivers_and_hides_user_keys(world):
    """Over friend packets only: stored on three nodes, fetched; a node sees no user's key."""
    hub, nodes = tox_network(world, 3)
    check(nodes[0].transports.endswith("udp,friends"), f"the node serves {nodes[0].transports}")
    deliver_by_courier(world, nodes, bootstrap=[hub], transport="courier")
    for node in nodes:
        node.stop()
        profile = (node.directory / "tox.profile").read_bytes()
        check(len(profile) < 4096, "couriers are kept on disk")


def relay_node(world, hub):
    """A storage node that is a TCP relay, too; and how it is named as that."""
    port = world.ports.take_tcp()
    node = world.node("relay", extra=["--bootstrap", f"127.0.0.1:{hub.udp_port}:{hub.dht_key}", "--verbose",
                                      "--tcp-port", port]).ready()
    return node, f"127.0.0.1:{port}:{node.find(r'toxasyncd: TCP relay on port [0-9]+ with DHT key ([0-9a-f]+)')[1]}"


def test_courier_by_tcp_relay_opens_no_udp_socket(world):
    """Clients without UDP: all goes by a TCP relay, which is a storage node, and no UDP socket is opened."""
    hub, nodes = tox_network(world, 2)
    relay, by = relay_node(world, hub)

    def look(alice):
        check(not support.sockets(alice.pid, "udp"), "a client without UDP has a UDP socket")
        check(support.sockets(relay.pid, "udp"), "sockets are not found where there are some")
    deliver_by_courier(world, [*nodes, relay], look, bootstrap=[hub],
                       extra=["--no-udp", "--tcp-relay", by])


def test_courier_by_proxy_connects_to_nothing_else(world):
    """Clients with a proxy: all goes through that."""
    hub, nodes = tox_network(world, 1)
    relay, by = relay_node(world, hub)
    proxy = socks5.Proxy()
    world.cleanups.append(proxy.close)

    def look(alice):
        check(not support.sockets(alice.pid, "udp"), "a client with a proxy has a UDP socket")
        others = {remote for _, remote in support.sockets(alice.pid, "tcp")} - {proxy.port}
        check(not others, f"a client with a proxy is connected with ports {others}")
        check(len(proxy.destinations) >= 4, f"the proxy was asked for {proxy.destinations}")
    deliver_by_courier(world, [*nodes, relay], look, bootstrap=[hub],
                       extra=["--no-udp", "--socks5-port", proxy.port, "--tcp-relay", by])


@pytest.mark.slow
@pytest.mark.node
def test_courier_finds_a_restarted_node_again(world):
    """A node that is killed and started again, and knows nobody any more, is found again by those that run on; though
    somebody has put a Tox profile of another key into its place."""
    hub, nodes = tox_network(world, 1)
    alice, bob = courier_friends(world, nodes, bootstrap=[hub], transport="courier")
    see_offline(alice, bob)
    alice.wait_stored([alice.send("before")], 1, 60)
    nodes[0].kill()
    shutil.copy(world.directory / "bob.tox", nodes[0].directory / "tox.profile")
    nodes[0] = nodes[0].again(extra=["--bootstrap", f"127.0.0.1:{hub.udp_port}:{hub.dht_key}", "--verbose"]).ready()
    begun = world.elapsed()
    alice.wait_stored([alice.send("after")], 1, 150)
    print(f"found again after {world.elapsed() - begun:.1f} s", flush=True)
    check(nodes[0].stats()["messages"] >= 2, "the node does not have both")
