# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs whose functions are scenarios: one a run, one a test."""

import argparse
import sys

import support

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
SCENARIOS = {}


def scenario(function):
    """Marks one. It is called with a support.World."""
    SCENARIOS[function.__name__] = function
    return function


def main(description, world_of):
    """Runs the scenario that the arguments name, in the world that `world_of` makes of them; ends the program."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", choices=sorted(SCENARIOS))
    parser.add_argument("--list", action="store_true", help="tell the scenarios")
    parser.add_argument("--build", default=support.SOURCE / "build" / "release", help="a CMake build directory")
    parser.add_argument("--toxcore", help="the prefix of a patched c-toxcore, in place of the usual one")
    arguments = parser.parse_args()
    if arguments.list or not arguments.scenario:
        for name, function in SCENARIOS.items():
            print(f"{name:32} {' '.join(function.__doc__.split())}")
        sys.exit(0)
    sys.exit(_play(arguments, world_of))


def _play(arguments, world_of):
    try:
        world = world_of(arguments)
        code = support.run(world, SCENARIOS[arguments.scenario])
    except support.Skip as why:
        print(f"SKIPPED: {why}")
        return SKIPPED
    except support.Failure as why:
        print(f"FAILED: {why}")
        return 1
    print(f"{arguments.scenario}: {'kept' if code == 0 else 'NOT KEPT'}, after {world.elapsed():.1f} s")
    return code
