// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/transport.hpp"
#include "choices.hpp"
#include "crypto/mailbox.hpp"
#include "protocol/frame.hpp"

namespace toxasync::sim {

/// Requests to nodes in sessions of their own, with all fields of the caller's choice: docs/protocol.md,
/// section 6.
class RawRequests {
 public:
  /// What the writer or owner of a mailbox would agree on with N; false: they have no such key.
  using Agree = std::function<bool(ByteArray<32>& shared, const crypto::Point& node_key)>;
  struct Request {
    protocol::FrameKind kind = protocol::FrameKind::store;
    Bytes message;               ///< Its first 8 bytes are the counter; 0 there: the next one.
    std::size_t tag_offset = 0;  ///< Of a tag that is right, if `agree` is set.
    Agree agree = nullptr;
  };

  /// With a secret of the caller's, in place of the one that is asked for or because it is that one.
  static Agree with(const ByteArray<32>& secret);

  RawRequests(Transport& transport, SeededRandom& random) : transport_(transport), random_(random) {}

  /// It leaves when the node has given a cookie.
  void send(const Endpoint& node, Request request);
  /// A store or a cancel, or nearly one.
  void store(const Endpoint& node, const crypto::MailboxAddress& where, crypto::Epoch epoch,
             const Bytes& payload, Agree agree);
  /// A list, a subscribe or a deletion, or nearly one.
  void retrieve(const Endpoint& node, const crypto::MailboxAddress& where,
                std::vector<crypto::EnvelopeId> to_delete, Agree agree);
  /// Whether it belongs to a session of ours.
  bool on_packet(ByteView packet);

 private:
  struct Session {
    Endpoint node;
    crypto::KeyPair x;
    std::optional<protocol::SessionKeys> keys;
    crypto::Point node_key{};
    protocol::Cookie cookie{};
    std::uint64_t counter = 0;
    std::vector<Request> waiting;
  };

  Session& session_with(const Endpoint& node);
  void send_sealed(Session& session, Request request);
  void on_cookie_reply(Session& session, ByteView packet);

  Transport& transport_;
  SeededRandom& random_;
  std::vector<Session> sessions_;
};

}  // namespace toxasync::sim
