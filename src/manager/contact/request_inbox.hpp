// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "manager/contact/contact_listener.hpp"
#include "manager/contact/contact_nodes.hpp"
#include "manager/contact/pair_mail.hpp"
#include "manager/contact/request_outbox.hpp"
#include "manager/core/rate_limiter.hpp"
#include "manager/core/services.hpp"
#include "manager/polling/mailbox_watch.hpp"

namespace toxasync::manager {

/// Friend requests that were left for us in our public mailbox (docs/protocol.md, "First contact"). Only
/// those who know our key and our nospam can find it: that is Tox's nospam check.
class RequestInbox final : private client::RetrieveListener {
 public:
  static constexpr std::size_t nearest_used = 3;        ///< Nodes, beside the home nodes that our user named.
  static constexpr std::size_t most_pending = 100;      ///< Past that new ones are refused.
  static constexpr std::size_t shown_per_day = 32;      ///< The others wait.
  static constexpr std::size_t most_remembered = 1000;  ///< Senders who were shown; the oldest goes.
  static constexpr seconds remembered = days(30);
  static constexpr milliseconds offer_again = 1min;  ///< When the application did not accept one.
  static constexpr std::int64_t burst = 20;
  static constexpr milliseconds operation_each = 6s;
  /// Mean time between two looks into the present mailbox, in polls of a home node.
  static constexpr std::int64_t watch_in_polls = 5;
  /// Mean time from the start to the first look, in the same.
  static constexpr std::int64_t first_look_in_polls = 1;

  RequestInbox(const Services& services, const ContactNodes& nodes, const PairMail& pairs,
               RequestOutbox& outgoing, ContactListener& listener);

  bool load(const store::StateEntry& entry);
  /// From now on requests come by this one only.
  void set_nospam(const Nospam& nospam, Now now);
  /// They may ask again.
  void on_removed(const FriendKey& key, store::StateBatch& batch);

  void tick(Now now);
  /// Shows the application the next request. At the end of a tick: it may call anything.
  void deliver_next(Now now);
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

 private:
  /// A sender: one whose request waits to be shown, or was shown.
  struct Sender {
    // On disk:
    crypto::MessageId id{};
    UnixTime received{};
    UnixTime shown{};          ///< {}: it waits.
    std::uint8_t may_ask = 0;  ///< Another request of theirs may be shown, but not this one.
    UnixTimeMs sent_at{};
    UnixTimeMs show_until{};
    Bytes text;
    // In memory:
    SteadyTime offer{};

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.id, self.received, self.shown, self.may_ask, self.sent_at, self.show_until,
                   wire::bounded<limits::friend_request_text>(self.text));
    }
  };
  using Senders = std::map<FriendKey, Sender>;
  using Intake = std::map<FriendKey, Sender>;
  struct Operation {
    protocol::NodeId node{};
    crypto::Epoch epoch = 0;
  };

  [[nodiscard]] std::optional<crypto::OwnedMailbox> mailbox(crypto::Epoch epoch) const;
  [[nodiscard]] std::vector<protocol::NodeId> nodes_to_look_on(crypto::Epoch epoch) const;
  [[nodiscard]] bool looks() const noexcept { return nospam_ && services_.config.public_mailbox; }
  bool visit(Now now);
  void open(const crypto::OwnedMailbox& mailbox, ByteView envelope, Now now, Intake& intake);
  /// Whether it is a new request.
  [[nodiscard]] bool is_new(const crypto::EnvelopeHeader& header) const;
  void on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                    Now now) override;
  void on_retrieved(client::OperationId operation, const client::RetrieveResult& result, Now now) override;
  void intake_written(client::OperationId operation, const Intake& intake, bool durable);
  [[nodiscard]] std::size_t pending() const noexcept;
  /// Of those that may be shown now, the one that came first.
  Senders::iterator next_to_show(Now now);
  [[nodiscard]] std::size_t shown_today(UnixTime now) const noexcept;
  void remember(const FriendKey& key, Now now);
  void forget_oldest(store::StateBatch& batch);

  const Services& services_;
  const ContactNodes& nodes_;
  NodeHealth health_;      ///< Of its own: when it looks depends on no other mailbox.
  const PairMail& pairs_;  ///< Knows who is a friend.
  RequestOutbox& outgoing_;
  ContactListener& listener_;
  std::optional<Nospam> nospam_;
  std::optional<Nospam> watched_;  ///< The nospam that watch_.finished() is of.
  SteadyTime look_from_{};
  MailboxWatch watch_;
  RateLimiter rate_limiter_{burst, operation_each};
  Senders senders_;
  std::set<FriendKey> committing_;  ///< On their way to the disk.
  std::unordered_map<client::OperationId, Operation> operations_;
  SteadyTime next_show_ = never;  ///< When to try again to show something.
  bool showing_ = false;          ///< The last one that was shown is not on disk as shown yet.
};

}  // namespace toxasync::manager
