# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page of a storage node."""

import json
import re
import socket
import time

import pytest

from browser import Browser
from status import ask, leave, load, start_node
from support import check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.node, pytest.mark.toxcore("system")]


def test_status_page_answers_this_machine_only(world):
    """Only GET and HEAD, only with a Host that is this machine; what is too long, too slow or too many waits or ends."""
    node = start_node(world, extra=["--status-host", "node.example"])
    port = node.status_port
    for host in (f"127.0.0.1:{port}", f"[::1]:{port}", "localhost", f"LOCALHOST:{port}", "Node.Example"):
        check(ask(node, "/", headers=[("Host", host)])[0] == 200, f"Host {host} is refused")
    for host in ("evil.example", f"evil.example:{port}", "node.example.evil", "127.0.0.1.evil", "localhost.evil", "",
                 "[::1", "::1"):
        status, _, text = ask(node, "/status.json", headers=[("Host", host)])
        check(status == 421 and "--status-host" in text, f"Host {host!r}: {status}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        status, headers, _ = ask(node, "/", method)
        check((status, headers["Allow"]) == (405, "GET, HEAD"), f"{method}: {status}")
    check(ask(node, "/", "POST", body=b"x" * 100000)[0] == 413, "a request may have a body")
    check(ask(node, "/", headers=[("X", "x" * 9000)])[0] == 431, "a header may have any length")
    status, headers, text = ask(node, "/metrics", "HEAD")
    check(status == 200 and int(headers["Content-Length"]) > 1000 and text == "", "HEAD has a body, or no length")
    status, headers, text = ask(node, "/nonsense")
    check(status == 404 and "/metrics" in text, "an unknown path")
    check(headers["Content-Security-Policy"].startswith("default-src 'none'"), "no policy")
    check("Access-Control-Allow-Origin" not in headers, "other pages may read it")
    check_crowd(node)
    listening = {line.split()[1] for line in open(f"/proc/{node.pid}/net/tcp").read().splitlines()[1:]}
    check(f"0100007F:{port:04X}" in listening, "the page is not on 127.0.0.1")
    check(f"00000000:{port:04X}" not in listening, "the page is on all addresses")
    taken = start_with_port_taken(world, port)
    # On standard error, which comes after "ready" on standard output, or before.
    taken.wait_for(rf"warning status: --status-port {port}: cannot listen: .*Choose another port, or 0", 10)
    check(taken.stats()["messages"] == 0, "a node whose status port is taken does not serve")


def check_crowd(node):
    """16 that say nothing keep others waiting, but not for longer than they may be silent; the node serves on."""
    begun = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", node.status_port)) for _ in range(16)]
    for one in silent:
        one.sendall(b"GET / HTTP/1.1\r\n")
    check(node.stats()["messages"] == 0, "the node does not serve while its page is crowded")
    status = ask(node, "/healthz")[0]
    took = time.monotonic() - begun
    print(f"answered after {took:.1f} s", flush=True)
    check(status == 200 and 5 < took, f"{status} after {took:.1f} s, before the silent ones had to go")
    for one in silent:
        one.close()


def start_with_port_taken(world, port):
    node = world.node("taken", extra=["--status-port", port])
    return node.ready()


def test_status_page_is_right_in_a_browser(world):
    """The status page in a browser: right figures, plots, nothing from elsewhere, no complaint; light and dark."""
    peer = world.node("peer").ready()
    node = start_node(world, extra=["--peer", peer.address, "--peer", f"toxasync:{'5a' * 32}@127.0.0.1:9"])
    empty = Browser(world)
    empty.open(f"http://127.0.0.1:{node.status_port}/")
    poll_until(lambda: empty.look("document.documentElement.dataset.plotted"), 20, "the plots are drawn")
    check("none waiting" in empty.look("document.body.innerText"), "an empty node does not say so")
    empty.picture(world.picture_path("status-new-node.png"))

    make_history(world, node)
    page = Browser(world)
    page.scheme("light")
    page.open(f"http://127.0.0.1:{node.status_port}/")
    poll_until(lambda: int(page.look("document.documentElement.dataset.plotted") or 0) >= 5, 40, "samples are plotted")
    check_page(page, node)
    page.picture(world.picture_path("status-light.png"))
    page.scheme("dark")
    page.picture(world.picture_path("status-dark.png"))
    check_contrast(page)
    page.scheme("light")
    check_contrast(page)
    check(page.look("""(() => { document.querySelector('[data-range=day]').click();
        return document.querySelector('[data-range=day]').getAttribute('aria-pressed'); })()""") == "true",
          "the day can't be chosen")
    for browser in (empty, page):
        check(not browser.complaints, f"the browser complains: {browser.complaints}")
        ours = ("about:blank", "data:", f"http://127.0.0.1:{node.status_port}/")
        check(all(url.startswith(ours) for url in browser.requested), f"asked elsewhere: {browser.requested}")
    check_without_scripts(page, node)
    node.kill()
    check_lost(empty)


def make_history(world, node):
    """Stores, fetches and refusals, unevenly, for some samples' time."""
    client = load(world, node, 400)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for line in ("ready", "store", "retrieve_all", "retrieve_empty"):
            client.wait_for(line, 60)
            seen = len(recent(node))
            for size in [100] * 30 + [1372] * 20 + [1373] * 10:
                stranger.sendto(bytes([0xA0 if size % 2 else 0xA9]) * size, ("127.0.0.1", node.udp_port))
            poll_until(lambda: len(recent(node)) > seen, 20, "the next sample")
            client.write("")
    check(client.wait(20) == 0, "the load was not served")
    leave(world, node, 240)


def recent(node):
    return json.loads(ask(node, "/status.json")[2])["history"]["rows"]


def check_page(page, node):
    text = page.look("document.body.innerText")
    kept = node.stats()["messages"]
    for words in (f"Envelopes kept\n\n{kept}", "of 1 GiB", "Packets of the wrong length", f"UDP port {node.udp_port}",
                  "642 since start", "no answer", "✓ Serving", node.address):
        check(words in text, f"{words!r} is not on the page:\n{text}")
    wide = page.look("""[...document.querySelectorAll('.tile .number, .tile .more, .legend')]
        .filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)""")
    check(not wide, f"wider than their place: {wide}")
    check("{{" not in text, "something was not filled in")
    check(page.look("document.querySelectorAll('.plot').length") == 6, "there are not six plots")
    drawn = page.look("[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('path.series').length)")
    check(drawn[0] > 3, f"the stores were not plotted: {drawn}")
    labels = page.look("[...document.querySelectorAll('svg.area')].map(p => p.getAttribute('aria-label'))")
    check(all(re.search(r": (now .+; highest .+|.+ in this time\.)$", label)
              for label in labels), f"labels: {labels}")
    check(page.look("""(() => { const plot = document.querySelector('svg.area'); plot.focus();
        plot.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}));
        return document.querySelector('.tip:not([hidden])').innerText; })()""").count("/s") == 3, "no values by keys")
    page.look("document.activeElement.blur()")
    check(page.look("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than its window")


CONTRASTS = """(() => {
  const numbers = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c; } };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('[hidden],noscript,script,style')) continue;
    const style = getComputedStyle(e);
    const pair = [light(numbers(e instanceof SVGElement ? style.fill : style.color)), light(behind(e.parentElement && e instanceof SVGElement ? e.closest('.plot') : e))].sort();
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (contrast < 4.5) poor.push(`${contrast.toFixed(1)} ${e.tagName} ${e.textContent.slice(0, 30)}`);
  }
  return poor; })()"""


def check_contrast(page):
    """WCAG 2.1 AA for all text."""
    poor = page.look(CONTRASTS)
    check(not poor, f"too little contrast: {poor}")


def check_without_scripts(page, node):
    page.scripts(False)
    page.open(f"http://127.0.0.1:{node.status_port}/")
    page.scripts(True)
    text = page.look("document.body.innerText")
    check(f"Envelopes kept\n\n{node.stats()['messages']}" in text, "no figures without JavaScript")


def check_lost(page):
    poll_until(lambda: not page.look("document.getElementById('lost').hidden"), 30, "the page sees that the node is gone")
