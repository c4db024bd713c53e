# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators of a storage node rely on: metrics, reload, stop, the service unit."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import support
from status import ask, leave, load, metrics, run_load, start_node
from support import Skip, check, poll_until

pytestmark = [pytest.mark.integration, pytest.mark.node, pytest.mark.toxcore("system")]


def test_metrics_and_health_say_what_happened(world):
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
    check(after("toxasync_tombstones") == after("toxasync_node_deleted_total") == 102, "deletions are not counted")
    answered = after("toxasync_node_stored_total") + after("toxasync_node_duplicates_total")
    check(after("toxasync_answer_seconds_count", request="store") == answered, "not every store was timed")
    check(after("toxasync_answer_seconds_count", request="retrieve") > 100, "retrieves were not timed")
    check(after("toxasync_transport_packets_total", transport="udp") == after("toxasync_frames_in_total") > 200,
          "packets of the transport are not counted")
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


def test_reload_applies_settings_and_notifies_systemd(world):
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
    start = hang_up([f"status-port = {node.status_port}", "log-level = debug", "capacity = 7M",
                     f"peer = {peer.address}", "couriers = 3"])
    node.wait_for(r"warning reload: couriers changed: restart the node to apply it", 5, start)
    node.wait_for(r"info reload: capacity changed", 5, start)
    check(metrics(node)("toxasync_capacity_bytes") == 7 << 20, "the capacity was not reloaded")
    poll_until(lambda: metrics(node)("toxasync_peers", state="answering") == 1, 40, "the new peer is asked")
    start = node.mark()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xa0" * 100, ("127.0.0.1", node.udp_port))
    node.wait_for(r"debug refused: refused.frame_length", 5, start)
    start = hang_up([f"status-port = {node.status_port}", "log-level = debug", "capacity = 7M", "couriers = 3"])
    node.wait_for(r"warning reload: couriers changed: restart the node to apply it", 5, start)
    poll_until(lambda: metrics(node)("toxasync_peers", state="answering") == 0, 5, "the peer is no longer told of")

    start = hang_up(["capacity = 9M", "nonsense = 1", "log-level = info"])
    node.wait_for(r"error reload: .*node.conf:2: unknown setting `nonsense`", 5, start)
    node.wait_for(r"error reload: no setting was changed", 5, start)
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


def test_node_stopped_under_load_keeps_what_it_stored(world):
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


def test_service_unit_is_valid_and_confined(world):
    """The systemd unit and the example of settings are right. The unit confines the node: at most 2.0 on the scale of
    `systemd-analyze security`."""
    unit = world.build / "apps" / "toxasyncd" / "toxasyncd.service"
    if not shutil.which("systemd-analyze"):
        raise Skip("systemd-analyze (systemd) is missing")
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
