# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that plain `ctest` runs, too: unit tests, models, crashes."""

import ctest


def pytest_generate_tests(metafunc):
    metafunc.parametrize("program", [one.parameter() for one in ctest.programs(metafunc.config.build)])


def test_program(program, own_directory):
    ctest.run(program, own_directory)
