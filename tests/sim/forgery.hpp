// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "crypto/envelope.hpp"

namespace toxasync::sim {

/// An envelope by docs/protocol.md, section 4, into which its sender may put anything: what
/// crypto::seal_envelope() would not seal, too.
struct Forgery {
  crypto::FriendKey recipient{};
  crypto::Point pre_key{};        ///< K
  crypto::EnvelopeHeader header;  ///< As it shall stand there.
  crypto::EnvelopeBody body;
  crypto::CancelSecret secret{};
  crypto::RootKind label = crypto::RootKind::friends;  ///< For which root the body is sealed.
  std::optional<std::uint16_t> length;                 ///< That the body says, if it lies.
  bool padded_with_ones = false;
  bool large = false;  ///< Though a small one would do.
};

/// Nothing if a point is refused, or the text is longer than an envelope.
std::optional<Bytes> forge(const Forgery& forgery, const crypto::KeyPair& sender,
                           const crypto::WritableMailbox& mailbox, Random& random);
/// By somebody who is not the sender, but knows X25519(s, K).
std::optional<Bytes> forge(const Forgery& forgery, const crypto::FriendKey& sender, const ByteArray<32>& sk,
                           const crypto::WritableMailbox& mailbox, Random& random);

}  // namespace toxasync::sim
