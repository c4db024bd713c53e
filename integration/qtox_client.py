# SPDX-License-Identifier: GPL-3.0-or-later
"""The real qTox, on an X server that shows nothing, driven by the keyboard and known by its title and its history."""

import os
import shutil
import sqlite3
import struct
import subprocess
import zlib

from plain_clients import MODULE, preload, silent_sound_card
from programs import Process
from support import Failure, Skip, check, poll_until

# Where things are, in pixels from the corner of its window.
FIRST_FRIEND = (110, 108)
TOX_ID_FIELD = (500, 120)
SEND_REQUEST = (500, 387)
ATTACH = (690, 390)
CALL = (687, 29)  # Or end a call.
ANSWER = (661, 122)
DECLINE = (712, 122)
ACCEPT_FIRST_FILE = (661, 141)

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
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset",
             "-fbdir", str(directory)], pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        world.cleanups.append(self.close)
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        check(number, "Xvfb did not start")
        self.display = ":" + number

    def picture(self, path, size=None):
        """Writes what is on the screen, or its corner of a size, as PNG. The file of Xvfb is an XWD: 25 words, then colours, then rows."""
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
    """qTox under the module, with the profile of a plainchat that had the same home, or without one. `hub`: its bootstrap node."""

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
            **self._environment, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8", "TMPDIR": world.directory,
            "XDG_RUNTIME_DIR": world.directory, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
            "TOXASYNC_TEST_BOOTSTRAP": f"{hub.udp_port}:{hub.dht_key}",
            "LD_PRELOAD": ":".join(map(str, libraries))}
        super().__init__(world, f"{name}-qtox", ["qtox", "--profile", name], prefix=[
            *prefix[:2], *(f"{key}={value}" for key, value in variables.items()), *(prefix[2:] if on else [])])

    def again(self, **options):
        return QTox(self.world, self._profile, self.home, self.screen, self.hub, **{"on": self.on, **options})

    def _xdotool(self, *arguments):
        return subprocess.run(["xdotool", *map(str, arguments)], env={**os.environ, **self._environment},
                              capture_output=True, text=True).stdout.strip()

    def windows(self, title):
        return self._xdotool("search", "--onlyvisible", "--name", "^" + title).split()

    def window(self):
        found = self.windows("qTox")
        return found[-1] if found else None

    def title(self):
        return self._xdotool("getwindowname", self.window()) if self.window() else ""

    def wait_title(self, wanted, seconds):
        """Of the window: with the name of the friend that is being written to, and how he is shown."""
        self._poll(lambda: wanted in self.title(), seconds, f"`{wanted}` in the window's title")

    def wait_connected(self, seconds):
        self.wait_for(r".*Connected to the DHT", seconds)

    def focus(self):
        self._poll(self.window, 20, "its window")
        self._xdotool("windowfocus", "--sync", self.window())

    def type(self, text, *keys):
        self._xdotool("type", "--delay", "5", text)
        if keys:
            self._xdotool("key", *keys)

    def click(self, place):
        self._xdotool("mousemove", "--window", self.window(), *place, "click", 1)

    def click_until(self, place, condition, seconds, what):
        """For what may not be on the screen yet."""
        def clicked():
            self.click(place)
            return condition()
        self._poll(clicked, seconds, what)

    def answer_dialogue(self, title, text):
        """Types a text into a window that is up, or comes."""
        self._poll(lambda: self.windows(title), 10, f"a window `{title}`")
        self.type(text, "Return")
        self._poll(lambda: not self.windows(title), 10, f"the window `{title}` goes")

    def add_friend(self, tox_id):
        """On the page that it shows when it has none."""
        self.focus()
        self.click(TOX_ID_FIELD)
        self.type(tox_id)
        self.click(SEND_REQUEST)

    def open_friend(self, name):
        """The conversation with him."""
        self.focus()

        def opened():
            self.click(FIRST_FRIEND)
            return name in self.title()
        self._poll(opened, 20, "the conversation")

    def say(self, text):
        self.type(text, "Return")
        self._poll(lambda: text in self.said(), 10, f"`{text}` is in its history")

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
            print(f"--- the title of qTox: {self.title()!r}; its history: {self.history()}", flush=True)
            raise

    def close(self):
        self._xdotool("key", "ctrl+q")
        check(self.wait(10) == 0, "qTox did not end well")
