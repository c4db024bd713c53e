// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "crypto/envelope.hpp"

// Envelopes by docs/protocol.md, section 4, from the primitives alone: by whoever chooses what is in them,
// and whose keys.

namespace toxasync::test {

/// The body's key and encryption: whoever has it chooses each of the three key agreements.
struct BodyBox {
  ByteArray<32> er{};  ///< X25519(e, R)
  ByteArray<32> ek{};  ///< X25519(e, K)
  ByteArray<32> sk{};  ///< X25519(s, K)

  static constexpr std::size_t e_at = 17;
  static constexpr std::size_t header_at = e_at + 32;
  static constexpr std::size_t body_at = limits::envelope_prefix;

  static ByteArray<32> context(ByteView envelope, std::string_view label, const crypto::FriendKey& sender,
                               const crypto::FriendKey& recipient, const crypto::Point& pre_key,
                               const crypto::MailboxAddress& address, crypto::Epoch epoch) {
    ByteArray<4> e;
    store_le(epoch, e.data());
    return crypto::h256(
        {}, {as_bytes(label), envelope.first(1), sender, recipient, pre_key, envelope.subspan(e_at, 32),
             address.p, address.w, e, envelope.subspan(1, 16), envelope.subspan(header_at, 80)});
  }
  [[nodiscard]] ByteArray<32> key(const ByteArray<32>& context) const {
    return crypto::h256(crypto::h512({}, {as_bytes("toxasync/1 3dh"), er, ek, sk}), {context});
  }
  [[nodiscard]] std::optional<Bytes> open(ByteView envelope, const ByteArray<32>& context) const {
    const auto box = envelope.subspan(body_at);
    Bytes plain(box.size() - limits::aead_tag);
    if (!crypto::aead_open(key(context), {}, context, box, plain)) {
      return std::nullopt;
    }
    return plain;
  }
};

/// Under which a body is sealed for a root of this kind.
constexpr std::string_view body_label(crypto::RootKind root) noexcept {
  return root == crypto::RootKind::open   ? "toxasync/1 freq"
         : root == crypto::RootKind::pair ? "toxasync/1 pair"
                                          : "toxasync/1 body";
}

/// The fields of a body, and its text; `length` is what it says of that. Without padding.
inline Bytes body_plaintext(const crypto::EnvelopeBody& body, std::uint16_t length) {
  Bytes plain(limits::envelope_body_fields + body.text.size());
  std::uint8_t* const out = plain.data();
  store_le(body.sequence, out);
  store_le(body.floor, out + 8);
  store_le(body.sent_at_ms, out + 16);
  store_le(body.lifetime_s, out + 24);
  out[28] = static_cast<std::uint8_t>(body.kind);
  out[29] = body.part;
  out[30] = body.parts;
  store_le(length, out + 31);
  std::ranges::copy(body.text, plain.begin() + limits::envelope_body_fields);
  return plain;
}

/// Anything in the place of header and body: crypto::seal_envelope() would not seal most of it.
struct ForgedEnvelope {
  crypto::FriendKey sender{};
  crypto::FriendKey recipient{};
  crypto::Point pre_key{};  ///< K
  ByteArray<32> sk{};       ///< X25519(s, K); or of somebody who is not the sender and knows it.
  ByteArray<limits::envelope_header_plain> header{};
  Bytes body;             ///< Fields and text. What is missing is filled; what is too long is cut off.
  std::uint8_t fill = 0;  ///< What it is filled with.
  bool large = false;
  crypto::CancelSecret secret{};
  crypto::RootKind label = crypto::RootKind::friends;  ///< For which root the body is sealed.

  /// With e as the envelope's own key. Nothing if a point is refused.
  [[nodiscard]] std::optional<Bytes> seal(const crypto::WritableMailbox& mailbox,
                                          const crypto::KeyPair& e) const {
    ByteArray<32> ep{};
    BodyBox box;
    box.sk = sk;
    if (!crypto::x25519(ep, e.secret.bytes(), mailbox.address.p) ||
        !crypto::x25519(box.er, e.secret.bytes(), crypto::point_of(recipient)) ||
        !crypto::x25519(box.ek, e.secret.bytes(), pre_key)) {
      return std::nullopt;
    }
    Bytes envelope(large ? limits::large_envelope : limits::small_envelope);
    envelope[0] = 1;
    std::ranges::copy(crypto::cancel_commitment(secret), envelope.begin() + 1);
    std::ranges::copy(e.public_key, envelope.begin() + BodyBox::e_at);
    seal_header(envelope, ep, mailbox);

    const auto out = MutableBytes(envelope).subspan(BodyBox::body_at);
    Bytes plain = body;
    plain.resize(out.size() - limits::aead_tag, fill);
    const auto context = BodyBox::context(envelope, body_label(label), sender, recipient, pre_key,
                                          mailbox.address, mailbox.epoch);
    crypto::aead_seal(box.key(context), {}, context, plain, out);
    return envelope;
  }

 private:
  void seal_header(MutableBytes out, const ByteArray<32>& ep, const crypto::WritableMailbox& mailbox) const {
    const auto& [p, w] = mailbox.address;
    const auto key = crypto::h256(ep, {as_bytes("toxasync/1 hdr"), out.subspan(BodyBox::e_at, limits::point),
                                       p, w, mailbox.header_secret.view()});
    ByteArray<4> epoch;
    store_le(mailbox.epoch, epoch.data());
    Bytes context(out.begin(), out.begin() + BodyBox::header_at);
    for (const ByteView part : {ByteView(p), ByteView(w), ByteView(epoch)}) {
      context.insert(context.end(), part.begin(), part.end());
    }
    crypto::aead_seal(key, {}, context, header, out.subspan(BodyBox::header_at, limits::envelope_header));
  }
};

}  // namespace toxasync::test
