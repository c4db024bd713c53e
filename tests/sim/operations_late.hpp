// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "operations.hpp"

// Operations with a message that nobody may see: it is over, or was taken back.

namespace toxasync::sim {

void send_and_look_late(Rig& rig, SeededRandom& random);
void look_late_at_nodes_that_are_behind(Rig& rig, SeededRandom& random);
void send_and_take_back(Rig& rig, SeededRandom& random);

}  // namespace toxasync::sim
