# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: options, selection by label and name, the order, and the fixtures.

./dev test is the usual way to run them. Directly, from the top folder, for a build in build/release:

    /usr/bin/python3 -m pytest integration/test_delivery.py -k killed
"""

import pathlib
import re
import signal

import pytest

import ctest
import postgres
import progress
import qtox_client
import support
from world import World, make_directory

LABELS = ("unit", "integration", "node", "delivery", "attacks", "parsers", "clients")  # markers in pytest.ini
TIMEOUT_S = 300  # for a test that does not say otherwise
SANITIZER_PATIENCE = 3
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser):
    group = parser.getgroup("toxasync")
    group.addoption("--build", default=str(support.SOURCE / "build" / "release"), help="a CMake build directory")
    group.addoption("--label", action="append", default=[], metavar="REGEX", help="only tests that have such a label")
    group.addoption("--no-label", action="append", default=[], metavar="REGEX", help="no tests that have such a label")
    group.addoption("--name", action="append", default=[], metavar="REGEX", help="only tests that are called so")
    group.addoption("--no-name", action="append", default=[], metavar="REGEX", help="no tests that are called so")


def option(config, name):
    """Of those above; their defaults where pytest read this file after its command line."""
    return config.getoption(name, default=str(support.SOURCE / "build" / "release") if name == "--build" else [])


@pytest.hookimpl(trylast=True)  # after that of the terminal reporter
def pytest_configure(config):
    build = pathlib.Path(option(config, "--build")).resolve()
    if not (build / "CMakeCache.txt").exists():
        raise pytest.UsageError(f"{build} is not a build directory: ./dev build makes one")
    config.build = build
    cache = (build / "CMakeCache.txt").read_text()
    config.sanitizer = re.search(r"^TOXASYNC_SANITIZE:\w+=(.+)$", cache, re.MULTILINE)
    for name in ("--label", "--no-label", "--name", "--no-name"):
        for regex in option(config, name):
            try:
                re.compile(regex)
            except re.error as error:
                raise pytest.UsageError(f"{name} {regex}: {error}") from None
    if config.sanitizer and support.PATIENCE == 1:
        support.PATIENCE = SANITIZER_PATIENCE
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and getattr(config.option, "numprocesses", None) and config.option.verbose == 0:
        config.pluginmanager.register(progress.Progress(reporter))
    signal.signal(signal.SIGTERM, interrupted)  # so that fixtures end what they have started


def interrupted(*_):
    raise KeyboardInterrupt


def pytest_report_header(config):
    return f"toxasync: {config.build}, deadlines times {support.PATIENCE:g}"


def pytest_collection_modifyitems(config, items):
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S * support.PATIENCE))
        if config.sanitizer and item.get_closest_marker("clients"):
            item.add_marker(pytest.mark.skip(
                reason="a sanitizer's runtime must be the first library of a program, which the preload module is"))
    kept = [item for item in items if is_selected(config, item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    # The longest first, so that no worker is left alone with one of them at the end.
    items[:] = sorted(kept, key=lambda item: item.get_closest_marker("slow") is None)


def is_selected(config, item):
    labels = [mark.name for mark in item.iter_markers() if mark.name in LABELS]
    names = [item.nodeid, item.name.removeprefix("test_"), item.name.partition("[")[2].rstrip("]")]

    def has(regex, texts):
        return any(re.search(regex, text) for text in texts)
    return (all(has(regex, labels) for regex in option(config, "--label")) and
            not any(has(regex, labels) for regex in option(config, "--no-label")) and
            all(has(regex, names) for regex in option(config, "--name")) and
            not any(has(regex, names) for regex in option(config, "--no-name")))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        item.stash[FAILED] = True
        world = getattr(item, "funcargs", {}).get("world")
        if world and call.when != "teardown":
            report.sections.append(("programs", world.last_lines()))


def toxcore_prefix(request):
    """By the marker `toxcore`: the prefix of a patched c-toxcore, or None for the system's."""
    marker = request.node.get_closest_marker("toxcore")
    which = marker.args[0] if marker else "patched"
    if which == "system":
        return None
    return support.default_toxcore() if which == "patched" else support.default_toxcore(which)


@pytest.fixture
def world(request):
    """The test's programs, ports and files: all ends with it. The files are kept if it has failed."""
    made = World(request.config.build, toxcore_prefix(request), request.node.name.removeprefix("test_"))
    yield made
    failed = request.node.stash.get(FAILED, False)
    try:
        made.kill_all()
        if not failed:
            made.check_sanitizers()
    finally:
        made.end(keep_files=failed)


@pytest.fixture
def own_directory(request):
    """For tests that need no world: kept if the test has failed."""
    directory = make_directory(request.config.build, re.sub(r"\W+", "-", request.node.name.removeprefix("test_")))
    yield directory
    ctest.remove(directory, keep=request.node.stash.get(FAILED, False))


@pytest.fixture
def cluster(world):
    """PostgreSQL servers of the test's own; none runs yet."""
    made = postgres.Cluster(world.directory)
    yield made
    made.end(keep_files=True)  # with the world


@pytest.fixture
def postgres_server(cluster):
    return cluster.primary()


@pytest.fixture
def screen(world):
    """An X server that shows nothing."""
    return qtox_client.Screen(world)
