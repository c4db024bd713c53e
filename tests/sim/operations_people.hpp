// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "operations.hpp"

// Operations between people who do not know each other yet, and with somebody hostile.

namespace toxasync::sim {

void part_as_friends(Rig& rig, SeededRandom& random);
void ask_for_friendship(Rig& rig, SeededRandom& random);
void cancel_a_request(Rig& rig, SeededRandom& random);
void ask_and_look_late(Rig& rig, SeededRandom& random);
void remove_or_add_hostile_friend(Rig& rig, SeededRandom& random);
void remove_and_add_again_and_again(Rig& rig, SeededRandom& random);
void flood_while_nobody_looks(Rig& rig, SeededRandom& random);
void mail_for_strangers(Rig& rig, SeededRandom& random);
void send_to_hostile_friend(Rig& rig, SeededRandom& random);

}  // namespace toxasync::sim
