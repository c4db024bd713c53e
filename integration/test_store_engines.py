# SPDX-License-Identifier: GPL-3.0-or-later
"""What all stores promise, and what those promise that need a server."""

import pytest

from programs import Process
from support import check

PASSING_S = 300


@pytest.mark.unit
@pytest.mark.node
@pytest.mark.toxcore("system")
@pytest.mark.timeout(PASSING_S + 60)
def test_store_engines_keep_one_contract(world, postgres_server):
    world.environment["TOXASYNC_POSTGRES"] = postgres_server.url
    engines = Process(world, "engines", [world.program("test_engines"), "--log_level=test_suite"])
    check(engines.wait(PASSING_S) == 0, "\n".join(["not all of them do:", *engines.texts("err")[-40:]]))
