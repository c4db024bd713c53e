// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "crypto/mailbox.hpp"
#include "node/shared_table.hpp"
#include "protocol/frame.hpp"

namespace toxasync::node {

/// What a node knows of one X (docs/protocol.md, section 6).
struct Session {
  /// The agreement of n with the mailbox's point that this session was last used for: P to own, W to write
  /// (the tag's label keeps them apart). A client uses an X for one mailbox and one purpose, so it is
  /// computed once.
  struct TagKey {
    crypto::Point point{};
    crypto::Secret<32> shared;
  };

  std::uint64_t serial = 0;  ///< Distinguishes it from an earlier session of the same X.
  crypto::Point node_key{};  ///< The N it was made with.
  protocol::SessionKeys keys;
  protocol::ReplayWindow replay;
  std::optional<TagKey> tag_key;
  bool tag_is_paid = false;  ///< The agreement of the first one: it was admitted with the session.
};

/// The sessions of a node, by X. Their places are shared among the networks that they were opened from.
class SessionTable {
 public:
  SessionTable(std::size_t capacity, const ByteArray<16>& hash_key) : table_(capacity, hash_key) {}

  /// Null when there is none.
  [[nodiscard]] Session* find(const crypto::Point& x) noexcept { return table_.find(x); }
  void touch(const crypto::Point& x) noexcept { table_.touch(x); }
  /// The client of this X proved that it owns a mailbox.
  void prove(const crypto::Point& x, SteadyTime now) noexcept { table_.prove(x, now); }

  struct Opened {
    Session& session;
    bool evicted;  ///< Another session was dropped.
  };
  /// A new session, in place of an earlier one of this X.
  Opened open(const crypto::Point& x, const crypto::Point& node_key, protocol::SessionKeys keys,
              const Source& source, SteadyTime now);

  /// Forgets the sessions of other node keys than these.
  void retain(const crypto::Point& current, const crypto::Point* previous);

  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  SharedTable<crypto::Point, Session> table_;
  std::uint64_t last_serial_ = 0;
};

}  // namespace toxasync::node
