// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/ids.hpp"

// What the layers above name things by: docs/protocol.md, sections 2 to 4.

namespace toxasync::crypto {

/// A Curve25519 point: a public key or a half of a mailbox address. The result of a key agreement is not one:
/// it is a secret, and plain bytes.
using Point = Id<struct PointTag, 32>;

/// The Tox public key of a person, by which friends know them.
using FriendKey = Id<struct FriendKeyTag, 32>;

/// The same key where it takes part in a key agreement.
inline Point point_of(const FriendKey& key) noexcept {
  return Point(key.bytes());
}

using BoxKey = Id<struct BoxKeyTag, 32>;   ///< Of P and W: what one writer leaves in one mailbox.
using BoxTag = Id<struct BoxTagTag, 3>;    ///< Its first bytes, by which the owner names it to a node,
using BoxName = Id<struct BoxNameTag, 8>;  ///< and more of them, by which the node names it to the owner.
using MessageId = Id<struct MessageIdTag, 16>;
using EnvelopeId = Id<struct EnvelopeIdTag, 16>;  ///< H128(P|W|envelope).
using PreKeyId = Id<struct PreKeyIdTag, 8>;       ///< First 8 bytes of H256(K).
enum class Instance : std::uint64_t {};  ///< One installation of a user, towards one friend; 0 names none.
using CancelSecret = Id<struct CancelSecretTag, 16>;
using Commitment = Id<struct CommitmentTag, 16>;  ///< C: proves later that a cancel comes from the sender.

}  // namespace toxasync::crypto
