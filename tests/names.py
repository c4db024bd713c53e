#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails when a document names a test or a suite that does not exist.

In docs/threat-model.md a test is `suite: test`. In the other documents of DOCUMENTS it is `test`, with "suite:" before
it or before the list that it is in, or a function of integration/; a name of fewer than five words is not looked at.
"suite name" is a suite everywhere.

usage: names.py ROOT
"""
import pathlib
import re
import sys

SUITE = re.compile(r"BOOST_(?:AUTO|FIXTURE)_TEST_SUITE\(\s*(\w+)")
CASE = re.compile(r"BOOST_(?:AUTO|FIXTURE|DATA)_TEST_CASE(?:_F|_TEMPLATE)?\(\s*(\w+)")
FUNCTION = re.compile(r"^def (test_\w+)", re.MULTILINE)
TABLES = "threat-model.md"
DOCUMENTS = ("lessons.md", "store.md", "admission.md")
PAIR = re.compile(r"`(\w+): (\w+)`")
NAMED_SUITE = re.compile(r"\bsuite\s+(\w+)", re.IGNORECASE)
# A test, and the suite before it; or a comma, after which the suite still holds.
NAMED = re.compile(r"(?:\b(\w+):\s+)?`([a-z0-9]+(?:_[a-z0-9]+){4,})`(\s*,\s+)?")


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


def functions(root):
    """The tests of integration/."""
    return {name for path in (root / "integration").glob("*.py") for name in FUNCTION.findall(path.read_text())}


def named_in(text):
    """(suite, case) of every test that one of DOCUMENTS names; the suite is empty if it names none."""
    suite, end = "", -1
    for match in NAMED.finditer(text):
        suite = match.group(1) or (suite if match.start() == end else "")
        end = match.end() if match.group(3) else -1
        yield suite, match.group(2)


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
    known = tests(root)
    suites = {suite for suite, _ in known}
    cases = {case for _, case in known} | functions(root)
    count, faults = 0, []
    for name in (TABLES, *DOCUMENTS):
        text = (root / "docs" / name).read_text()
        named = PAIR.findall(text) + ([] if name == TABLES else list(named_in(text)))
        faults += [f"docs/{name}: there is no test {suite}: {case}" for suite, case in named
                   if ((suite, case) not in known if suite else case not in cases)]
        faults += [f"docs/{name}: there is no suite {suite}" for suite in NAMED_SUITE.findall(text)
                   if "_" in suite and suite not in suites]
        if not named:
            faults.append(f"docs/{name} names no test")
        count += len(named)
    print("\n".join(faults + [f"names: {count} tests named, {len(faults)} faults"]))
    sys.exit(bool(faults))


main()
