// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "manager/outbox/outgoing_message.hpp"

// The outbox's rows on disk (docs/state.md): O, a message; V, one of its targets; C, the nodes that have the
// whole of a target; X, what was sealed before.

namespace toxasync::manager {

store::StateWrite put_message(const OutgoingMessage& message);
store::StateWrite put_target(const OutgoingMessage& message, const OutgoingMessage::Target& target);
store::StateWrite put_progress(const OutgoingMessage& message, const OutgoingMessage::Target& target);
store::StateWrite put_past(const OutgoingMessage& message);
store::StateWrite erase_message(const crypto::MessageId& id);
store::StateWrite erase_past(const crypto::MessageId& id);
/// Both rows of a target.
void erase_target(const crypto::MessageId& id, crypto::Instance instance, store::StateBatch& batch);

/// Which target a row of V or C belongs to.
struct TargetName {
  crypto::MessageId message{};
  crypto::Instance instance{};
};
/// Nothing: the key is too long or too short.
std::optional<TargetName> read_target_name(const store::StateEntry& entry);

// Each returns nothing when the row is damaged.
std::optional<OutgoingMessage> read_message(const store::StateEntry& entry);
/// Without its instance and its copies.
std::optional<OutgoingMessage::Target> read_target(const store::StateEntry& entry);
std::optional<std::vector<OutgoingMessage::Copy>> read_progress(const store::StateEntry& entry);
/// Takes the row's contents into the message. False: it is damaged.
bool read_past(const store::StateEntry& entry, OutgoingMessage& message);

}  // namespace toxasync::manager
