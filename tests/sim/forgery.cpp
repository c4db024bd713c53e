// SPDX-License-Identifier: GPL-3.0-or-later
#include "forgery.hpp"

#include <algorithm>

#include "tests/manager/thief.hpp"

namespace toxasync::sim {

namespace {

constexpr ByteArray<24> zero_nonce{};
constexpr std::size_t header_at = 17 + limits::point;

std::string_view label_of(crypto::RootKind root) {
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

void seal_header(MutableBytes out, const crypto::EnvelopeHeader& header, const ByteArray<32>& shared,
                 const crypto::WritableMailbox& mailbox) {
  ByteArray<4> epoch;
  store_le(mailbox.epoch, epoch.data());
  const auto& [p, w] = mailbox.address;
  const auto key = crypto::h256(
      shared, {as_bytes("toxasync/1 hdr"), out.subspan(17, 32), p, w, mailbox.header_secret.view()});
  Bytes context(out.begin(), out.begin() + header_at);
  for (const ByteView part : {ByteView(p), ByteView(w), ByteView(epoch)}) {
    context.insert(context.end(), part.begin(), part.end());
  }
  ByteArray<limits::envelope_header_plain> plain{};
  (void)wire::encode(header, plain);
  crypto::aead_seal(key, zero_nonce, context, plain, out.subspan(header_at, limits::envelope_header));
}

Bytes body_of(const Forgery& forgery, std::size_t size) {
  const auto& body = forgery.body;
  Bytes plain(size, forgery.padded_with_ones ? 1 : 0);
  store_le(body.sequence, plain.data());
  store_le(body.floor, plain.data() + 8);
  store_le(body.sent_at_ms, plain.data() + 16);
  store_le(body.lifetime_s, plain.data() + 24);
  plain[28] = static_cast<std::uint8_t>(body.kind);
  plain[29] = body.part;
  plain[30] = body.parts;
  store_le(forgery.length.value_or(static_cast<std::uint16_t>(body.text.size())), plain.data() + 31);
  std::ranges::copy(body.text, plain.begin() + limits::envelope_body_fields);
  return plain;
}

}  // namespace

std::optional<Bytes> forge(const Forgery& forgery, const crypto::KeyPair& sender,
                           const crypto::WritableMailbox& mailbox, Random& random) {
  ByteArray<32> sk{};
  return crypto::x25519(sk, sender.secret.bytes(), forgery.pre_key)
             ? forge(forgery, sender.friend_key(), sk, mailbox, random)
             : std::nullopt;
}

std::optional<Bytes> forge(const Forgery& forgery, const crypto::FriendKey& sender, const ByteArray<32>& sk,
                           const crypto::WritableMailbox& mailbox, Random& random) {
  const auto e = crypto::KeyPair::generate(random);
  ByteArray<32> shared{};
  test::BodyBox box;
  box.sk = sk;
  if (forgery.body.text.size() > limits::large_text ||
      !crypto::x25519(shared, e.secret.bytes(), mailbox.address.p) ||
      !crypto::x25519(box.er, e.secret.bytes(), crypto::point_of(forgery.recipient)) ||
      !crypto::x25519(box.ek, e.secret.bytes(), forgery.pre_key)) {
    return std::nullopt;
  }
  const bool large = forgery.large || forgery.body.text.size() > limits::small_text;
  Bytes envelope(large ? limits::large_envelope : limits::small_envelope);
  envelope[0] = 1;
  std::ranges::copy(crypto::cancel_commitment(forgery.secret), envelope.begin() + 1);
  std::ranges::copy(e.public_key, envelope.begin() + 17);
  seal_header(envelope, forgery.header, shared, mailbox);

  const auto body = MutableBytes(envelope).subspan(limits::envelope_prefix);
  const auto context = test::BodyBox::context(envelope, label_of(forgery.label), sender, forgery.recipient,
                                              forgery.pre_key, mailbox.address, mailbox.epoch);
  crypto::aead_seal(box.key(context), zero_nonce, context, body_of(forgery, body.size() - limits::aead_tag),
                    body);
  return envelope;
}

}  // namespace toxasync::sim
