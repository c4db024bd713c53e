// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <vector>

#include "manager/core/friend_budget.hpp"
#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// The table of messages under way: by id, and in the order of sending to each friend. Knows which texts each
/// installation of a friend has not confirmed yet.
class OutgoingMessages {
 public:
  explicit OutgoingMessages(Telemetry telemetry) : telemetry_(telemetry) {}

  /// Takes one stored record of the tables O, V, C and X; false when it is another's.
  bool load(const store::StateEntry& entry);
  /// After all records were loaded: gives the targets to their messages. `orphans` erases what belongs to
  /// none.
  void join_loaded(store::StateBatch& orphans);

  [[nodiscard]] OutgoingMessage* find(const crypto::MessageId& id) noexcept;
  [[nodiscard]] const OutgoingMessage* find(const crypto::MessageId& id) const noexcept;
  OutgoingMessage& insert(OutgoingMessage message);
  void erase(OutgoingMessage& message);
  /// Forgets a friend if nothing is under way to them.
  void forget(const FriendKey& to) { recipients_.erase(to); }

  /// Copies, because whoever walks over them may end messages.
  [[nodiscard]] std::vector<crypto::MessageId> ids() const;
  [[nodiscard]] std::vector<crypto::MessageId> ids_to(const FriendKey& to) const;
  /// To all friends, in the order of sending to each.
  [[nodiscard]] std::vector<crypto::MessageId> ids_by_friend() const;

  /// Service messages that wait at most; past that they are not made.
  static constexpr FriendBudget::Limits most_services{512, 4096, 64};

  [[nodiscard]] std::size_t texts() const noexcept { return messages_.size() - services_.total(); }
  [[nodiscard]] std::size_t services() const noexcept { return services_.total(); }
  [[nodiscard]] bool has_room_for_service(const FriendKey& to) const noexcept {
    return services_.has_room(to);
  }

  /// The receipt of a target has come: nothing of it is needed any longer.
  void confirm(const OutgoingMessage& message, OutgoingMessage::Target& target);
  /// Whether the installation has still to confirm the message. Service messages do not count.
  void set_unconfirmed(const OutgoingMessage& message, crypto::Instance instance, bool unconfirmed);
  /// The lowest sequence of which something may still come to that installation.
  [[nodiscard]] std::uint64_t floor_for(const OutgoingMessage& message, crypto::Instance instance) const;

 private:
  using Target = OutgoingMessage::Target;
  using Places = std::set<OutgoingMessage::Place>;
  struct Recipient {
    Places messages;
    std::map<crypto::Instance, Places> unconfirmed;  ///< By installation: texts.
  };

  void load_target(const store::StateEntry& entry);
  void load_progress(const store::StateEntry& entry);
  void load_past(const store::StateEntry& entry);
  Target& loaded_target(const crypto::MessageId& id, crypto::Instance instance);

  Telemetry telemetry_;
  std::map<crypto::MessageId, OutgoingMessage> messages_;
  std::map<FriendKey, Recipient> recipients_;
  std::map<crypto::MessageId, std::vector<Target>> loaded_targets_;  ///< Until join_loaded(), as:
  std::map<crypto::MessageId, OutgoingMessage> loaded_past_;         ///< Only what the row X holds.
  FriendBudget services_{most_services};
};

}  // namespace toxasync::manager
