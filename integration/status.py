# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's status page and metrics, and load for it."""

import http.client
import re

import support
from programs import Process
from support import check


UNUSED = f"127.0.0.1:1:{'0' * 64}"  # for transport_cost, which asks nobody for the way over UDP


def start_node(world, name="node", extra=()):
    port = world.ports.take_tcp()
    node = world.node(name, extra=["--status-port", port, "--key-agreements-burst", 100000, *extra]).ready()
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
    return Process(world, name, [world.program("transport_cost"), "udp", node.address, UNUSED, count])


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
            check((kind == "counter") == self._family.endswith("_total"), f"{line}: only a counter is a total")
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
