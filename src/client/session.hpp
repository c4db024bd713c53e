// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cassert>
#include <compare>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "client/types.hpp"
#include "protocol/frame.hpp"

namespace toxasync::client {

enum class Purpose : std::uint8_t { store, retrieve, peers };

constexpr protocol::FrameKind request_kind(Purpose purpose) noexcept {
  return purpose == Purpose::store ? protocol::FrameKind::store : protocol::FrameKind::retrieve;
}

/// What a session is for (p and w are zero where there is no mailbox). Each has an X of its own, so that a
/// node cannot tell by it that two mailboxes, or the mail that a person sends and the mail that they fetch,
/// belong together (docs/protocol.md, section 6).
struct SessionName {
  protocol::NodeId node{};
  Purpose purpose = Purpose::store;
  crypto::Point p{};
  crypto::Point w{};

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const SessionName&) const = default;
};

/// A first packet to a node whose N is not known: no cookie, a random box.
void write_hello(protocol::FrameKind kind, const crypto::Point& x, const protocol::FrameNonce& nonce,
                 Random& random, protocol::FrameBytes& out) noexcept;

/// What a retrieve that subscribed has left at the node: it may announce mail, once, in answer to one of
/// these counters.
struct Subscription {
  OperationId operation{};
  RetrieveListener* listener = nullptr;
  std::uint64_t first_counter = 0;
  std::uint64_t last_counter = 0;
  SteadyTime until{};

  [[nodiscard]] bool is_answered_by(std::uint64_t counter, Now now) const noexcept {
    return counter >= first_counter && counter <= last_counter && now.steady < until;
  }
};

/// X, the keys agreed with the node's current N, the cookie and the counter.
class Session {
 public:
  Session(const SessionName& name, Random& random) : name_(name), pair_(crypto::KeyPair::generate(random)) {}

  [[nodiscard]] const SessionName& name() const noexcept { return name_; }
  [[nodiscard]] const crypto::Point& x() const noexcept { return pair_.public_key; }

  [[nodiscard]] bool is_keyed_for(const crypto::Point& node_key) const noexcept {
    return keys_ && node_key_ == node_key;
  }
  /// Agrees on keys with N. `tag_shared` is the agreement of the mailbox's private half with N. False when N
  /// is refused; the session is then as before.
  [[nodiscard]] bool agree_on_keys(const crypto::Point& node_key, const crypto::Wiped<32>& tag_shared);

  void set_cookie(const protocol::Cookie& cookie) noexcept { cookie_ = cookie; }
  /// Rises from 1; never given twice.
  [[nodiscard]] std::uint64_t next_counter() noexcept { return ++counter_; }
  [[nodiscard]] std::uint64_t last_counter() const noexcept { return counter_; }

  /// A request with its tag. The session must have keys, and the request fit in a frame.
  template <class Request>
  void write_request(const Request& request, const protocol::FrameNonce& nonce,
                     protocol::FrameBytes& out) const noexcept {
    ByteArray<limits::plaintext> plain;
    const auto encoded = wire::encode_padded(request, plain);
    assert(encoded);
    seal(plain, encoded->size(), Request::tag_offset, nonce, out);
  }
  /// Opens an answer. False: not sealed by the node for this session.
  [[nodiscard]] bool open(const protocol::FrameHeader& header, ByteView packet,
                          MutableBytes plain) const noexcept;

  /// The operations with a request under way here.
  std::vector<OperationId> users;
  /// Of the last retrieve here, until the next one begins.
  std::optional<Subscription> subscription;

 private:
  /// Tags the encoded request (if it is about a mailbox), which stands in `plain` after its length, and seals
  /// it.
  void seal(MutableBytes plain, std::size_t request_size, std::size_t tag_offset,
            const protocol::FrameNonce& nonce, protocol::FrameBytes& out) const noexcept;

  SessionName name_;
  crypto::KeyPair pair_;
  crypto::Point node_key_{};  ///< The N of the keys.
  std::optional<protocol::SessionKeys> keys_;
  crypto::Secret<32> tag_shared_;
  protocol::Cookie cookie_{};  ///< Zero until the first cookie reply.
  std::uint64_t counter_ = 0;
};

}  // namespace toxasync::client
