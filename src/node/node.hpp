// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/transport.hpp"
#include "node/cookie_jar.hpp"
#include "node/key_agreement_limiter.hpp"
#include "node/node_keys.hpp"
#include "node/pending_table.hpp"
#include "node/session_table.hpp"
#include "node/storage_quota.hpp"
#include "node/subscription_table.hpp"
#include "node/types.hpp"
#include "node/wall_clock_guard.hpp"
#include "protocol/page.hpp"
#include "protocol/peers.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "protocol/store_response.hpp"
#include "store/store.hpp"

namespace toxasync::node {

/// The storage-node role: docs/protocol.md, section 6. Sans-I/O: packets and ticks in, packets out by a
/// Transport, disk by a Store.
///
/// node.cpp: packets up to the decoded request, answers, ticks. node_store.cpp and node_retrieve.cpp: the
/// two kinds of request and their completions.
class Node final : private store::StoreListener {
 public:
  /// `now` is needed for the validity of the keys. The references must outlive the node.
  Node(store::Store& store, NodeKeys& keys, Random& random, Telemetry telemetry, NodeConfig config, Now now);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node() override = default;

  /// A packet, hostile; what is not a request is refused. The answer leaves by `via`, which must live until
  /// the node is destroyed or drop_transport is called.
  void on_packet(Transport& via, const Route& from, ByteView packet, Now now) noexcept;

  /// Expires, rotates keys, commits the group of pending store operations, and answers what the store
  /// completed. Call it after a burst of packets, when the store's wake_fd is readable, and at
  /// next_deadline().
  void tick(Now now);
  /// By the steady clock. Already past while requests wait for the store's group to be committed.
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

  /// The transport is about to be destroyed; requests that wait for an answer by it get none.
  void drop_transport(const Transport& transport) noexcept {
    pending_.drop(transport);
    subscriptions_.drop(transport);
  }

  /// The other nodes that clients who ask get to know, a few at random: their signed descriptors, at most
  /// peers_kept (the rest is dropped). Our own, those without an address and expired ones are left out.
  static constexpr std::size_t peers_kept = 64;
  void set_peers(const std::vector<Bytes>& descriptors);

  [[nodiscard]] NodeLoad load() const noexcept { return {sessions_.size(), pending_.size()}; }

  /// How far the wall clock is ahead of what it should be (or behind, < 0), while it is doubted for that and
  /// nothing expires; else 0.
  [[nodiscard]] seconds doubted_clock() const noexcept { return clock_.doubted(); }

  /// Other values for these two of NodeConfig.
  void set_key_agreement_rate(std::uint32_t burst, std::uint32_t per_minute) noexcept {
    key_agreement_limiter_.set_source_rate({burst, per_minute});
  }

  /// The signed descriptor that cookie replies carry.
  [[nodiscard]] const Bytes& descriptor() const noexcept { return descriptor_; }

 private:
  void on_put(store::Token token, const store::PutResult& result) noexcept override;
  void on_list(store::Token token, store::ListResult&& result) noexcept override;
  void on_remove(store::Token token, const store::RemoveResult& result) noexcept override;
  void on_cancel(store::Token token, store::CancelStatus status) noexcept override;
  void on_expired(bool more) noexcept override;

  /// An authentic request that was not seen before.
  struct Request {
    const ReplyPath& path;
    Session& session;
    ByteView message;  ///< As it was encoded.
    Now now;

    [[nodiscard]] Source source() const noexcept { return {path.route, path.session}; }
  };

  // Requests that come in.
  void handle_packet(Transport& via, const Route& from, ByteView packet, Now now);
  [[nodiscard]] Session* open(Transport& via, const Route& from, const protocol::FrameHeader& header,
                              ByteView packet, MutableBytes plain, Now now);
  /// Tries the node's keys other than the one that `known`, if there is such a session, was made with. Null:
  /// refused and counted, with or without an answer.
  [[nodiscard]] Session* open_with_new_keys(Transport& via, const Route& from,
                                            const protocol::FrameHeader& header, ByteView packet,
                                            MutableBytes plain, Now now, const Session* known);
  template <class Message>
  [[nodiscard]] bool decode(ByteView plain, Session& session, Message& message, ByteView& encoded) const;
  [[nodiscard]] const SessionKey* node_key(const crypto::Point& n) const noexcept;

  // The right to a mailbox.
  enum class TagCheck : std::uint8_t { good, wrong, bad_point, no_tokens };
  /// Whether so many key agreements may be done for the source; else the reason is counted, and
  /// `key_agreement_retry_` says when to try again.
  [[nodiscard]] bool may_agree(const Source& source, Now now, std::uint32_t agreements);
  [[nodiscard]] TagCheck check_tag(const Request& request, crypto::TagKind kind, const crypto::Point& point,
                                   const crypto::Tag& shown, std::size_t tag_offset);

  // Answers.
  void send(Transport& via, const Route& to, ByteView packet) noexcept;
  void send_cookie_reply(Transport& via, const Route& to, const protocol::FrameHeader& header, Now now);
  void send_sealed(const ReplyPath& path, const Session& session, const protocol::Cookie& cookie,
                   const ByteArray<limits::plaintext>& plain) noexcept;
  template <class Message>
  void send_answer(const ReplyPath& path, const Session& session, const protocol::Cookie& cookie,
                   const Message& message) noexcept;
  /// The session that `path` was accepted in. Null, and counted: it, or the transport, is gone.
  [[nodiscard]] const Session* answerable(const ReplyPath& path) noexcept;
  /// The same, without counting.
  [[nodiscard]] const Session* session_of(const ReplyPath& path) noexcept;

  // Store requests.
  void on_store(const Request& request, const protocol::StoreRequest& message);
  [[nodiscard]] std::optional<protocol::StoreStatus> refusal(const protocol::StoreRequest& message) const;
  void submit_cancel(const Request& request, const protocol::StoreRequest& message);
  void submit_put(const Request& request, const protocol::StoreRequest& message);
  void settle_put(const Pending& pending, const store::PutResult& result);
  [[nodiscard]] Fill fill() const;
  void answer_store(const ReplyPath& path, Now now, protocol::StoreStatus status, UnixTime expires_at = {},
                    seconds retry_after = 0s) noexcept;

  // Retrieve requests.
  void on_retrieve(const Request& request, const protocol::RetrieveRequest& message);
  void submit_retrieve(const Request& request, const protocol::RetrieveRequest& message);
  void answer_pages(const ReplyPath& path, Now now, std::vector<protocol::Page>&& pages) noexcept;
  void answer_empty_page(const ReplyPath& path, Now now, std::uint64_t cursor);
  void answer_not_served(const ReplyPath& path, Now now, std::uint64_t cursor, seconds retry_after);
  void finish_retrieve(store::Token token);
  void answer_peers(const ReplyPath& path, Now now);
  /// Announces to whoever subscribed for the box that mail has come.
  void announce(const store::Box& box) noexcept;

  void follow_clock(Now now);
  void rotate_keys(Now now);
  void follow_capacity(Now now);
  void sign_descriptor();
  /// Runs what must not throw into the store; an exception is counted, and the request gets no answer.
  template <class Function>
  void guarded(store::Token token, Function&& function) noexcept;

  store::Store& store_;
  NodeKeys& keys_;
  Random& random_;
  Telemetry telemetry_;
  NodeConfig config_;
  WallClockGuard clock_;
  CookieJar cookies_;
  SessionTable sessions_;
  KeyAgreementLimiter key_agreement_limiter_;
  seconds key_agreement_retry_ = 0s;
  StorageQuota quota_;
  std::uint64_t bytes_in_flight_ = 0;  ///< Of puts that the store has not answered.
  PendingTable pending_;
  SubscriptionTable subscriptions_;
  Bytes descriptor_;
  struct Peer {
    Bytes descriptor;
    UnixTime valid_until{};
  };
  std::vector<Peer> peers_;

  // Kept so that their vectors are allocated once.
  protocol::StoreRequest store_request_;
  protocol::RetrieveRequest retrieve_request_;

  Now now_;  ///< Of the last call.
  SteadyTime next_expire_;
  SteadyTime next_rotate_;
  SteadyTime next_capacity_;
  SteadyTime next_clock_marks_;
  seconds doubted_clock_ = 0s;                  ///< As the descriptor has it.
  std::uint64_t announced_capacity_bytes_ = 0;  // In descriptor_.
  bool group_open_ = false;                     ///< The store was given operations since its last submit().
};

/// For the operator: what is wrong with a clock that is so far ahead (or behind, < 0), and what to do.
std::string describe_doubted_clock(seconds ahead);

/// When to try again: the queue for the disk is full; the disk failed.
inline constexpr seconds overloaded_retry = 2s;
inline constexpr seconds failed_retry = 30s;
/// When mail will have expired or been fetched, perhaps: a mailbox or the store is full.
inline constexpr seconds full_retry = 10min;

template <class Function>
void Node::guarded(store::Token token, Function&& function) noexcept {
  try {
    function();
  } catch (...) {  // out of memory
    telemetry_.refuse(Counter::store_failed);
    pending_.remove(token);
  }
}

template <class Message>
void Node::send_answer(const ReplyPath& path, const Session& session, const protocol::Cookie& cookie,
                       const Message& message) noexcept {
  ByteArray<limits::plaintext> plain;
  if (!wire::encode_padded(message, plain)) {
    telemetry_.refuse(Counter::store_failed);  // limits.hpp rules it out
    return;
  }
  send_sealed(path, session, cookie, plain);
}

}  // namespace toxasync::node
