// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/outbox/mailbox_cache.hpp"
#include "manager/outbox/outgoing_messages.hpp"

namespace toxasync::manager {

/// Seals messages: one target for each installation of the recipient, sealed again for a later epoch or
/// another root, or with another pre-key (docs/protocol.md, section 4). Writes nothing: what must be on disk
/// before anything is sent is added to the caller's batch.
class MessageSealer {
 public:
  /// Envelopes sealed in one tick (a quarter of a millisecond each); the others wait for the next ones.
  static constexpr std::size_t seals_per_tick = 32;

  enum class Sync : std::uint8_t {
    current,  ///< The targets are those of the friend's installations.
    changed,  ///< They are now; `batch` must be written first.
    later,    ///< This tick's seals are used up.
  };

  MessageSealer(const crypto::KeyPair& self, FriendBook& friends, OutgoingMessages& messages,
                MailboxCache& mailboxes, Random& random, Telemetry telemetry)
      : self_(self),
        friends_(friends),
        messages_(messages),
        mailboxes_(mailboxes),
        random_(random),
        telemetry_(telemetry) {}

  void begin_tick() noexcept { seals_left_ = seals_per_tick; }
  [[nodiscard]] bool may_seal() const noexcept { return seals_left_ > 0; }

  /// Makes the message's targets those of the friend's installations. No operation may be under way for a
  /// target whose installation is gone.
  Sync sync(OutgoingMessage& message, Friend& recipient, Now now, store::StateBatch& batch);
  /// A target for an installation, with a pre-key of its own. False: its keys cannot be used now. Keys that
  /// no honest client gives make a target that is refused.
  bool add_target(OutgoingMessage& message, Friend& recipient, Installation& to, Now now,
                  store::StateBatch& batch);
  /// Its installation is gone. What was sent to it is remembered.
  void drop_target(OutgoingMessage& message, crypto::Instance instance, store::StateBatch& batch);
  /// The message has ended.
  void forget_targets(OutgoingMessage& message, store::StateBatch& batch);
  /// Seals all parts again, for the installation's mailbox of `epoch`. Fails only for keys that no honest
  /// client gives.
  bool seal(OutgoingMessage& message, OutgoingMessage::Target& target, const Friend& recipient,
            const Installation& to, crypto::Epoch epoch, store::StateBatch& batch);
  /// Adds the home nodes that the envelopes have not been sent to yet. False: there are none.
  static bool add_destinations(const OutgoingMessage& message, OutgoingMessage::Target& target,
                               const Installation& to, store::StateBatch& batch);
  /// Answers a nack: seals again with another pre-key, and forgets the copies. No operation may be under way.
  bool seal_with_other_key(OutgoingMessage& message, OutgoingMessage::Target& target, Friend& recipient,
                           Installation& to, Now now, store::StateBatch& batch);

 private:
  using Envelopes = std::vector<SealedEnvelope>;

  std::optional<Envelopes> make_envelopes(const OutgoingMessage& message,
                                          const OutgoingMessage::Target& target, const Friend& recipient,
                                          const crypto::WritableMailbox& mailbox);
  /// The envelopes may lie on nodes: a cancel has to name them.
  void remember_past(OutgoingMessage& message, const OutgoingMessage::Target& target,
                     store::StateBatch& batch);
  void put_beyond_recall(OutgoingMessage& message, store::StateBatch& batch) const;

  const crypto::KeyPair& self_;
  FriendBook& friends_;
  OutgoingMessages& messages_;
  MailboxCache& mailboxes_;
  Random& random_;
  Telemetry telemetry_;
  std::size_t seals_left_ = seals_per_tick;
};

}  // namespace toxasync::manager
