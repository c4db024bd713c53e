#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails when a document names a test that does not exist: `suite: test` in docs/threat-model.md.

usage: names.py ROOT
"""
import pathlib
import re
import sys

SUITE = re.compile(r"BOOST_(?:AUTO|FIXTURE)_TEST_SUITE\(\s*(\w+)")
CASE = re.compile(r"BOOST_(?:AUTO|FIXTURE|DATA)_TEST_CASE(?:_F)?\(\s*(\w+)(?:\s*,\s*(\w+))?")
NAMED = re.compile(r"`(\w+): (\w+)`")


def tests(root):
    """(suite, case) of every test."""
    found = set()
    for path in sorted((root / "tests").rglob("*.cpp")):
        suite = ""
        for line in re.finditer(SUITE.pattern + "|" + CASE.pattern, path.read_text()):
            if line.group(1):
                suite = line.group(1)
            else:
                found.add((suite, line.group(2)))
    return found


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
    known, faults = tests(root), []
    text = (root / "docs" / "threat-model.md").read_text()
    named = NAMED.findall(text)
    for suite, case in named:
        if (suite, case) not in known:
            faults.append(f"docs/threat-model.md: there is no test {suite}: {case}")
    if not named:
        faults.append("docs/threat-model.md names no test")
    print("\n".join(faults + [f"names: {len(named)} tests named, {len(faults)} faults"]))
    sys.exit(bool(faults))


main()
