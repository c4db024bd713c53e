#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks the #include lines and fails where an arrow of docs/ARCHITECTURE.md runs up.

usage: layers.py SOURCE_DIR        checks the tree
       layers.py --self-test       shows that a wrong include is found
"""
import pathlib
import re
import sys
import tempfile

# What the files of a folder may include, beside their own folder.
BELOW = {
    "src/base": [],
    "src/wire": ["src/base"],
    "src/crypto": ["src/wire"],
    "src/protocol": ["src/crypto"],
    "src/store": ["src/protocol"],
    "src/client": ["src/protocol"],
    "src/node": ["src/store", "src/protocol"],
    "src/manager": ["src/client", "src/node"],
    "adapters": ["src/manager"],
    "plugin": ["adapters"],
    "apps": ["adapters"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Only adapters/ and what stands on it may see the host or a socket; only crypto sees libsodium, only store SQLite and libpq.
FOREIGN = {
    re.compile(r"^(tox/|boost/(asio|beast)|sys/socket|netinet/|arpa/)"): ("adapters", "plugin", "apps"),
    re.compile(r"^sodium"): ("src/crypto",),
    re.compile(r"^(sqlite3|libpq)"): ("src/store",),
}


def reach(folder):
    seen, todo = {folder}, list(BELOW[folder])
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += BELOW[here]
    return seen


def folder_of(path):
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] == "src" else parts[0]


def target_of(root, source, name):
    """The file of ours that an include names, or None."""
    for base in (source.parent, root / "src", root):
        candidate = (base / name).resolve()
        if candidate.is_file() and root in candidate.parents:
            return candidate.relative_to(root)
    return None


def check(root):
    faults, files = [], 0
    for top in ("src", "adapters", "plugin", "apps"):
        for source in sorted((root / top).rglob("*")):
            if source.suffix not in (".hpp", ".cpp", ".h", ".c"):
                continue
            files += 1
            relative = source.relative_to(root)
            folder = folder_of(relative)
            for number, line in enumerate(source.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = target_of(root, source, match[2])
                where = f"{relative}:{number}: includes {match[2]}"
                if target and folder_of(target) not in reach(folder):
                    faults.append(f"{where}: {folder} may not include {folder_of(target)}")
                for pattern, allowed in FOREIGN.items():
                    if not target and pattern.match(match[2]) and folder not in allowed:
                        faults.append(f"{where}: only {', '.join(allowed)} may")
    return faults, files


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory).resolve()
        for name, text in {
            "src/base/a.hpp": '#include "wire/b.hpp"\n',
            "src/wire/b.hpp": '#include "base/c.hpp"\n#include <sodium.h>\n',
            "src/base/c.hpp": "#include <vector>\n",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        faults, _ = check(root)
    assert len(faults) == 2, faults
    assert "src/base may not include src/wire" in faults[0], faults
    assert "only src/crypto may" in faults[1], faults


if __name__ == "__main__":
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(0)
    found, count = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(found))
    print(f"layers: {count} files, {len(found)} arrows run up")
    sys.exit(1 if found or count == 0 else 0)
