#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators of a storage node see of it: one scenario a run.

    operators.py --list
    operators.py SCENARIO [--build DIR]

Pictures of the status page stay in the build directory's integration-data/.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import support
from browser import Browser
from scenario import main, scenario
from support import check, poll_until

UNUSED = f"127.0.0.1:1:{'0' * 64}"  # for carrier_cost, which asks nobody for the way over UDP


def start_node(world, name="node", extra=()):
    port = world.ports.take_tcp()
    node = world.node(name, extra=["--status-port", port, "--key-work-burst", 100000, *extra]).ready()
    node.status_port = port
    return node


def ask(node, path, method="GET", headers=(), body=None):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", node.status_port, timeout=20 * support.PATIENCE)
    try:
        connection.putrequest(method, path, skip_host="Host" in dict(headers))
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", len(body))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def load(world, node, count, name="load"):
    """A client that stores so many envelopes, then fetches all so often; it goes on at each line."""
    return support.Process(world, name, [world.program("carrier_cost"), "udp", node.address, UNUSED, count])


def run_load(world, node, count):
    """One more than `count` are stored, fetched and deleted."""
    client = load(world, node, count)
    for line in ("ready", "store", "retrieve_all", "retrieve_empty"):
        client.wait_for(line, 60)
        client.write("")
    check(client.wait(20) == 0, "the load was not served")


def leave(world, node, count, name="leaver"):
    """One more than `count` are stored; all but that one stay."""
    client = load(world, node, count, name)
    for line in ("ready", "store"):
        client.wait_for(line, 60)
        if line == "ready":
            client.write("")
    client.kill()


class Metrics:
    """Prometheus' text format, read strictly."""

    NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    SAMPLE = re.compile(rf"({NAME})(?:\{{([^}}]*)\}})? (-?[0-9.]+|NaN|\+Inf)$")
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)"')

    def __init__(self, text):
        check(text.endswith("\n"), "the last line has no end")
        self.kinds, self.values = {}, {}
        self._help, self._family = None, None
        for line in text.splitlines():
            self._read(line)

    def _read(self, line):
        if line.startswith("# HELP "):
            _, _, self._help, words = line.split(" ", 3)
            check(self._help not in self.kinds and words.strip(), f"told twice, or not at all: {line}")
        elif line.startswith("# TYPE "):
            _, _, self._family, kind = line.split(" ")
            check(self._family == self._help, f"HELP and TYPE do not go together: {line}")
            check(kind in ("counter", "gauge", "histogram"), line)
            check((kind == "counter") == self._family.endswith("_total"), f"{line}: a counter, and only that, is a total")
            self.kinds[self._family] = kind
        else:
            self._read_sample(line)

    def _read_sample(self, line):
        match = self.SAMPLE.match(line)
        check(match, f"no sample: {line!r}")
        name, labels, value = match.groups()
        ending = name[len(self._family):] if name.startswith(self._family) else None
        allowed = ("_bucket", "_sum", "_count") if self.kinds[self._family] == "histogram" else ("",)
        check(ending in allowed, f"{line}: not of the family {self._family}")
        pairs = self.LABEL.findall(labels or "")
        check(",".join(f'{key}="{text}"' for key, text in pairs) == (labels or ""), f"labels: {line}")
        key = (name, frozenset(pairs))
        check(key not in self.values, f"told twice: {line}")
        self.values[key] = float(value)

    def __call__(self, name, **labels):
        return self.values[name, frozenset(labels.items())]

    def check_histogram(self, name, **labels):
        bounds = sorted((float(dict(pairs)["le"]), value) for (key, pairs), value in self.values.items()
                        if key == name + "_bucket" and labels.items() <= dict(pairs).items())
        check(len(bounds) > 2 and bounds[-1][0] == float("inf"), f"{name}: no last bucket")
        counts = [value for _, value in bounds]
        check(counts == sorted(counts), f"{name}: buckets do not add up: {counts}")
        check(counts[-1] == self(name + "_count", **labels), f"{name}: the count is another than the last bucket's")
        check(self(name + "_sum", **labels) >= 0, f"{name}: a negative sum")


def metrics(node):
    status, headers, text = ask(node, "/metrics")
    check(status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), f"{status} {headers}")
    return Metrics(text)


@scenario
def metrics_and_health(world):
    """/metrics is what Prometheus reads and counts what happened; /healthz says when the node is in trouble."""
    node = start_node(world, extra=["--capacity", "3M"])
    before = metrics(node)
    check(before("toxasync_healthy") == 1 and before("toxasync_messages") == 0, "an empty node is not empty and well")
    run_load(world, node, 100)
    leave(world, node, 50)
    after = metrics(node)
    for kind in ("store", "retrieve"):
        after.check_histogram("toxasync_answer_seconds", request=kind)
    check(after("toxasync_node_stored_total") == 152, f"{after('toxasync_node_stored_total')} stored, not 152")
    check(after("toxasync_messages") == node.stats()["messages"] == 50, "kept is not what was left")
    check(after("toxasync_tombstones") == after("toxasync_node_deleted_total") == 102, "what was deleted is not counted")
    answered = after("toxasync_node_stored_total") + after("toxasync_node_duplicates_total")
    check(after("toxasync_answer_seconds_count", request="store") == answered, "not every store was timed")
    check(after("toxasync_answer_seconds_count", request="retrieve") > 100, "retrieves were not timed")
    check(after("toxasync_carrier_packets_total", carrier="udp") == after("toxasync_frames_in_total") > 200,
          "packets of the carrier are not counted")
    check(after("toxasync_capacity_bytes") == 3 << 20, f"the capacity is {after('toxasync_capacity_bytes')}")
    check(ask(node, "/healthz")[::2] == (200, "OK\n"), "a node that is well does not say so")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xa0" * 100, ("127.0.0.1", node.udp_port))
    poll_until(lambda: metrics(node)("toxasync_refused_total", reason="frame_length") == 1, 10, "it is refused")
    stall(node, 1.5)
    status, text = poll_until(lambda: unhealthy(node), 20, "the node says that it was late")
    check(status == 503 and re.search(r"late by [12][0-9]{3} ms", text), f"a node that was late says {status} {text!r}")
    after = metrics(node)
    check(after("toxasync_healthy") == 0 and after("toxasync_loop_lag_seconds") > 1, "/metrics calls it healthy")
    node.stop()
    node.check_log()


def unhealthy(node):
    status, _, text = ask(node, "/healthz")
    return (status, text) if status != 200 else None


def stall(node, seconds):
    """Keeps the program from running for so long, as a machine that has too much to do."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        poll_until(lambda: time.monotonic() > begun + seconds, 10, "the time passes")  # which is what is tried
    finally:
        os.kill(node.pid, signal.SIGCONT)


@scenario
def status_is_for_this_machine_only(world):
    """Only GET and HEAD, only with a Host that is this machine; what is too long, too slow or too much waits or ends."""
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
    check(taken.find(rf"warning status: port {port}: .*name another --status-port, or 0"), "a taken port is not told")
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


@scenario
def status_page(world):
    """The status page in a browser: right figures, plots, nothing from elsewhere, no complaint; light and dark."""
    peer = world.node("peer").ready()
    node = start_node(world, extra=["--peer", peer.address, "--peer", f"toxasync:{'5a' * 32}@127.0.0.1:9"])
    empty = Browser(world)
    empty.open(f"http://127.0.0.1:{node.status_port}/")
    poll_until(lambda: empty.look("document.documentElement.dataset.plotted"), 20, "the plots are drawn")
    check("none waits for its recipient" in empty.look("document.body.innerText"), "an empty node does not say so")
    empty.picture(world.directory.parent / "status-new-node.png")

    make_history(world, node)
    page = Browser(world)
    page.scheme("light")
    page.open(f"http://127.0.0.1:{node.status_port}/")
    poll_until(lambda: int(page.look("document.documentElement.dataset.plotted") or 0) >= 5, 40, "samples are plotted")
    check_page(page, node)
    page.picture(world.directory.parent / "status-light.png")
    page.scheme("dark")
    page.picture(world.directory.parent / "status-dark.png")
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
                  "642 since the start", "not lately", "✓ Serving", node.address):
        check(words in text, f"{words!r} is not on the page:\n{text}")
    wide = page.look("""[...document.querySelectorAll('.tile .number, .tile .more, .legend')]
        .filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)""")
    check(not wide, f"wider than their place: {wide}")
    check("{{" not in text, "something was not filled in")
    check(page.look("document.querySelectorAll('.plot').length") == 6, "there are not six plots")
    drawn = page.look("[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('path.series').length)")
    check(drawn[0] > 3, f"the stores were not plotted: {drawn}")
    labels = page.look("[...document.querySelectorAll('svg.area')].map(p => p.getAttribute('aria-label'))")
    check(all(re.search(r": (now .+; highest .+|.+ in this time\.|The event loop was never late\.)$", label)
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


@scenario
def reload_and_notify(world):
    """SIGHUP makes what can be reloaded count, and says what cannot; a faulty file changes nothing. The service manager
    is told of each step."""
    told = Told(world)
    file = world.directory / "node.conf"
    port = world.ports.take_tcp()
    settings = [f"status-port = {port}", "log-level = info"]
    file.write_text("\n".join(settings))
    world.environment.update(NOTIFY_SOCKET=str(told.path), WATCHDOG_USEC="200000")
    node = world.node("node", extra=["--config", file])
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        del world.environment[name]
    node.ready()
    told.wait("READY=1")
    told.wait("WATCHDOG=1")
    peer = world.node("peer").ready()

    def hang_up(lines):
        file.write_text("\n".join(lines) + "\n")
        start = node.mark()
        told.states.clear()
        os.kill(node.pid, signal.SIGHUP)
        told.wait("RELOADING=1")
        told.wait("READY=1")
        return start
    node.status_port = world.ports.take_tcp()
    start = hang_up([f"status-port = {node.status_port}", "log-level = debug", "capacity = 7M", f"peer = {peer.address}",
                     "couriers = 3"])
    node.wait_for(r"warning reload: couriers has changed: restart the node for it", 5, start)
    node.wait_for(r"info reload: capacity has changed", 5, start)
    check(metrics(node)("toxasync_capacity_bytes") == 7 << 20, "the capacity was not reloaded")
    poll_until(lambda: metrics(node)("toxasync_peers", state="answering") == 1, 40, "the new peer is asked")
    start = node.mark()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xa0" * 100, ("127.0.0.1", node.udp_port))
    node.wait_for(r"debug refused: refused.frame_length", 5, start)
    start = hang_up([f"status-port = {node.status_port}", "log-level = debug", "capacity = 7M", "couriers = 3"])
    node.wait_for(r"warning reload: couriers has changed: restart the node for it", 5, start)
    poll_until(lambda: metrics(node)("toxasync_peers", state="answering") == 0, 5, "the peer is no longer told of")

    start = hang_up(["capacity = 9M", "nonsense = 1", "log-level = info"])
    node.wait_for(r"error reload: .*node.conf:2: there is no setting `nonsense`", 5, start)
    node.wait_for(r"error reload: all settings stay as they were", 5, start)
    check(metrics(node)("toxasync_capacity_bytes") == 7 << 20, "half of a faulty file was taken")
    node.stop()
    told.wait("STOPPING=1")


class Told:
    """The socket of a service manager."""

    def __init__(self, world):
        self.path = world.directory / "notify"
        self.states = []
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            state = self._socket.recv(4096).decode()
            with self._changed:
                self.states += state.split("\n")
                self._changed.notify_all()

    def wait(self, state):
        with self._changed:
            good = self._changed.wait_for(lambda: state in self.states, 10 * support.PATIENCE)
            check(good, f"{state} was not told, but {self.states}")


@scenario
def stops_under_load(world):
    """SIGTERM while clients store: the node ends soon, and has everything that it acknowledged."""
    node = start_node(world)
    for i in range(4):
        load(world, node, 100000, f"load-{i}").wait_for("ready", 30)
    for client in world.processes[1:]:
        client.write("")
    poll_until(lambda: node.stats()["stored"] > 1000, 60, "the load has begun")
    took = node.stop()
    last = dict(pair.split("=") for pair in node.texts()[-1].split()[1:])
    print(f"stopped in {took:.3f} s with {last['stored']} stored", flush=True)
    check(took < 5 * support.PATIENCE, f"it took {took:.1f} s to stop")
    kept = node.again().ready().stats()
    check(kept["messages"] + kept["tombstones"] >= int(last["stored"]), f"acknowledged {last['stored']}, kept {kept}")


@scenario
def service_unit(world):
    """The systemd unit and the example of settings are right, and the unit shuts the node in as far as 2.0 on the scale of `systemd-analyze security`."""
    unit = world.build / "apps" / "toxasyncd" / "toxasyncd.service"
    if not support.shutil.which("systemd-analyze"):
        raise support.Skip("systemd-analyze (systemd) is missing")
    got = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit],
                         capture_output=True, text=True, timeout=60, check=False)
    check(got.returncode == 0, f"more exposed than 2.0:\n{got.stdout}{got.stderr}")
    print(got.stdout.splitlines()[-1], flush=True)
    program = re.search(r"^ExecStart=(\S+)", unit.read_text(), re.MULTILINE)[1]
    copy = world.directory / "toxasyncd.service"
    copy.write_text(unit.read_text().replace(program, str(world.program("toxasyncd"))))
    got = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=60,
                         check=False)
    check(got.returncode == 0 and "toxasyncd" not in got.stderr, f"the unit is faulty:\n{got.stderr}")
    check_example(world)


def check_example(world):
    """The example has every setting, and what stands commented out in it can be written so."""
    text = (support.SOURCE / "apps" / "toxasyncd" / "toxasyncd.conf.example").read_text()
    lines = re.findall(r"^#([a-z-]+ = [^<\n]*)", text, re.MULTILINE)
    usable = re.findall(r"^#([a-z-]+ = [^<\n]*)$", text, re.MULTILINE)
    file = world.directory / "example.conf"
    file.write_text("\n".join(usable))

    def toxasyncd(option):
        return subprocess.run([world.program("toxasyncd"), "--config", file, option], env=world.environment,
                              capture_output=True, text=True, timeout=20, check=False)
    got = toxasyncd("--check-config")
    check((got.returncode, got.stdout) == (0, "OK\n"), f"the example is faulty: {got.stdout}{got.stderr}")
    settings = re.findall(r"^(?:# )?([a-z-]+) = ", toxasyncd("--print-config").stdout, re.MULTILINE)
    missing = set(settings) ^ {line.split(" = ")[0] for line in lines}
    check(len(settings) >= 17 and not missing, f"only the example, or only the program, has {missing}")


def world_of(arguments):
    return support.World(arguments.build, arguments.toxcore, arguments.scenario,
                         system_toxcore=arguments.toxcore is None)


if __name__ == "__main__":
    main(__doc__, world_of)
