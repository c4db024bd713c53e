# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that CTest knows, programs that need nothing but themselves, as tests of pytest."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from support import WITH_US, Failure, Skip, check

# What CTest itself would do for a test beyond these must be added here first.
KNOWN = {"LABELS", "TIMEOUT", "COST", "ENVIRONMENT", "WORKING_DIRECTORY", "SKIP_RETURN_CODE", "WILL_FAIL", "DISABLED"}

# The COST from which a program is begun before others.
SLOW = 30


class Program:
    """A test of CTest."""

    def __init__(self, told):
        self.name = told["name"]
        self.command = told.get("command")
        properties = {one["name"]: one["value"] for one in told.get("properties", [])}
        unknown = set(properties) - KNOWN
        check(not unknown, f"{self.name} has properties of CTest that integration/ctest.py does not know: {unknown}")
        self.labels = properties.get("LABELS", [])
        self.timeout_s = properties.get("TIMEOUT", 300)
        self.cost = properties.get("COST", 0)
        self.environment = dict(pair.split("=", 1) for pair in properties.get("ENVIRONMENT", []))
        self.working_directory = properties.get("WORKING_DIRECTORY")
        self.skip_code = properties.get("SKIP_RETURN_CODE")
        self.will_fail = properties.get("WILL_FAIL", False)
        self.disabled = properties.get("DISABLED", False)

    def parameter(self):
        marks = [getattr(pytest.mark, label) for label in self.labels]
        marks.append(pytest.mark.timeout(self.timeout_s + 30))  # run() ends it before
        if self.cost >= SLOW:
            marks.append(pytest.mark.slow)
        return pytest.param(self, id=self.name, marks=marks)


def programs(build):
    """Those of a build directory."""
    told = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], stdout=subprocess.PIPE, check=True)
    return [Program(one) for one in json.loads(told.stdout)["tests"]]


def run(program, directory):
    """Its output goes to ours. It ends, with all that it has started, at the latest when its time is over."""
    if program.disabled:
        raise Skip("it is disabled")
    check(program.command, f"{program.name} was not built")
    environment = {**os.environ, "TMPDIR": str(directory), **program.environment}
    process = subprocess.Popen([*WITH_US, *program.command], cwd=program.working_directory, env=environment,
                               stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = process.wait(program.timeout_s)
    except subprocess.TimeoutExpired:
        raise Failure(f"{program.name} did not end within {program.timeout_s:.0f} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code == program.skip_code:
        raise Skip("it says so")
    check((code == 0) != program.will_fail, f"{program.name} ended with status {code}")


def remove(directory, keep):
    if keep:
        print(f"--- files are kept in {directory}", flush=True)
    else:
        shutil.rmtree(directory, ignore_errors=True)
