# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL primary is killed under load and a standby promoted; ./dev failover does it for longer."""

import pytest

import failover

pytestmark = [pytest.mark.integration, pytest.mark.node, pytest.mark.toxcore("system")]
RECORDS = 1000


def test_failover_with_a_quorum_loses_nothing(world):
    failover.play(world, "quorum", RECORDS)


def test_failover_without_a_quorum_is_seen_to_lose(world):
    failover.play(world, "asynchronous", RECORDS)
