# SPDX-License-Identifier: GPL-3.0-or-later
"""The real qTox, on an X server that shows nothing, driven by keyboard and mouse.

What it shows is known by its accessibility tree (accessibility.py) and its history. A click goes to a thing that is
there and has stayed at its place; a text goes to a field that has the focus, and is in it before Return is pressed.
"""

import os
import shutil
import sqlite3
import struct
import subprocess
import zlib

import accessibility
from plain_clients import MODULE, preload, silent_sound_card
from programs import Process
from support import WITH_US, Failure, Skip, check, poll_until

SECONDS = 60  # for what comes in one or two; qTox alone takes some to start, and more on a busy machine

SETTINGS = """[General]
autoAwayTime=0
checkUpdates=false
notifySound=false
translation=en

[Advanced]
enableIPv6=false
enableLanDiscovery=false

[GUI]
desktopNotify=false
spellCheckingEnabled=false
useEmoticons=false

[Audio]
audioInDevEnabled=true
audioOutDevEnabled=true
"""


class Screen:
    """Xvfb, with its picture in a file."""

    def __init__(self, world, name="screen", width=776, height=420):
        if not shutil.which("Xvfb"):
            raise Skip("Xvfb is not installed")
        directory = world.directory / f"{name}-screen"
        directory.mkdir()
        self._file = directory / "Xvfb_screen0"
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [*WITH_US, "Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp",
             "-noreset", "-fbdir", str(directory)], pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        world.cleanups.append(self.close)
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        check(number, "Xvfb did not start")
        self.display = ":" + number
        if not shutil.which("xprop"):
            raise Skip("xprop is not installed")
        self.bus = accessibility.Bus(world, name)
        # Where Qt looks for the accessibility bus first, and at once: the other way it sometimes gets lost.
        subprocess.run(["xprop", "-display", self.display, "-root", "-f", "AT_SPI_BUS", "8s", "-set", "AT_SPI_BUS",
                        self.bus.address], check=True)

    def picture(self, path, size=None):
        """Writes what is on the screen, or its corner of a size, as PNG. The file of Xvfb is an XWD: 25 words, then
        colours, then rows."""
        data = self._file.read_bytes()
        header = struct.unpack(">25I", data[:100])
        header_size, width, height, row, colours = header[0], header[4], header[5], header[12], header[19]
        start = header_size + 12 * colours
        width, height = size or (width, height)
        rows = b"".join(b"\0" + self._rgb(data[start + y * row:start + y * row + 4 * width]) for y in range(height))

        def chunk(name, content):
            return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)) +
                         chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

    @staticmethod
    def _rgb(bgrx):
        rgb = bytearray(len(bgrx) // 4 * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = bgrx[2::4], bgrx[1::4], bgrx[0::4]
        return bytes(rgb)

    def close(self):
        self._process.terminate()
        self._process.wait()


class QTox(Process):
    """qTox under the module, with the profile of a plainchat that had the same home, or without one. `hub` is its
    bootstrap node."""

    def __init__(self, world, name, home, screen, hub, on=True):
        if not shutil.which("qtox") or not shutil.which("xdotool"):
            raise Skip("qtox or xdotool is not installed")
        self.home = home
        self.screen = screen
        self.hub = hub
        self.on = on
        self._directory = home.directory / ".config" / "tox"
        self._profile = name
        self.database = self._directory / f"{name}.db"
        if not (self._directory / "qtox.ini").exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            if (world.directory / f"{name}.tox").exists():
                shutil.copy(world.directory / f"{name}.tox", self._directory / f"{name}.tox")
            (self._directory / "qtox.ini").write_text(SETTINGS)
        silent_sound_card(home)
        self._environment = {"DISPLAY": screen.display}
        prefix = preload(world, home, on)
        libraries = [world.build / "lib" / "liblocal-bootstrap.so", *([] if on else [world.build / "lib" / MODULE])]
        variables = {
            **self._environment, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8", "TMPDIR": home.directory,
            "XDG_RUNTIME_DIR": world.directory, "DBUS_SESSION_BUS_ADDRESS": screen.bus.address,
            "TOXASYNC_TEST_BOOTSTRAP": f"{hub.udp_port}:{hub.dht_key}",
            "LD_PRELOAD": ":".join(map(str, libraries))}
        super().__init__(world, f"{name}-qtox", ["qtox", "--profile", name], prefix=[
            *prefix[:2], *(f"{key}={value}" for key, value in variables.items()), *(prefix[2:] if on else [])])

    def again(self, **options):
        return QTox(self.world, self._profile, self.home, self.screen, self.hub, **{"on": self.on, **options})

    def _xdotool(self, *arguments):
        return subprocess.run(["xdotool", *map(str, arguments)], env={**os.environ, **self._environment},
                              capture_output=True, text=True).stdout.strip()

    def _windows(self):
        return [window for window in self.screen.bus.windows() if window.role in ("frame", "dialog")]

    def title(self):
        return next((window.name for window in self._windows() if window.name.startswith("qTox")), "")

    def wait_title(self, wanted, seconds):
        """Of the window: with the name of the friend that is being written to, and their status."""
        self._poll(lambda: wanted in self.title(), seconds, f"`{wanted}` in the window's title")

    def wait_connected(self, seconds):
        self.wait_for(r".*Connected to the DHT", seconds)

    def focus(self):
        """Nobody else does it: there is no window manager."""
        def focused():
            found = self._xdotool("search", "--onlyvisible", "--name", "^qTox").split()
            if found:
                self._xdotool("windowfocus", "--sync", found[-1])
            return found and self._xdotool("getwindowfocus") == found[-1]
        self._poll(focused, SECONDS, "its window has the focus")

    def wait_thing(self, choose, seconds, what):
        """One that `choose` finds among all that it shows, when it has been at the same place twice."""
        last = {"place": None}

        def settled():
            thing = choose(self.screen.bus.things())
            before, last["place"] = last["place"], thing and thing.place
            return thing if thing and thing.place == before else None
        return self._poll(settled, seconds, what)

    def click(self, choose, seconds, what):
        thing = self.wait_thing(choose, seconds, what)
        self._xdotool("mousemove", "--sync", *thing.center, "click", 1)

    def click_button(self, name, seconds=SECONDS):
        """By what it says, or what is said of it."""
        self.click(lambda things: first(things, lambda thing: thing.role == "push button" and thing.enabled and
                                        name in (thing.name, thing.description)), seconds, f"the button `{name}`")

    def type(self, text, description=None, secret=False):
        """Into the field that has the focus, or gets it. What is in it is seen, unless it is a password."""
        def field(things):
            return first(things, lambda thing: thing.role == "text" and
                         (thing.description.startswith(description) if description else thing.focused))
        what = f"the field `{description}`" if description else "a field with the focus"
        thing = self.wait_thing(field, SECONDS, what)
        if not thing.focused:
            self._xdotool("mousemove", "--sync", *thing.center, "click", 1)
            self._poll(lambda: (found := field(self.screen.bus.things())) and found.focused, SECONDS,
                       f"{what} has the focus")
        self._xdotool("type", "--delay", "5", text)
        if not secret:
            self._poll(lambda: (found := field(self.screen.bus.things())) and found.text == text, SECONDS,
                       f"`{text}` is in {what}")

    def press(self, key):
        self._xdotool("key", key)

    def answer_dialogue(self, title, text):
        """Types a file's name into a window that is up, or comes."""
        self._poll(lambda: any(window.name == title for window in self._windows()), SECONDS, f"a window `{title}`")
        self._poll(lambda: first(self.screen.bus.things(), lambda thing: thing.role == "text" and thing.focused and
                                 thing.name == "File name:"), SECONDS, f"`{title}` has the focus")
        self.type(str(text))
        self.press("Return")
        self._poll(lambda: all(window.name != title for window in self._windows()), SECONDS, f"the window `{title}` goes")

    def add_friend(self, tox_id):
        """On the page that it shows when it has none."""
        self.focus()
        self.type(tox_id, description="Type in Tox ID of your friend")
        self.click_button("Send friend request")

    def open_friend(self, name):
        """The conversation with the only one in the list; `name` is in the title then."""
        def row(things):
            start = next((i for i, thing in enumerate(things) if thing.name == "Contact search"), len(things))
            return first(things[start:], lambda thing: thing.role == "label" and thing.name)
        self.focus()
        self.click(row, SECONDS, "a friend in the list")
        self.wait_title(name, 20)

    def say(self, text):
        """Until it is in its history, if that can be read."""
        self.write(text)
        self._poll(lambda: text in self.said(), SECONDS, f"`{text}` is in its history")

    def write(self, text):
        self.type(text)
        self.press("Return")
        self._poll(lambda: first(self.screen.bus.things(), lambda thing: thing.focused and thing.text == ""), SECONDS,
                   f"`{text}` leaves the field")

    def answer_call(self):
        self._click_call(0, "answers")

    def decline_call(self):
        self._click_call(1, "declines")

    def _click_call(self, which, what):
        def button(things):
            start = next((i for i, thing in enumerate(things) if thing.description.startswith("Incoming call")),
                         len(things))
            buttons = [thing for thing in things[start:] if thing.role == "push button"][:2]
            return sorted(buttons, key=lambda thing: thing.x)[which] if len(buttons) == 2 else None
        self.click(button, SECONDS, f"the button that {what} a call")

    def _ask(self, query):
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
                return database.execute(query).fetchall()
        except sqlite3.DatabaseError:
            return []  # Not there yet, being written, or sealed with a password.

    def history(self):
        """What it keeps of the conversation: (whether it is its user's own, the text, whether it counts as sent)."""
        return [(bool(own), text, not waits) for own, text, waits in self._ask(
            "SELECT aliases.owner != chat_id, CAST(message AS TEXT), faux_offline_pending.id IS NOT NULL FROM history "
            "JOIN aliases ON sender_alias = aliases.id "
            "LEFT JOIN faux_offline_pending ON history.id = faux_offline_pending.id ORDER BY history.id")]

    def said(self):
        return [text for own, text, _ in self.history() if own]

    def wait_history(self, wanted, seconds):
        self._poll(lambda: self.history() == wanted, seconds, f"a history of {wanted}")

    def _poll(self, condition, seconds, what):
        try:
            return poll_until(condition, seconds, f"qtox: {what}", every=0.2)
        except Failure:
            self.screen.picture(self.world.directory / "screen.png")
            shown = "\n".join(map(str, self.screen.bus.things()))
            print(f"--- qTox shows:\n{shown}\nIts history: {self.history()}", flush=True)
            raise

    def close(self):
        self._xdotool("key", "ctrl+q")
        check(self.wait(10) == 0, "qTox did not end well")


def first(things, condition):
    return next((thing for thing in things if condition(thing)), None)
