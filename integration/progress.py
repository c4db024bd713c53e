# SPDX-License-Identifier: GPL-3.0-or-later
"""A line for each test that has ended, as it ends, in place of a dot."""

import pytest


class Progress:
    def __init__(self, reporter):
        self._reporter = reporter
        self._seconds = {}
        self._told = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_report_teststatus(self, report):
        outcome = yield
        category, letter, word = outcome.get_result()
        if letter:
            self._tell(report, word[0] if isinstance(word, tuple) else word)
            outcome.force_result((category, "", word))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report):
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0) + report.duration

    def _tell(self, report, word):
        if (report.nodeid, report.when) in self._told:
            return  # the summary asks again
        self._told.add((report.nodeid, report.when))
        seconds = self._seconds.get(report.nodeid, 0)
        self._reporter.ensure_newline()
        self._reporter.write_line(f"{len(self._told):3}  {word.lower():7} {seconds:6.1f} s  {report.nodeid}",
                                  green=report.passed, red=report.failed, yellow=report.skipped)
