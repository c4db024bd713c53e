#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests of a build that counts lines (preset "coverage"), and prints which share of the lines of each folder they
reach.

usage: coverage.py BUILD [ARGUMENTS OF CTEST]      by default: the unit tests, the corpus of the fuzz
                                              targets and the crash harness

GCC and gcovr: the same compiler as for all other tests, and counters that also come from programs that end early.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("src", "adapters", "plugin", "apps")


def folder(name):
    """src/node, src/manager/keys, adapters/udp, apps/toxasyncd/status, plugin"""
    parts = pathlib.Path(name).parts[:-1]
    return "/".join(parts[:3])


def run_tests(build, arguments):
    for counters in build.rglob("*.gcda"):
        counters.unlink()  # of earlier runs
    selection = arguments or ["-R", "^(unit|fuzz_replay)_|^crash$"]
    subprocess.run(["ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error", "-j", str(os.cpu_count()),
                    *selection], check=True)


def collect(build):
    html = build / "html"
    html.mkdir(exist_ok=True)
    summary = build / "coverage.json"
    filters = [argument for name in FOLDERS for argument in ("--filter", f"{SOURCE}/{name}/")]
    subprocess.run(["gcovr", "--root", SOURCE, *filters, "--exclude-throw-branches", "-j", str(os.cpu_count()),
                    "--gcov-ignore-parse-errors", "--json-summary", summary, "--html-details", html / "index.html",
                    build], check=True)
    return json.loads(summary.read_text())["files"]


def print_table(files):
    lines, reached = collections.Counter(), collections.Counter()
    for file in files:
        for name in {folder(file["filename"]), pathlib.Path(file["filename"]).parts[0], "all"}:
            lines[name] += file["line_total"]
            reached[name] += file["line_covered"]
    print(f"{'folder':32} {'lines':>7} {'reached':>8}")
    for name in sorted(lines, key=lambda name: (name == "all", name)):
        print(f"{name:32} {lines[name]:7} {100 * reached[name] / max(lines[name], 1):7.1f}%")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    run_tests(build, sys.argv[2:])
    print_table(collect(build))
    print(f"by file and line: {build / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
