// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "crypto/curve.hpp"
#include "crypto/key_file.hpp"
#include "node/wall_clock_guard.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::node {

/// One of a node's weekly keys N.
struct SessionKey {
  crypto::KeyPair pair;
  UnixTime valid_from{};
  UnixTime valid_until{};
};

/// A node's identity and its current and previous session key, in a key file (docs/protocol.md, section 6).
/// Its payload is 152 bytes: Ed25519 seed 32, then for the current and the previous key: n 32, valid from 8,
/// valid until 8, all zero where there is no previous one; then what is known of the clock: the date believed
/// last 8, that of another course 8 (0: none), seconds for which it has stayed there 8.
class NodeKeys {
 public:
  static constexpr seconds key_lifetime = days(7);
  /// How long a replaced key still opens frames.
  static constexpr seconds key_overlap = days(1);

  /// Reads the file, or creates one with a new identity if there is none. A damaged file is an error and
  /// stays as it is: it may be all that is left of an identity.
  static Result<NodeKeys, crypto::KeyFileError> open(const std::string& path, Random& random, UnixTime now);

  /// Keys that live in memory only, for tests and clients' own nodes without a directory.
  static NodeKeys ephemeral(Random& random, UnixTime now);

  [[nodiscard]] protocol::NodeId id() const noexcept { return protocol::NodeId(signer_.public_key()); }
  [[nodiscard]] const crypto::SigningKey& signer() const noexcept { return signer_; }
  [[nodiscard]] const SessionKey& current() const noexcept { return current_; }
  [[nodiscard]] const SessionKey* previous(UnixTime now) const noexcept;  ///< Null once the overlap is over.

  /// Replaces the current key when its time is over (or the clock was set back by more than the overlap), and
  /// wipes the previous one when the overlap is. True: one of them changed. A file that cannot be written is
  /// an error, and the keys stay as they were.
  Result<bool, crypto::KeyFileError> rotate(Random& random, UnixTime now);

  /// What is known of the clock.
  [[nodiscard]] const WallClockGuard::Marks& clock_marks() const noexcept { return clock_; }
  /// Writes the file, if there is something new.
  Result<bool, crypto::KeyFileError> set_clock_marks(const WallClockGuard::Marks& marks);

 private:
  NodeKeys(std::string path, crypto::Secret<32> seed, SessionKey current);
  static SessionKey make_session_key(Random& random, UnixTime now);
  [[nodiscard]] Result<bool, crypto::KeyFileError> save(const SessionKey& current,
                                                        const SessionKey* previous) const;

  std::string path_;  ///< Empty: in memory only.
  crypto::Secret<32> seed_;
  crypto::SigningKey signer_;
  SessionKey current_;
  std::optional<SessionKey> previous_;
  WallClockGuard::Marks clock_;
};

}  // namespace toxasync::node
