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

from support import Skip, check

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
                ["dbus-daemon", f"--config-file={CONFIGURATION}", "--nofork", "--nopidfile",
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
        found, waiting = [], [(name, ROOT) for name in self._programs()]
        while waiting:
            reference = waiting.pop()
            with contextlib.suppress(GLib.Error):  # it has gone meanwhile
                states = self._call(reference, "Accessible", "GetState")[0]
                role = self._call(reference, "Accessible", "GetRoleName")[0]
                if role == "application" or states[0] >> SHOWING & 1:
                    found.append(self._look(reference, role, states[0]))
                    waiting += reversed(self._call(reference, "Accessible", "GetChildren")[0])
        return found

    def _programs(self):
        """By their names on the bus, in place of the registry's list: some programs fail to get onto that."""
        bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus")
        names = call(self._bus, *bus, "org.freedesktop.DBus", "ListNames")[0]
        found = []
        for name in names:
            if name.startswith(":") and name != self._bus.get_unique_name():
                with contextlib.suppress(GLib.Error):  # it has nothing to tell
                    if self._call((name, ROOT), "Accessible", "GetRoleName")[0] == "application":
                        found.append(name)
        return found

    def _look(self, reference, role, states):
        place, text = (0, 0, 0, 0), None
        interfaces = self._call(reference, "Accessible", "GetInterfaces")[0]
        if "org.a11y.atspi.Component" in interfaces:
            place = self._call(reference, "Component", "GetExtents", GLib.Variant("(u)", (0,)))[0]
        if role == "text" and "org.a11y.atspi.Text" in interfaces:
            text = self._call(reference, "Text", "GetText", GLib.Variant("(ii)", (0, -1)))[0]
        return Thing(role, self._property(reference, "Name"), self._property(reference, "Description"), place, text,
                     focused=bool(states >> FOCUSED & 1), enabled=bool(states >> ENABLED & 1))

    def _call(self, reference, interface, method, arguments=None):
        return call(self._bus, *reference, f"org.a11y.atspi.{interface}", method, arguments)

    def _property(self, reference, name):
        return call(self._bus, *reference, "org.freedesktop.DBus.Properties", "Get",
                    GLib.Variant("(ss)", ("org.a11y.atspi.Accessible", name)))[0]

    def close(self):
        """Ends it with what it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


def connect(address):
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
    connection.set_exit_on_close(False)
    return connection


def call(connection, name, path, interface, method, arguments=None):
    return connection.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, SECONDS * 1000,
                                None).unpack()
