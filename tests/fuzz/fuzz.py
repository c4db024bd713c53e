#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs fuzz targets, as many at a time as there are cores, and says what each has done and found.

usage: fuzz.py [--build DIR] [--seconds N] [--executions N] [--merge] [TARGET...]

What is new goes to <build>/corpus/TARGET, and inputs that break something to <build>/findings. --merge then replaces the
corpus in the tree, tests/fuzz/corpus/TARGET, by the few inputs that reach what both reach.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LONGEST = {"bundle": 8192, "http": 9216}  # bytes of an input; else:
LONGEST_INPUT = 2048
LIMITS = ["-timeout=20", "-rss_limit_mb=1024", "-malloc_limit_mb=16"]
MOST_FILES = 100
MOST_BYTES = 200_000


def targets():  # each is a file; CMakeLists.txt names them too
    return sorted(path.name.removesuffix("_fuzz.cpp") for path in HERE.glob("*_fuzz.cpp"))


def corpora(build, target):
    """What was found here, and what is in the tree."""
    own, tree = build / "corpus" / target, HERE / "corpus" / target
    own.mkdir(parents=True, exist_ok=True)
    tree.mkdir(parents=True, exist_ok=True)
    return own, tree


def command(build, target, *arguments):
    dictionary = HERE / f"{target}.dict"
    return [build / "bin" / f"fuzz_{target}", *LIMITS, f"-max_len={LONGEST.get(target, LONGEST_INPUT)}",
            f"-artifact_prefix={build / 'findings' / target}-",
            *([f"-dict={dictionary}"] if dictionary.exists() else []), *arguments]


def last(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def run(build, target, seconds, executions):
    """Executions and whether something was found."""
    options = [f"-max_total_time={seconds}"] if seconds else []
    options += [f"-runs={executions}"] if executions else []
    log = build / "findings" / f"{target}.log"
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as out:
        status = subprocess.run(command(build, target, "-print_final_stats=1", *options, *corpora(build, target)),
                                stdout=out, stderr=out, check=False).returncode
    text = log.read_text(errors="replace")
    done = last(r"stat::number_of_executed_units:\s+(\d+)", text)
    finding = re.search(r"Test unit written to (\S+)", text)
    rate, edges = last(r"stat::average_exec_per_sec:\s+(\d+)", text), last(r"cov: (\d+)", text)
    features, inputs = last(r"ft: (\d+)", text), last(r"corp: (\d+)/", text)
    print(f"{target:16} {done:10} executions {rate:7}/s  coverage {edges:6}  features {features:6}  corpus {inputs:5}"
          + (f"  FAILED ({status})" if status else ""), flush=True)
    if status:
        print(f"  what was found: {log}; again: {build}/bin/fuzz_{target} {finding.group(1) if finding else ''}", flush=True)
    return done, status != 0


def merge(build, target):
    """As few inputs as reach everything, or as much of it as fits."""
    with tempfile.TemporaryDirectory(dir=build) as directory:
        own, tree = corpora(build, target)
        subprocess.run(command(build, target, "-set_cover_merge=1", directory, own, tree), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        shutil.rmtree(tree)
        tree.mkdir()
        size = 0
        files = sorted(pathlib.Path(directory).iterdir(), key=lambda file: file.stat().st_size)
        for file in files[:MOST_FILES]:
            size += file.stat().st_size
            if size <= MOST_BYTES:
                shutil.copy(file, tree / file.name)
        print(f"{target:16} {len(list(tree.iterdir()))} of {len(files)} files")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/fuzz"))
    parser.add_argument("--seconds", type=int, help="for each target; 60, if no number of executions is given")
    parser.add_argument("--executions", type=int, help="of each target, at most")
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(targets())
    if unknown:
        parser.error(f"unknown target {', '.join(unknown)}; there are: {' '.join(targets())}")
    chosen = arguments.targets or targets()
    seconds = arguments.seconds or (0 if arguments.executions else 60)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda target: run(arguments.build, target, seconds, arguments.executions), chosen))
        crashes = sum(found for _, found in results)
        if arguments.merge and not crashes:
            list(pool.map(lambda target: merge(arguments.build, target), chosen))
    print(f"fuzz: {len(chosen)} targets, {sum(done for done, _ in results)} executions, {crashes} crashes")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
