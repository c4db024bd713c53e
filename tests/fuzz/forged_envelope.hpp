// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <utility>

#include "crypto/envelope.hpp"
#include "source.hpp"

namespace toxasync::fuzz {

/// Seals an envelope by docs/protocol.md, section 4, whatever is in it: crypto::seal_envelope refuses to seal
/// most of what a hostile friend could.
class ForgedEnvelope {
 public:
  /// The whole plaintext of a header and of a body.
  struct Content {
    ByteArray<limits::envelope_header_plain> header{};
    Bytes body;  ///< Fields and text. What is missing is zero; what is too long is cut off.
    bool large = false;
  };

  /// By somebody who may write there, with e as the envelope's own key. Nothing when one of the points is
  /// refused.
  static std::optional<Bytes> seal(const Content& content, const crypto::KeyPair& sender,
                                   const crypto::FriendKey& recipient, const crypto::Point& pre_key,
                                   const crypto::WritableMailbox& mailbox, const crypto::KeyPair& e) {
    ByteArray<32> ep{};
    ByteArray<32> er{};
    ByteArray<32> ek{};
    ByteArray<32> sk{};
    if (!crypto::x25519(ep, e.secret.bytes(), mailbox.address.p) ||
        !crypto::x25519(er, e.secret.bytes(), crypto::point_of(recipient)) ||
        !crypto::x25519(ek, e.secret.bytes(), pre_key) ||
        !crypto::x25519(sk, sender.secret.bytes(), pre_key)) {
      return std::nullopt;
    }
    Bytes envelope(content.large ? limits::large_envelope : limits::small_envelope);
    const MutableBytes out(envelope);
    out[0] = 1;
    std::ranges::copy(crypto::cancel_commitment({}), out.begin() + 1);
    std::ranges::copy(e.public_key, out.begin() + point_at);
    seal_header(out, content.header, ep, mailbox);

    Bytes plain = content.body;
    plain.resize(out.size() - body_at - limits::aead_tag);
    ByteArray<4> epoch;
    store_le(mailbox.epoch, epoch.data());
    const ByteView in(out);
    const auto th =
        crypto::h256({}, {as_bytes(label(mailbox.kind)), in.first(1), sender.friend_key(), recipient, pre_key,
                          in.subspan(point_at, limits::point), mailbox.address.p, mailbox.address.w, epoch,
                          in.subspan(1, limits::id), in.subspan(header_at, limits::envelope_header)});
    const auto key = crypto::h256(crypto::h512({}, {as_bytes("toxasync/1 3dh"), er, ek, sk}), {th});
    crypto::aead_seal(key, {}, th, plain, out.subspan(body_at));
    return envelope;
  }

  /// What the fuzzer chooses, on top of what an honest sender would write.
  static Content choose(Source& source, const crypto::EnvelopeHeader& header,
                        const crypto::EnvelopeBody& honest) {
    Content content;
    content.large = source.chance(4);
    crypto::EnvelopeHeader shown = header;
    if (source.chance(16)) {
      shown = source.message<crypto::EnvelopeHeader>();
    }
    (void)wire::encode(shown, content.header);
    crypto::EnvelopeBody body = honest;
    body.sequence = source.chance(8) ? source.number<std::uint64_t>() : body.sequence;
    body.floor = source.chance(8) ? source.number<std::uint64_t>() : body.floor;
    body.sent_at_ms = source.chance(8) ? source.number<std::uint64_t>() : body.sent_at_ms;
    body.lifetime_s = source.chance(8) ? source.number<std::uint32_t>() : body.lifetime_s;
    const std::size_t room = (content.large ? limits::large_text : limits::small_text);
    const std::size_t length =
        source.chance(16) ? source.number<std::uint16_t>() : std::min(body.text.size(), room);
    content.body.resize(limits::envelope_body_fields);
    std::uint8_t* out = content.body.data();
    store_le(body.sequence, out);
    store_le(body.floor, out + 8);
    store_le(body.sent_at_ms, out + 16);
    store_le(body.lifetime_s, out + 24);
    out[28] = static_cast<std::uint8_t>(body.kind);
    out[29] = body.part;
    out[30] = body.parts;
    store_le(static_cast<std::uint16_t>(length), out + 31);
    content.body.insert(content.body.end(), body.text.begin(), body.text.end());
    return content;
  }

 private:
  static constexpr std::size_t point_at = 1 + limits::id;
  static constexpr std::size_t header_at = point_at + limits::point;
  static constexpr std::size_t body_at = limits::envelope_prefix;

  static std::string_view label(crypto::RootKind root) noexcept {
    switch (root) {
      case crypto::RootKind::open:
        return "toxasync/1 freq";
      case crypto::RootKind::pair:
        return "toxasync/1 pair";
      case crypto::RootKind::friends:
        break;
    }
    return "toxasync/1 body";
  }

  static void seal_header(MutableBytes out, const ByteArray<limits::envelope_header_plain>& plain,
                          const ByteArray<32>& ep, const crypto::WritableMailbox& mailbox) {
    const auto& [p, w] = mailbox.address;
    const auto key =
        crypto::h256(ep, {as_bytes("toxasync/1 hdr"), ByteView(out).subspan(point_at, limits::point), p, w,
                          mailbox.header_secret.view()});
    Bytes context(out.begin(), out.begin() + header_at);
    context.insert(context.end(), p.begin(), p.end());
    context.insert(context.end(), w.begin(), w.end());
    context.resize(context.size() + 4);
    store_le(mailbox.epoch, context.data() + context.size() - 4);
    crypto::aead_seal(key, {}, context, plain, out.subspan(header_at, limits::envelope_header));
  }
};

}  // namespace toxasync::fuzz
