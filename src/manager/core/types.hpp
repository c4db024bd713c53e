// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "client/types.hpp"
#include "crypto/envelope.hpp"
#include "manager/core/friend_channel.hpp"

// Values that the manager, its parts and its users share.

namespace toxasync::manager {

/// What happened to a message of ours.
enum class MessageState : std::uint8_t {
  queued,     ///< On our disk: it survives the end of the program.
  stored,     ///< On `stored` of `wanted` nodes; reported at each one.
  delivered,  ///< The recipient has it on their disk.
  expired,    ///< Its time to live passed without a receipt.
  cancelled,  ///< No node has it any longer, and it was never fetched.
  failed,     ///< See FailReason: nothing of it remains.
};

constexpr bool is_final(MessageState state) noexcept {
  return state >= MessageState::delivered;
}

enum class FailReason : std::uint8_t {
  none,
  disk,            ///< It could not be written to our disk, and was never accepted.
  friend_removed,  ///< The friend was removed while it waited.
};

struct MessageStatus {
  crypto::MessageId id{};
  FriendKey to{};
  MessageState state = MessageState::queued;
  std::uint8_t stored = 0;  ///< Nodes that have all of it.
  std::uint8_t wanted = 0;  ///< The recipient's home nodes.
  FailReason reason = FailReason::none;
};

struct ReceivedMessage {
  crypto::MessageId id{};  ///< The same if it is shown again after a crash inside on_message.
  FriendKey from{};
  crypto::MessageKind kind = crypto::MessageKind::normal;
  Bytes text;            ///< UTF-8, 1 to limits::message_text bytes.
  UnixTimeMs sent_at{};  ///< By the sender's clock, at most our now.
  bool late = false;     ///< Comes after messages that were sent later.
};

enum class SendError : std::uint8_t {
  unknown_friend,
  no_bundle,  ///< The friend's keys have not come yet: they must have been online once with the plugin.
  empty,
  too_long,  ///< More than limits::message_text bytes.
  not_utf8,
  clock,         ///< Our clock shows a time before 2025.
  outbox_full,   ///< ManagerConfig::outbox_messages wait.
  time_to_live,  ///< Not one of limits::times_to_live.
};

enum class CancelError : std::uint8_t {
  unknown,   ///< No such message is under way: its final state was reported.
  too_late,  ///< The friend has it, or it was sent to them directly.
};

enum class NodeError : std::uint8_t { bad_address, too_many, unknown };

struct HomeNodeStatus {
  client::KnownNode node;
  client::NodeStatus status;
  bool picked = false;  ///< Automatically; else the user named it.
};

}  // namespace toxasync::manager
