# SPDX-License-Identifier: GPL-3.0-or-later
"""A live node under a flood of junk; ./dev flood runs it for longer."""

import pytest

import flood

pytestmark = [pytest.mark.integration, pytest.mark.node, pytest.mark.toxcore("system")]


def test_flooded_node_answers_honest_clients(world):
    flood.play(world, rate=20000, seconds=2)
