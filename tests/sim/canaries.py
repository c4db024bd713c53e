#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks one kind of promise after the other behind the product, and looks whether the simulator misses it.
Before that, and with nothing broken, it must be silent.

usage: canaries.py BUILD_DIR [--seeds N]
"""
import argparse
import pathlib
import re
import subprocess
import sys

KINDS = ("lost", "duplicated", "reordered", "misdelivered", "untrue", "interfered", "stuck", "revealed")
BOUNDS = ("traffic", "strangers", "pauses", "agreements", "memory", "state", "rows", "instances")
COUNTS = re.compile(r"^sim: (\d+) seeds, (.*)$", re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=32)
    options = parser.parse_args()
    missed = 0
    canaries = [(kind, kind) for kind in KINDS] + [(bound, "unbounded") for bound in BOUNDS]
    for canary, kind in [("nothing", None)] + canaries:
        said = subprocess.run([options.build / "bin/test_sim", "--seeds", str(options.seeds), "--no-shrink"]
                              + (["--canary", canary] if kind else []), capture_output=True, text=True)
        counts = COUNTS.search(said.stdout)
        found = dict(part.split() for part in counts[2].split(", ")) if counts else {}
        noticed = sum(map(int, found.values())) if kind is None else int(found.get(kind, 0))
        print(f"{canary:13} broken, and noticed in {noticed} of {options.seeds} worlds", flush=True)
        missed += not counts or (noticed == 0) != (kind is None)
    print(f"canaries: {1 + len(canaries) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
