// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "manager/contact/pair_mail.hpp"
#include "manager/contact/request_inbox.hpp"
#include "manager/contact/request_outbox.hpp"
#include "manager/core/part.hpp"

namespace toxasync::manager {

/// What passes between people who do not have each other's keys yet (docs/protocol.md, "First contact"):
/// bundles in the pair mailboxes of friends, and friend requests in the public mailbox.
class FirstContact final : public Part {
 public:
  FirstContact(const Services& services, const ContactNodes& nodes, BundleExchange& bundles,
               ContactListener& listener);

  /// The parts below share the two tables; the length of a key says whose record it is.
  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::request_out, Table::request_in};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;

  /// Also for each friend there is at the start.
  void on_friend_added(const FriendKey& key, Now now);
  /// Also cancels a request to them.
  void on_friend_removed(const FriendKey& key, store::StateBatch& batch, Now now);
  /// They have come online, or their keys have come: a request to them is answered.
  void on_contact(const FriendKey& key) { requests_out_.on_contact(key); }
  /// What the exchange says of a friend may have changed.
  void look_again(const FriendKey& key, Now now) { pairs_.look_again(key, now); }
  /// Our home nodes, or other nodes that we know, have changed.
  void nodes_changed(Now now);
  /// Friends who are not in the host's list were removed.
  void forget_unlisted(store::StateBatch& batch) { pairs_.forget_unlisted(batch); }

  /// Our own nospam, without which no requests are looked for. Requests by the old one are no longer found.
  void set_nospam(const Nospam& nospam, Now now) { requests_in_.set_nospam(nospam, now); }
  /// Leaves a request for somebody who is offline. RequestState::queued says that it is on disk.
  Result<crypto::MessageId, RequestError> send_request(const ToxAddress& address, ByteView text, Now now) {
    return requests_out_.send(address, text, now);
  }
  /// False: there is none that is not cancelled. RequestState::cancelled follows.
  bool cancel_request(const FriendKey& to, Now now) { return requests_out_.cancel(to, now); }

  void tick(Now now) override;
  /// Shows the application a request that has come. At the end of a tick: it may call anything.
  void deliver_next(Now now) { requests_in_.deliver_next(now); }
  /// Drops what need not be remembered any longer.
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  [[nodiscard]] SteadyTime next_deadline() const noexcept override;

 private:
  NodeHealth health_;  ///< For what we leave, and for pair mailboxes.
  PairMail pairs_;
  RequestOutbox requests_out_;
  RequestInbox requests_in_;
};

}  // namespace toxasync::manager
