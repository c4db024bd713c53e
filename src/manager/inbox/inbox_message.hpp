// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "manager/core/services.hpp"

namespace toxasync::manager {

/// A message of a friend's, whole and on our disk, that the application has not seen yet.
struct InboxMessage {
  crypto::MessageId id{};
  FriendKey from{};
  crypto::Instance instance{};  ///< The friend's installation that sent it.
  std::uint64_t sequence = 0;
  std::uint64_t floor = 0;  ///< Nothing below it comes from that installation any longer.
  crypto::MessageKind kind = crypto::MessageKind::normal;
  UnixTimeMs sent_at{};
  UnixTimeMs show_until{};  ///< Past that it is not shown any longer, unless it was confirmed.
  Bytes text;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.id, self.from, self.instance, self.sequence, self.floor, self.kind, self.sent_at,
                 self.show_until, wire::bounded<limits::message_text>(self.text));
  }
};

// Rows of table I (docs/state.md).
store::StateWrite put_inbox_message(const InboxMessage& message);
store::StateWrite erase_inbox_message(const InboxMessage& message);
/// Nothing: the row is damaged.
std::optional<InboxMessage> read_inbox_message(const store::StateEntry& entry);

}  // namespace toxasync::manager
