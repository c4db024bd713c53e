#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks one kind of promise after the other behind the product, and looks whether the simulator misses it.

usage: canaries.py BUILD_DIR [--seeds N]
"""
import argparse
import pathlib
import re
import subprocess
import sys

KINDS = ("lost", "duplicated", "reordered", "misdelivered", "untrue", "interfered", "stuck", "unbounded", "revealed")
COUNTS = re.compile(r"^sim: (\d+) seeds, (.*)$", re.MULTILINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=32)
    options = parser.parse_args()
    missed = 0
    for kind in KINDS:
        said = subprocess.run([options.build / "bin/test_sim", "--canary", kind, "--seeds", str(options.seeds),
                               "--no-shrink"], capture_output=True, text=True)
        counts = COUNTS.search(said.stdout)
        found = counts and int(dict(part.split() for part in counts[2].split(", "))[kind])
        print(f"{kind:13} broken, and noticed in {found or 0} of {options.seeds} worlds", flush=True)
        missed += not found
    print(f"canaries: {len(KINDS) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
