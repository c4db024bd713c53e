# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program with windows tells screen readers: each thing that it shows, with its role, its name and its place.

A message bus of its own, and AT-SPI over it, without a library for that: what is asked is asked of the program, and
nothing comes from a cache.
"""

import contextlib
import os
import shutil
import signal
import subprocess

from support import WITH_US, Skip, check

try:
    from gi.repository import Gio, GLib
except ImportError:
    Gio = None

CONFIGURATION = "/usr/share/defaults/at-spi2/accessibility.conf"
ROOT = "/org/a11y/atspi/accessible/root"
ENABLED, FOCUSED, SHOWING = 8, 12, 25  # of AT-SPI's states
SECONDS = 5  # for one answer


class Thing:
    """A window, a button, a text: what it was when it was looked at."""

    def __init__(self, role, name, description, place, text=None, focused=False, enabled=True):
        self.role = role
        self.name = name
        self.description = description
        self.text = text  # of a field
        self.focused = focused
        self.enabled = enabled
        self.x, self.y, self.width, self.height = self.place = place

    @property
    def center(self):
        return self.x + self.width // 2, self.y + self.height // 2

    def __repr__(self):
        text = "" if self.text is None else f" with the text {self.text!r}"
        return (f"{self.role} {self.name!r} ({self.description}){text} at {self.x},{self.y}, {self.width}x{self.height}"
                f"{', focused' if self.focused else ''}{'' if self.enabled else ', disabled'}")


class Bus:
    """An accessibility bus in a directory of the test. Programs find it by AT_SPI_BUS_ADDRESS."""

    def __init__(self, world, name):
        if not Gio:
            raise Skip("python3-gi is not installed")
        if not shutil.which("dbus-daemon") or not os.path.exists(CONFIGURATION):
            raise Skip("dbus-daemon or at-spi2-core is not installed")
        directory = world.directory / f"{name}-bus"
        directory.mkdir(mode=0o700)
        reading, writing = os.pipe()
        address = f"unix:path={directory}/bus"
        environment = {**world.environment, "HOME": str(directory), "XDG_RUNTIME_DIR": str(directory),
                       "AT_SPI_BUS_ADDRESS": address}
        environment.pop("DISPLAY", None)
        with open(directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                [*WITH_US, "dbus-daemon", f"--config-file={CONFIGURATION}", "--nofork", "--nopidfile",
                 f"--address={address}", f"--print-address={writing}"],
                pass_fds=[writing], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        world.cleanups.append(self.close)
        os.close(writing)
        with os.fdopen(reading) as told:
            self.address = told.readline().strip()
        check(self.address, "dbus-daemon did not start")
        self._bus = connect(self.address)

    def things(self):
        """All that programs on this bus show: each window before what is in it, which stands in its own order."""
        return self._look(deep=True)

    def windows(self):
        """Those only: a quicker look."""
        return self._look(deep=False)

    def _look(self, deep):
        """One level after the other: all that is asked of a level is asked at once."""
        known, programs, depth = {}, self._programs(), 0
        level = programs
        while level and (deep or depth < 2):
            told = self._ask([request for reference in level for request in (
                (reference, "Accessible", "GetState"), (reference, "Accessible", "GetRoleName"),
                (reference, "Accessible", "GetChildren"), name_of(reference, "Name"),
                name_of(reference, "Description"))])
            for i, reference in enumerate(level):
                states, role, children, name, description = told[5 * i:5 * i + 5]
                if None not in (states, role, children, name, description):
                    if role == "application" or states[0] >> SHOWING & 1:
                        known[reference] = states[0], role, children, name, description
            level = [child for reference in level if reference in known for child in known[reference][2]]
            depth += 1
        return self._make_things(list(flatten(programs, known)), known)

    def _make_things(self, references, known):
        shown = [reference for reference in references if known[reference][1] != "application"]
        places = self._ask([(reference, "Component", "GetExtents", GLib.Variant("(u)", (0,))) for reference in shown])
        fields = [reference for reference in shown if known[reference][1] == "text"]
        texts = dict(zip(fields, self._ask([(reference, "Text", "GetText", GLib.Variant("(ii)", (0, -1)))
                                            for reference in fields])))
        made = []
        for reference, place in zip(shown, places):
            states, role, _, name, description = known[reference]
            if place:
                made.append(Thing(role, name, description, place, texts.get(reference),
                                  focused=bool(states >> FOCUSED & 1), enabled=bool(states >> ENABLED & 1)))
        return made

    def _programs(self):
        """By their names on the bus, in place of the registry's list: some programs fail to get onto that."""
        names = call(self._bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ListNames")[0]
        roots = [(name, ROOT) for name in names if name.startswith(":") and name != self._bus.get_unique_name()]
        roles = self._ask([(root, "Accessible", "GetRoleName") for root in roots])
        return [root for root, role in zip(roots, roles) if role == "application"]

    def _ask(self, requests):
        """All at once; an answer is None where there was none, as the thing has gone meanwhile."""
        answers, missing = [None] * len(requests), len(requests)

        def take(connection, result, number):
            nonlocal missing
            missing -= 1
            with contextlib.suppress(GLib.Error):
                answers[number] = connection.call_finish(result).unpack()[0]
        for number, (reference, interface, method, *arguments) in enumerate(requests):
            if "." not in interface:
                interface = f"org.a11y.atspi.{interface}"
            self._bus.call(*reference, interface, method, arguments[0] if arguments else None, None,
                           Gio.DBusCallFlags.NONE, SECONDS * 1000, None, take, number)
        while missing:
            GLib.MainContext.default().iteration(True)
        return answers

    def close(self):
        """Ends it with what it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


def name_of(reference, which):
    return (reference, "org.freedesktop.DBus.Properties", "Get",
            GLib.Variant("(ss)", ("org.a11y.atspi.Accessible", which)))


def flatten(references, known):
    """Each before those in it."""
    for reference in references:
        if reference in known:
            yield reference
            yield from flatten(known[reference][2], known)


def connect(address):
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
    connection.set_exit_on_close(False)
    return connection


def call(connection, name, path, interface, method, arguments=None):
    return connection.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, SECONDS * 1000,
                                None).unpack()
