#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs clang-tidy over our sources, and over the headers that they include.

usage: lint.py [--jobs N] [--all | --since REV] [--minutes N] BUILD_DIR [FILE...]

Without FILE, over every .cpp and .c file. BUILD_DIR holds compile_commands.json. A file that was found clean is not
looked at again while it, our headers that it includes, its compile command and the checks are as they were; --all
looks at every one; --since only at sources that have changed since a commit, and at one that includes each header
that has. After --minutes no other file is begun.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

TIDY = "clang-tidy-14"
ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
PRECOMPILED = re.compile(r" -Winvalid-pch -include \S+/cmake_pch\.hx*")
NOISE = re.compile(r"^\d+ warnings? generated\.$|^Suppressed \d+ warnings|^Use -header-filter|^$")


def our_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp", "*.c", "*.h"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in listed if (ROOT / name).exists()]


class Fingerprints:
    """A hash of all that the outcome for a file depends on, the system's headers left out."""

    def __init__(self, files, commands):
        self.commands = commands
        self.version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout
        self.by_name = {}
        for name in files:
            self.by_name.setdefault(pathlib.PurePath(name).name, []).append(name)
        self.read = {}

    def content(self, name):
        """What stands in a file, and which files of ours its #include lines may mean."""
        if name not in self.read:
            content = (ROOT / name).read_bytes()
            meant = set()
            for match in INCLUDE.findall(content):
                included = match.decode()
                for other in self.by_name.get(pathlib.PurePath(included).name, []):
                    if ("/" + other).endswith("/" + included):
                        meant.add(other)
            self.read[name] = (content, meant)
        return self.read[name]

    def included(self, name):
        """A file and our headers that it includes, through others as well."""
        seen, todo = set(), [name]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo.extend(self.content(here)[1])
        return seen

    def of(self, name):
        seen = self.included(name)
        parts = [self.version, self.commands.get(name, "").encode()]
        for folder in pathlib.PurePath(name).parents:
            config = ROOT / folder / ".clang-tidy"
            parts.append(config.read_bytes() if config.exists() else b"")
        for here in sorted(seen):
            parts += [here.encode(), self.content(here)[0]]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)
        return digest.hexdigest()


def changed_since(revision):
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return set(git("diff", "--name-only", revision, "--") + git("ls-files", "-o", "--exclude-standard"))


def touched(sources, changed, fingerprints):
    """Of sources those that changed, and one for each header that changed and that none of those includes."""
    if any(pathlib.PurePath(name).name == ".clang-tidy" for name in changed):
        return sources
    chosen = [name for name in sources if name in changed]
    headers = {name for name in changed if name.endswith((".hpp", ".h"))}
    for name in chosen + sources:
        new = headers & fingerprints.included(name)
        if new and name not in chosen:
            chosen.append(name)
        headers -= new
    return chosen


def tidy(name, database, until):
    if time.monotonic() > until:
        return name, None, "", 0
    begun = time.monotonic()
    run = subprocess.run([TIDY, "-p", database, "--quiet", name], cwd=ROOT, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    said = "\n".join(line for line in run.stdout.splitlines() if not NOISE.match(line))
    return name, run.returncode == 0, said, time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--since")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("build")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()

    # One command for each file: what belongs to several programs is looked at once.
    build = pathlib.Path(arguments.build).resolve()
    # Without precompiled headers: those are GCC's, and a source includes what it uses.
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        entry["command"] = PRECOMPILED.sub("", entry["command"])
        entries.setdefault(str(path.relative_to(ROOT)), entry)
    database = build / "lint"
    clean = database / "clean"
    clean.mkdir(parents=True, exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(list(entries.values())))

    files = our_files()
    wanted = [str(pathlib.Path(name).resolve().relative_to(ROOT)) for name in arguments.files]
    wanted = wanted or [name for name in files if name.endswith((".cpp", ".c"))]
    fingerprints = Fingerprints(files, {name: entry["command"] for name, entry in entries.items()})
    if arguments.since:
        wanted = touched(wanted, changed_since(arguments.since), fingerprints)
    stamps = {name: clean / fingerprints.of(name) for name in wanted}
    due = [name for name in wanted if arguments.all or not stamps[name].exists()]
    due.sort(key=lambda name: -(ROOT / name).stat().st_size)  # the longest first, so that all end together
    print(f"{len(due)} files to look at, {len(wanted) - len(due)} clean as before", flush=True)

    bad, left = [], []
    until = time.monotonic() + 60 * arguments.minutes
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        runs = [pool.submit(tidy, name, str(database), until) for name in due]
        for done, run in enumerate(concurrent.futures.as_completed(runs), 1):
            name, good, said, seconds = run.result()
            if good is None:
                left.append(name)
                continue
            print(f"[{done}/{len(due)}] {name} ({seconds:.0f} s)" + (f"\n{said}" if said else ""), flush=True)
            if good:
                stamps[name].touch()
            else:
                bad.append(name)
    if not arguments.files and not arguments.since:
        for stamp in set(clean.iterdir()) - set(stamps.values()):
            stamp.unlink()
    if left:
        print(f"lint: no time was left for {len(left)} files; ./dev lint looks at them: " + " ".join(sorted(left)))
    if bad:
        print("lint: findings in " + " ".join(sorted(bad)))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
