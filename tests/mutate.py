#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the code of src/ a little, a change at a time, and looks whether a test fails.

usage: mutate.py [--mutants N | --all] [--seed S] [--jobs N] [--own] BUILD_DIR [FOLDER...]

Of each FOLDER of src/ (default: crypto, node, manager) N mutants are drawn that compile to other code, by default 20.
Each is compiled in place of one object of the folder's test program (the suites that include the source's header run
first, then all). A mutant that this program does not notice is
shown to the programs of the layers above (not with --own). BUILD_DIR holds these programs, built; the sources stay as
they are, and what is known of a mutant is in build/mutants/results.json: a mutant that was killed is not run again
while its source is as it was, one that survived not while the test programs are as they were. Headers are not
changed.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

from mutants import mutants

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "mutants"
# Who judges: first the folder's own tests. Short runs come first, and the simulator's worlds last.
JUDGES = {
    "base": ("test_base", "test_crypto", "test_client", "test_node", "test_manager"),
    "crypto": ("test_crypto", "test_protocol", "test_client", "test_node", "test_manager"),
    "protocol": ("test_protocol", "test_client", "test_node", "test_manager"),
    "store": ("test_store", "test_node", "test_manager"),
    "client": ("test_client", "test_node", "test_manager", "test_sim"),
    "node": ("test_node", "test_manager", "test_sim"),
    "manager": ("test_manager", "test_sim"),
}
NOT_HERE = ("src/store/postgres/",)  # judged by test_engines, which needs a server
ARGUMENTS = {"test_sim": [["--seeds", "60", "--until-fault", "--no-shrink"]]}
UNIT_TEST = [["--log_level=error", "--color_output=no"]]
FAULTS = (b"error: in ", b"unknown location")  # of Boost.Test, which goes on after most of them
SUITE = re.compile(r"^BOOST_(?:AUTO|FIXTURE)_TEST_SUITE\((\w+)", re.MULTILINE)
ADDRESS_SPACE = 8_000_000 * 1024
WAITING = 10
KILLED, SURVIVED, SAME, UNBUILT = "killed", "survived", "same code", "not built"


def run(command, seconds, directory):
    """Whether it ends well, within so many seconds of a processor and without telling of a fault; a fault ends it.
    Other work on this machine is no reason to call a mutant killed."""
    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, preexec_fn=limits, env={**os.environ, "TMPDIR": directory})
    until = time.monotonic() + WAITING * seconds  # where it waits for what does not come
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            said = b""
            while True:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                if selector.select(left):
                    new = os.read(process.stdout.fileno(), 65536)
                    if not new:
                        return process.wait(left) == 0
                    said = said[-100:] + new
                    if any(fault in said for fault in FAULTS):
                        return False
    except subprocess.TimeoutExpired:
        return False
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        process.stdout.close()


class Judge:
    """A test program: how it is linked, and how long it takes when all is well."""

    def __init__(self, name, build):
        self.name = name
        self.build = build
        lines = subprocess.run(["ninja", "-C", build, "-t", "commands", name], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        self.link = next(line for line in reversed(lines) if f" -o bin/{name} " in line)
        self.runs = ARGUMENTS.get(name, UNIT_TEST)
        self.digest = hashlib.sha256((build / "bin" / name).read_bytes()).hexdigest()
        self.seconds = None  # of a processor

    def passes(self, program, seconds, directory, first=()):
        """`first`: suites that are the likeliest to fail."""
        runs = [[*UNIT_TEST[0], *(f"--run_test={suite}" for suite in first)]] if first else []
        return all(run([program, *arguments], seconds, directory) for arguments in runs + self.runs)

    def measure(self):
        """Once, with the code as it is."""
        if self.seconds is None:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            with tempfile.TemporaryDirectory(dir=PLACE) as directory:
                if not self.passes(self.build / "bin" / self.name, 1200, directory):
                    sys.exit(f"mutate: {self.name} fails with the code as it is")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            self.seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"{self.name} takes {self.seconds:.1f} s", flush=True)

    def link_with(self, made, source, directory):
        """The program with this object in the place of the source's."""
        program = pathlib.Path(directory, self.name)
        arguments = shlex.split(self.link.replace(": && ", "", 1).rsplit(" && ", 1)[0])
        arguments = [word for word in arguments if not word.endswith(f"/{pathlib.PurePath(source).name}.o")]
        at = arguments.index("-o")
        # First of all: what it defines is then not taken from the folder's archive.
        arguments[at:at + 2] = [str(made), "-Wl,--strip-debug", "-o", str(program)]
        subprocess.run(arguments, cwd=self.build, check=True)
        return program

    def kills(self, mutant_object, source, directory, first=()):
        program = self.link_with(mutant_object, source, directory)
        killed = not self.passes(program, 10 + round(5 * self.seconds), directory, first)
        program.unlink()
        return killed


class Compiler:
    """Compiles a text in place of a source, with the flags that the build has."""

    def __init__(self, build):
        entries = json.loads((build / "compile_commands.json").read_text())
        self.entries = {str(pathlib.Path(entry["file"]).resolve().relative_to(ROOT)): entry for entry in entries}

    def compile(self, name, text, directory):
        """The object, without what depends on its place; None if it does not compile."""
        source, target = pathlib.Path(directory, pathlib.PurePath(name).name), pathlib.Path(directory, "mutant.o")
        source.write_text(text)
        entry = self.entries[name]
        arguments = shlex.split(entry["command"])
        arguments = arguments[next(i for i, word in enumerate(arguments) if word.endswith("++")):]  # without ccache
        arguments[arguments.index("-o") + 1] = str(target)
        arguments[arguments.index("-c") + 1] = str(source)
        arguments[1:1] = ["-I", str(directory)]  # headers that are changed, too
        arguments += ["-w", "-iquote", str((ROOT / name).parent), f"-ffile-prefix-map={directory}=."]
        if subprocess.run(arguments, cwd=entry["directory"], stderr=subprocess.DEVNULL).returncode != 0:
            return None
        subprocess.run(["strip", "--strip-debug", target], check=True)
        return target


def functions(made):
    """What an object, and no other one, gives to others."""
    lines = subprocess.run(["nm", "--extern-only", "--defined-only", "--format=posix", made], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0] for line in lines if line.split()[1] in "TDBR"}


def suites_about(name):
    """Of a source: the suites of the folder's tests that include its header."""
    header = name.removeprefix("src/").replace(".cpp", ".hpp")
    tests = [path.read_text() for path in (ROOT / "tests" / name.split("/")[1]).glob("*_test.cpp")]
    return sorted({suite for text in tests if f'"{header}"' in text for suite in SUITE.findall(text)})


class Folder:
    """A folder of src/, and what its tests are worth."""

    def __init__(self, name, build, compiler, known, own):
        self.name = name
        self.compiler = compiler
        self.known = known  # of all folders, by mutant
        self.lock = threading.Lock()
        self.judges = [Judge(judge, build) for judge in JUDGES[name][:1 if own else None]]
        self.sources = {str(path.relative_to(ROOT)): path.read_text()
                        for path in sorted((ROOT / "src" / name).rglob("*.cpp"))
                        if not str(path.relative_to(ROOT)).startswith(NOT_HERE)}
        self.candidates = [mutant for source in self.sources for mutant in mutants(source, self.sources[source])]
        self.unmutated = {}
        self.drawn = []
        self.stopped = False

    def key(self, mutant):
        source = hashlib.sha256(self.sources[mutant.name].encode()).hexdigest()[:16]
        return f"{mutant.name}:{source}:{mutant.begin}-{mutant.end}:{mutant.text}"

    def original(self, name, directory):
        if name not in self.unmutated:
            made = self.compiler.compile(name, self.sources[name], directory)
            self.unmutated[name] = (made.read_bytes(), functions(made))
        return self.unmutated[name]

    def judge(self, mutant):
        """What becomes of it, and who noticed."""
        source = self.sources[mutant.name]
        with tempfile.TemporaryDirectory(dir=PLACE) as directory:
            original, given = self.original(mutant.name, directory)
            made = self.compiler.compile(mutant.name, source[:mutant.begin] + mutant.text + source[mutant.end:],
                                         directory)
            if made is None or not given <= functions(made):  # a function has other arguments
                return UNBUILT, ""
            if made.read_bytes() == original:
                return SAME, ""
            for judge in self.judges:
                with self.lock:
                    judge.measure()
                if judge.kills(made, mutant.name, directory, suites_about(mutant.name) if judge is self.judges[0] else ()):
                    return KILLED, judge.name
        return SURVIVED, ""

    def look_at(self, mutant, save):
        key = self.key(mutant)
        tests = ",".join(judge.digest[:16] for judge in self.judges)
        before = self.known.get(key)
        by_these = before and before["by"] in ("", *(judge.name for judge in self.judges))
        if before and by_these and (before["outcome"] != SURVIVED or before["tests"] == tests):
            return before
        begun = time.monotonic()
        outcome, who = self.judge(mutant)
        result = {"file": mutant.name, "line": mutant.line, "what": mutant.what, "outcome": outcome, "by": who,
                  "tests": tests}
        if self.stopped:  # whatever was ended with us says nothing
            return None
        with self.lock:
            self.known[key] = result
            save()
        print(f"{outcome:9} {who:13} {time.monotonic() - begun:5.0f} s  {mutant.name}:{mutant.line}  {mutant.what}",
              flush=True)
        return result

    def run(self, wanted, seed, jobs, save):
        """Until so many mutants have been run."""
        order = random.Random(f"{seed} {self.name}").sample(self.candidates, len(self.candidates))
        left = iter(order)

        def work():
            while True:
                with self.lock:
                    done = sum(result["outcome"] in (KILLED, SURVIVED) for result in self.drawn)
                    mutant = next(left, None) if done < wanted and not self.stopped else None
                result = self.look_at(mutant, save) if mutant else None
                if result is None:
                    return
                with self.lock:
                    self.drawn.append(result)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            try:
                for worker in [pool.submit(work) for _ in range(jobs)]:
                    worker.result()
            except KeyboardInterrupt:
                self.stopped = True
                raise


def table(folders):
    print(f"\n{'folder':10}{'candidates':>12}{'not built':>11}{'same code':>11}{'run':>6}{'killed':>8}"
          f"{'by own tests':>14}{'survived':>10}{'share':>8}")
    for folder in folders:
        def count(outcome, who=None):
            return sum(one["outcome"] == outcome and who in (None, one["by"]) for one in folder.drawn)
        killed, survived = count(KILLED), count(SURVIVED)
        share = f"{100 * killed / (killed + survived):.0f} %" if killed + survived else "-"
        print(f"{folder.name:10}{len(folder.candidates):12}{count(UNBUILT):11}{count(SAME):11}{killed + survived:6}"
              f"{killed:8}{count(KILLED, JUDGES[folder.name][0]):14}{survived:10}{share:>8}")
    for folder in folders:
        for one in folder.drawn:
            if one["outcome"] == SURVIVED:
                print(f"survived: {one['file']}:{one['line']}: {one['what']}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--mutants", type=int, default=20)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--own", action="store_true")
    parser.add_argument("build")
    parser.add_argument("folders", nargs="*")
    arguments = parser.parse_args()
    for name in arguments.folders:
        if name not in JUDGES:
            parser.error(f"no folder {name}; there are {', '.join(JUDGES)}")

    build = pathlib.Path(arguments.build).resolve()
    PLACE.mkdir(parents=True, exist_ok=True)
    results = PLACE / "results.json"
    known = json.loads(results.read_text()) if results.exists() else {}

    def save():
        partial = results.with_suffix(".new")
        partial.write_text(json.dumps(known, indent=1))
        partial.replace(results)
    compiler = Compiler(build)
    folders = [Folder(name, build, compiler, known, arguments.own)
               for name in arguments.folders or ("crypto", "node", "manager")]
    wanted = float("inf") if arguments.all else arguments.mutants
    try:
        for folder in folders:
            print(f"== src/{folder.name}: {len(folder.candidates)} candidates", flush=True)
            folder.run(wanted, arguments.seed, arguments.jobs, save)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on here")
    table(folders)


if __name__ == "__main__":
    main()
