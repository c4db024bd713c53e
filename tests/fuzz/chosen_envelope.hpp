// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "source.hpp"
#include "tests/support/forged_envelope.hpp"

namespace toxasync::fuzz {

/// What the fuzzer chooses, on top of what an honest sender would write. Nothing when a point is refused.
inline std::optional<test::ForgedEnvelope> choose_envelope(Source& source, const crypto::KeyPair& sender,
                                                           const crypto::FriendKey& recipient,
                                                           const crypto::Point& pre_key,
                                                           crypto::RootKind root,
                                                           const crypto::EnvelopeHeader& header,
                                                           const crypto::EnvelopeBody& honest) {
  test::ForgedEnvelope made;
  made.sender = sender.friend_key();
  made.recipient = recipient;
  made.pre_key = pre_key;
  made.label = root;
  made.large = source.chance(4);
  crypto::EnvelopeHeader shown = header;
  if (source.chance(16)) {
    shown = source.message<crypto::EnvelopeHeader>();
  }
  (void)wire::encode(shown, made.header);
  crypto::EnvelopeBody body = honest;
  body.sequence = source.chance(8) ? source.number<std::uint64_t>() : body.sequence;
  body.floor = source.chance(8) ? source.number<std::uint64_t>() : body.floor;
  body.sent_at_ms = source.chance(8) ? source.number<std::uint64_t>() : body.sent_at_ms;
  body.lifetime_s = source.chance(8) ? source.number<std::uint32_t>() : body.lifetime_s;
  const std::size_t room = made.large ? limits::large_text : limits::small_text;
  const std::size_t length =
      source.chance(16) ? source.number<std::uint16_t>() : std::min(body.text.size(), room);
  made.body = test::body_plaintext(body, static_cast<std::uint16_t>(length));
  return crypto::x25519(made.sk, sender.secret.bytes(), pre_key) ? std::optional(std::move(made))
                                                                 : std::nullopt;
}

}  // namespace toxasync::fuzz
