#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undoes one fix or check of the product at a time, and looks whether a program that tries things by itself notices.

usage: undone.py BUILD_DIR ROWS.json [--tries N] [--list] [ROW...]
       undone.py --fit ROWS.json...     only says whether each row still fits the sources

ROWS.json (tests/sim, tests/fuzz and tests/failure have one each) says which program is run how, and what is put in
the place of what; a ROW is the number of one of them, by default all. Each is compiled beside the sources and linked
into a program of its own; the sources stay as they are. TRIES are worlds, inputs or steps, as the program counts.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from mutate import Compiler, Judge

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SECONDS = 3600
WHY = re.compile(r"^seed \d+: (\w+: .*)$|^broken: (.*)$|^(an exception .*)$|^(?:==\d+== ERROR|SUMMARY): (.*)$"
                 r"|^(fuzz: .*)$|(?:Assertion .*)", re.MULTILINE)
TRIED = re.compile(r"^sim: (\d+) seeds|^stat::number_of_executed_units:\s+(\d+)|(\d+) went wrong", re.MULTILINE)


class Unfit(Exception):
    """A row that is to be changed."""


class Rows:
    """What a file of them says."""

    def __init__(self, path):
        self.path = path
        given = json.loads(path.read_text())
        self.rows = given["rows"]
        for row in self.rows:
            row.setdefault("program", given["program"])
            row.setdefault("arguments", given["arguments"])
        self.tries = given["tries"]

    def unfit(self):
        for number, row in enumerate(self.rows):
            try:
                undone(row)
            except Unfit as why:
                yield f"{self.path.parent.name} {number:3} {row['name']}: {why}"


def undone(row):
    """The source without the fix. Throws Unfit."""
    source = (ROOT / row["file"]).read_text()
    if source.count(row["old"]) != 1:
        raise Unfit("what it replaces is not in the source once")
    return source.replace(row["old"], row["new"])


def undo(row, compiler, build, tries, directory):
    """Whether it was noticed, and what was said of it. Throws Unfit."""
    source, text = row["file"], undone(row)
    if "through" in row:  # a header, through a source that includes it
        changed = pathlib.Path(directory, pathlib.PurePath(row["file"]).relative_to("src"))
        changed.parent.mkdir()
        changed.write_text(text)
        source, text = row["through"], (ROOT / row["through"]).read_text()
    made = compiler.compile(source, text, directory)
    if made is None:
        raise Unfit("it does not compile")
    program = Judge(row["program"], build).link_with(made, source, directory)
    scratch = pathlib.Path(directory, "scratch")
    scratch.mkdir()
    places = {"tries": row.get("tries", tries), "scratch": scratch, "tests": HERE,
              "target": row["program"].removeprefix("fuzz_")}
    command = [program, *(word.format_map(places) for word in row["arguments"])]
    try:
        ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return False, f"within {SECONDS} s"
    said = ran.stdout + ran.stderr
    count = TRIED.search(said)
    why = WHY.search(said)
    tried = f"after {next(filter(None, count.groups()))}" if count else ""
    if ran.returncode == 0:
        return False, tried
    if why is None:
        raise Unfit(f"it ended with status {ran.returncode}, and did not say why")
    return True, f"{tried}: " + next(filter(None, why.groups()), why[0])


def try_all(rows, chosen, build, tries):
    compiler = Compiler(build)
    found = unfit = 0
    for number in chosen:
        row = rows.rows[number]
        begun = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(dir=build) as directory:
                noticed, what = undo(row, compiler, build, tries, directory)
        except Unfit as why:
            unfit += 1
            print(f"{number:3} {row['name']:52} UNFIT: {why}", flush=True)
            continue
        found += noticed
        print(f"{number:3} {row['name']:52} {time.monotonic() - begun:4.0f} s  "
              f"{'found' if noticed else 'NOT FOUND'} {what}", flush=True)
    print(f"undone: {len(chosen)} rows, found {found}, not found {len(chosen) - found - unfit}, unfit {unfit}")
    return found == len(chosen)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--tries", type=int, help="by default as many as the file says")
    parser.add_argument("--list", action="store_true", help="say what the rows are")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_intermixed_args()
    if options.fit:
        files = [Rows(pathlib.Path(name)) for name in options.arguments]
        wrong = [line for file in files for line in file.unfit()]
        print("\n".join(wrong) or f"undone: {sum(len(file.rows) for file in files)} rows fit the sources")
        return 1 if wrong else 0
    if len(options.arguments) < 2:
        parser.error("BUILD_DIR and ROWS.json must be given")
    build, rows = pathlib.Path(options.arguments[0]).resolve(), Rows(pathlib.Path(options.arguments[1]))
    if not all(word.isdigit() and int(word) < len(rows.rows) for word in options.arguments[2:]):
        parser.error(f"a ROW is a number below {len(rows.rows)}")
    chosen = [int(word) for word in options.arguments[2:]] or range(len(rows.rows))
    if options.list:
        for number in chosen:
            row = rows.rows[number]
            print(f"{number:3} {row['name']} ({row['file']}; {row['test']})")
        return 0
    return 0 if try_all(rows, chosen, build, options.tries or rows.tries) else 1


if __name__ == "__main__":
    sys.exit(main())
