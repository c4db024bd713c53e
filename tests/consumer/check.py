#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the clients of project/ with toxasync in one of the ways that there are, and runs them."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parent / "project"


def run(*command, **environment):
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **environment})


def configure(arguments, build, *definitions):
    run("cmake", "-S", PROJECT, "-B", build, "-G", "Ninja", f"-DCMAKE_C_COMPILER={arguments.cc}",
        f"-DCMAKE_CXX_COMPILER={arguments.cxx}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *definitions)


def installed(arguments):
    """An installed tree that was moved afterwards."""
    run("cmake", "--install", arguments.build, "--component", "toxasync", "--prefix", arguments.directory / "installed")
    return (arguments.directory / "installed").rename(arguments.directory / "moved")


def find_package(arguments):
    prefix, build = installed(arguments), arguments.directory / "build"
    configure(arguments, build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    for program in ("client_c", "client_cxx"):
        run(build / program)


def pkg_config(arguments):
    prefix = installed(arguments)
    folder = next(prefix.rglob("toxasync.pc")).parent
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PKG_CONFIG_PATH")]))
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "toxasync"], check=True, stdout=subprocess.PIPE,
                           text=True, env={**os.environ, "PKG_CONFIG_PATH": path}).stdout.split()
    for compiler, standard, source in ((arguments.cc, "c99", "client.c"), (arguments.cxx, "c++20", "client.cpp")):
        program = arguments.directory / standard
        run(compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", PROJECT / source, *flags,
            "-o", program)
        run(program, LD_LIBRARY_PATH=str(folder.parent))


def add_subdirectory(arguments):
    """The whole library isn't compiled again: the clients are up to their objects. In the build of our own they are
    linked with the same target, and run."""
    build = arguments.directory / "build"
    configure(arguments, build, f"-DTOXASYNC_SOURCE={arguments.source}")
    run("ninja", "-C", build, "CMakeFiles/client_c.dir/client.c.o", "CMakeFiles/client_cxx.dir/client.cpp.o")
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        words = entry["command"].split()
        if "-Werror" in words or pathlib.Path(words[0]).name == "ccache":
            sys.exit(f"a plain build has -Werror or ccache: {entry['command']}")
    sources = [pathlib.Path(entry["file"]) for entry in entries]
    ours = {source.relative_to(arguments.source).parts[0] for source in sources
            if source.is_relative_to(arguments.source) and PROJECT not in source.parents}
    if not {"plugin", "src"} <= ours <= {"adapters", "build", "plugin", "src"}:
        sys.exit(f"the library is to be built of adapters, plugin and src, and nothing else; here it is {ours}")


def main():
    ways = {function.__name__: function for function in (find_package, pkg_config, add_subdirectory)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=ways)
    for name in ("build", "source", "directory"):
        parser.add_argument("--" + name, type=lambda text: pathlib.Path(text).resolve(), required=True)
    for name in ("cc", "cxx"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    arguments.directory.mkdir(parents=True)
    try:
        ways[arguments.way](arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} ended with status {error.returncode}")


if __name__ == "__main__":
    main()
