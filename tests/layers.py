#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the #include lines against the layers and folders of docs/ARCHITECTURE.md.

usage: layers.py SOURCE_DIR            checks the tree
       layers.py --count SOURCE_DIR    also prints, for each divided folder, how many includes cross its sub-folders
       layers.py --self-test           shows that each rule finds what breaks it
"""
import collections
import pathlib
import re
import sys
import tempfile

# What the files of a layer may include, beside their own layer and what that layer may include.
LAYERS = {
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
# The sub-folders of a divided folder, and those that each may include directly; "" is the folder itself. A folder
# that is divided may have no sub-folder that is not listed here.
FOLDERS = {
    "src/manager": {
        "core": [],
        "nodes": ["core"],
        "keys": ["nodes", "core"],  # A bundle names home nodes.
        "inbox": ["nodes", "keys", "core"],
        "outbox": ["nodes", "keys", "core"],
        "polling": ["outbox", "inbox", "nodes", "keys", "core"],
        "contact": ["polling", "outbox", "inbox", "nodes", "keys", "core"],
        "": ["contact", "polling", "outbox", "inbox", "nodes", "keys", "core"],
    },
    "src/store": {
        "": [],
        "memory": [""],
        "sqlite": [""],
        "postgres": ["", "sqlite"],  # It imports the records of an SQLite store.
    },
    "apps/toxasyncd": {
        "process": [],
        "config": ["process"],
        "status": ["config", "process"],
        "network": ["status", "config", "process"],
        "server": ["network", "status", "config", "process"],
        "maintenance": ["config", "process"],
        "": ["server", "maintenance", "config", "process"],
    },
    "adapters": {
        "clock": [],
        "addresses": [],
        "settings": ["addresses"],
        "udp": ["addresses"],
        "toxcore_dispatcher": [],
        "toxcore_friends": [],
        "toxcore_courier": ["clock"],
        "": [],
    },
}
# A layer's facade is for the layers above: of its own layer only the files that implement it may include it.
FACADES = {
    "src/manager/manager.hpp": ("src/manager/manager.cpp",),
    "src/client/client.hpp": ("src/client/client.cpp", "src/client/client_packets.cpp"),
    "src/node/node.hpp": ("src/node/node.cpp", "src/node/node_retrieve.cpp", "src/node/node_store.cpp"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Only adapters/ and what stands on it may see the host or a socket; only crypto sees libsodium, only store SQLite and
# libpq.
FOREIGN = {
    re.compile(r"^(tox/|boost/(asio|beast)|sys/socket|netinet/|arpa/)"): ("adapters", "plugin", "apps"),
    re.compile(r"^sodium"): ("src/crypto",),
    re.compile(r"^(sqlite3|libpq)"): ("src/store",),
}
SUFFIXES = (".hpp", ".cpp", ".h", ".c")


def reach(layer):
    """The layers that a layer may include, itself among them."""
    seen, todo = {layer}, list(LAYERS[layer])
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += LAYERS[here]
    return seen


def layer_of(path):
    return "/".join(path.parts[:2]) if path.parts[0] == "src" else path.parts[0]


def place_of(path):
    """The divided folder that a file lies in and its sub-folder there, or (None, None)."""
    for divided in FOLDERS:
        if path.is_relative_to(divided):
            inner = path.relative_to(divided).parts
            return divided, inner[0] if len(inner) > 1 else ""
    return None, None


def target_of(root, source, name):
    """The file of ours that an include names, or None."""
    for base in (source.parent, root / "src", root, root / "apps/toxasyncd"):
        candidate = (base / name).resolve()
        if candidate.is_file() and root in candidate.parents:
            return candidate.relative_to(root)
    return None


def check_include(source, target, counts):
    """What is wrong with a file of ours including another one, or None."""
    layer = layer_of(source)
    if layer_of(target) not in reach(layer):
        return f"{layer} may not include {layer_of(target)}"
    if target.as_posix() in FACADES and layer_of(target) == layer \
            and source.as_posix() not in FACADES[target.as_posix()]:
        return f"the facade of {layer} is for the layers above it"
    divided, here = place_of(source)
    there_divided, there = place_of(target)
    if divided is None or divided != there_divided or here == there:
        return None
    counts[divided][here, there] += 1
    allowed = FOLDERS[divided].get(here)
    if allowed is None or there not in allowed:
        counts[divided]["upward"] += 1
        return f"{divided}/{here} may not include {divided}/{there}"
    return None


def check_folders(root):
    for divided, folders in FOLDERS.items():
        for folder in sorted((root / divided).glob("*/")):
            has_sources = any(path.suffix in SUFFIXES for path in folder.rglob("*"))
            if has_sources and folder.name not in folders:
                yield f"{divided}/{folder.name}: tests/layers.py says nothing about this folder"


def check(root):
    """Faults, the number of files, and how often each folder includes each other one."""
    counts = collections.defaultdict(collections.Counter)
    faults, files = list(check_folders(root)), 0
    for top in ("src", "adapters", "plugin", "apps"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SUFFIXES:
                continue
            files += 1
            source = path.relative_to(root)
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                where = f"{source}:{number}: includes {match[2]}"
                target = target_of(root, path, match[2])
                if target:
                    fault = check_include(source, target, counts)
                    if fault:
                        faults.append(f"{where}: {fault}")
                    continue
                for pattern, allowed in FOREIGN.items():
                    if pattern.match(match[2]) and layer_of(source) not in allowed:
                        faults.append(f"{where}: only {', '.join(allowed)} may")
    return faults, files, counts


# For each rule: files that break it once, and what must then be said.
BROKEN = {
    "a layer includes one above it": (
        {"src/base/a.hpp": '#include "wire/b.hpp"\n', "src/wire/b.hpp": '#include "base/a.hpp"\n'},
        "src/base may not include src/wire"),
    "a library is used outside its layer": (
        {"src/wire/a.hpp": "#include <sodium.h>\n#include <vector>\n"}, "only src/crypto may"),
    "a sub-folder includes one above it": (
        {"src/manager/core/a.hpp": '#include "manager/outbox/b.hpp"\n',
         "src/manager/outbox/b.hpp": '#include "manager/core/a.hpp"\n'},
        "src/manager/core may not include src/manager/outbox"),
    "an engine includes another one": (
        {"src/store/sqlite/a.hpp": '#include "store/postgres/b.hpp"\n', "src/store/postgres/b.hpp": ""},
        "src/store/sqlite may not include src/store/postgres"),
    "the interfaces include an engine": (
        {"src/store/a.hpp": '#include "store/memory/b.hpp"\n', "src/store/memory/b.hpp": '#include "store/a.hpp"\n'},
        "src/store/ may not include src/store/memory"),
    "a part includes its layer's facade": (
        {"src/client/part.hpp": '#include "client/client.hpp"\n', "src/client/client.hpp": "",
         "src/client/client.cpp": '#include "client/client.hpp"\n'},
        "the facade of src/client is for the layers above it"),
    "a sub-folder is not described": (
        {"src/manager/misc/a.hpp": ""}, "src/manager/misc: tests/layers.py says nothing about this folder"),
    "a folder of the daemon includes one above it": (
        {"apps/toxasyncd/config/a.cpp": '#include "network/b.hpp"\n', "apps/toxasyncd/network/b.hpp": ""},
        "apps/toxasyncd/config may not include apps/toxasyncd/network"),
    "a transport includes another one": (
        {"adapters/udp/a.cpp": '#include "adapters/toxcore_friends/b.hpp"\n', "adapters/toxcore_friends/b.hpp": ""},
        "adapters/udp may not include adapters/toxcore_friends"),
}


def self_test():
    for rule, (tree, expected) in BROKEN.items():
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory).resolve()
            for name, text in tree.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            faults, _, _ = check(root)
        assert len(faults) == 1 and expected in faults[0], (rule, faults)


def main(arguments):
    self_test()
    if arguments == ["--self-test"]:
        return 0
    counted = arguments[:1] == ["--count"]
    faults, files, counts = check(pathlib.Path(arguments[-1]).resolve())
    if counted:
        for divided, crossing in counts.items():
            upward = crossing.pop("upward", 0)
            print(f"{divided}: {crossing.total()} includes cross folders in {len(crossing)} directions, {upward} upward")
    print("\n".join(faults))
    print(f"layers: {files} files, {len(faults)} faults")
    return 1 if faults or files == 0 else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
