#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undoes each fix of `./dev test -L attacks`, one at a time, and counts the worlds until the simulator notices.

usage: undone.py BUILD_DIR [--seeds N] [--list] [ROW...]

A ROW is the number of a row of undone.json, which says what is put in the place of what; all by default. Each is
compiled beside the sources and linked into a test_sim of its own; the sources stay as they are.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

from mutate import Compiler, Judge  # noqa: E402

SEEDS = re.compile(r"^sim: (\d+) seeds", re.MULTILINE)
SECONDS_A_WORLD = 30
FAULT = re.compile(r"^seed \d+: (\w+: .*)$", re.MULTILINE)


class Unfit(Exception):
    """A row of undone.json that is to be changed."""


def undo(row, compiler, link, build, seeds, directory):
    """What the simulator said of it, after how many worlds. Throws Unfit."""
    source = (ROOT / row["file"]).read_text()
    if source.count(row["old"]) != 1:
        raise Unfit("what it replaces is not in the source once")
    made = compiler.compile(row["file"], source.replace(row["old"], row["new"]), directory)
    if made is None:
        raise Unfit("it does not compile")
    program = pathlib.Path(directory, "test_sim")
    arguments = shlex.split(link.replace(": && ", "", 1).rsplit(" && ", 1)[0])
    at = arguments.index("-o")
    arguments[at:at + 2] = [str(made), "-Wl,--strip-debug", "-o", str(program)]
    subprocess.run(arguments, cwd=build, check=True)
    try:
        said = subprocess.run([program, "--seeds", str(seeds), "--until-fault", "--no-shrink"],
                              capture_output=True, text=True, timeout=60 + seeds * SECONDS_A_WORLD)
    except subprocess.TimeoutExpired:
        return "a world without end", seeds
    fault = FAULT.search(said.stderr)
    worlds = SEEDS.search(said.stdout)
    if worlds is None:
        return f"the simulator ended with status {said.returncode}", seeds
    return fault[1] if fault else None, int(worlds[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--seeds", type=int, default=200, help="worlds for each; default: 200")
    parser.add_argument("--list", action="store_true", help="say what the rows are")
    options = parser.parse_intermixed_args()
    rows = json.loads((HERE / "undone.json").read_text())
    if options.list:
        print("\n".join(f"{number:3} {row['name']} ({row['file']}; {row['test']})" for number, row in enumerate(rows)))
        return 0
    build = options.build.resolve()
    compiler, link = Compiler(build), Judge("test_sim", build).link
    found = unfit = 0
    chosen = options.rows or range(len(rows))
    for number in chosen:
        begun = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(dir=build) as directory:
                fault, worlds = undo(rows[number], compiler, link, build, options.seeds, directory)
        except Unfit as why:
            unfit += 1
            print(f"{number:3} {rows[number]['name']:52} UNFIT: {why}", flush=True)
            continue
        found += fault is not None
        print(f"{number:3} {rows[number]['name']:52} {'found in' if fault else 'NOT FOUND in'} {worlds} worlds, "
              f"{time.monotonic() - begun:.0f} s{': ' + fault if fault else ''}", flush=True)
    print(f"undone: {len(chosen)} fixes, found {found}, not found {len(chosen) - found - unfit}, unfit {unfit}")
    return 0 if found == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
