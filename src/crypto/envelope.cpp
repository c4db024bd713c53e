// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/envelope.hpp"

#include <algorithm>

#include "wire/archive.hpp"

namespace toxasync::crypto {

namespace {

constexpr std::uint8_t envelope_version = 1;
constexpr ByteArray<24> zero_nonce{};  // each key seals once
constexpr std::size_t commitment_at = 1;
constexpr std::size_t point_at = commitment_at + limits::id;
constexpr std::size_t header_at = point_at + limits::point;
constexpr std::size_t body_at = limits::envelope_prefix;
static_assert(header_at + limits::envelope_header == body_at);

/// The fixed part of a body; the text follows.
struct BodyFields {
  EnvelopeBody& body;
  std::uint16_t length = 0;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.body.sequence, self.body.floor, self.body.sent_at_ms, self.body.lifetime_s,
                 self.body.kind, self.body.part, self.body.parts, self.length);
  }
};

bool may_lie_in(MessageKind kind, RootKind root) noexcept {
  switch (root) {
    case RootKind::friends:
      return kind <= MessageKind::bundle && kind != MessageKind::friend_request;
    case RootKind::open:
      return kind == MessageKind::friend_request;
    case RootKind::pair:
      return kind == MessageKind::bundle;
  }
  return false;
}

bool fields_in_range(const EnvelopeBody& body, const WritableMailbox& mailbox) noexcept {
  return may_lie_in(body.kind, mailbox.kind) && body.parts >= 1 && body.parts <= limits::parts &&
         body.part < body.parts;
}

/// A body is bound to the kind of its root: what was sealed for one cannot be opened in another.
std::string_view body_label(RootKind root) noexcept {
  switch (root) {
    case RootKind::open:
      return "toxasync/1 freq";
    case RootKind::pair:
      return "toxasync/1 pair";
    case RootKind::friends:
      break;
  }
  return "toxasync/1 body";
}

/// What the header's encryption binds: v|C|E|P|W|epoch.
using HeaderContext = ByteArray<1 + limits::id + limits::point * 3 + 4>;

HeaderContext header_context(ByteView envelope, const WritableMailbox& mailbox) noexcept {
  HeaderContext context;
  std::uint8_t* out = std::copy_n(envelope.data(), header_at, context.data());
  out = std::copy(mailbox.address.p.begin(), mailbox.address.p.end(), out);
  out = std::copy(mailbox.address.w.begin(), mailbox.address.w.end(), out);
  store_le(mailbox.epoch, out);
  return context;
}

Wiped<32> header_key(const ByteArray<32>& shared, ByteView point, const WritableMailbox& mailbox) noexcept {
  return Wiped<32>(h256(shared, {as_bytes("toxasync/1 hdr"), point, mailbox.address.p, mailbox.address.w,
                                 mailbox.header_secret.view()}));
}

/// th: everything that the body's key and encryption bind.
ByteArray<32> body_context(ByteView envelope, const WritableMailbox& mailbox, const FriendKey& sender,
                           const FriendKey& recipient, const Point& pre_key) noexcept {
  ByteArray<4> epoch;
  store_le(mailbox.epoch, epoch.data());
  const auto label = as_bytes(body_label(mailbox.kind));
  return h256(
      {}, {label, envelope.first(1), sender, recipient, pre_key, envelope.subspan(point_at, limits::point),
           mailbox.address.p, mailbox.address.w, epoch, envelope.subspan(commitment_at, limits::id),
           envelope.subspan(header_at, limits::envelope_header)});
}

Wiped<32> body_key(const ByteArray<32>& er, const ByteArray<32>& ek, const ByteArray<32>& sk,
                   const ByteArray<32>& context) noexcept {
  const Wiped<64> mixed(h512({}, {as_bytes("toxasync/1 3dh"), er, ek, sk}));
  return Wiped<32>(h256(mixed, {context}));
}

}  // namespace

PreKeyId pre_key_id(const Point& pre_key) noexcept {
  return id_from<PreKeyId>(h256({}, {pre_key}));
}

Commitment cancel_commitment(const CancelSecret& secret) noexcept {
  return Commitment(h128({}, {as_bytes("toxasync/1 cancel"), secret}));
}

Commitment commitment_of(ByteView envelope) noexcept {
  return id_from<Commitment>(envelope.subspan(commitment_at));
}

EnvelopeId envelope_id(const MailboxAddress& address, ByteView envelope) noexcept {
  return EnvelopeId(h128({}, {address.p, address.w, envelope}));
}

Result<Bytes, EnvelopeError> seal_envelope(const KeyPair& sender, const FriendKey& recipient,
                                           const Point& pre_key, const WritableMailbox& mailbox,
                                           const EnvelopeHeader& header, const EnvelopeBody& body,
                                           const CancelSecret& cancel_secret, Random& random) {
  if (body.text.size() > limits::large_text) {
    return EnvelopeError::size;
  }
  if (!fields_in_range(body, mailbox)) {
    return EnvelopeError::fields;
  }
  const auto e = KeyPair::generate(random);
  Wiped<32> ep;
  Wiped<32> er;
  Wiped<32> ek;
  Wiped<32> sk;
  if (!x25519(ep, e.secret.bytes(), mailbox.address.p) ||
      !x25519(er, e.secret.bytes(), point_of(recipient)) || !x25519(ek, e.secret.bytes(), pre_key) ||
      !x25519(sk, sender.secret.bytes(), pre_key)) {
    return EnvelopeError::point;
  }

  Bytes envelope(body.text.size() <= limits::small_text ? limits::small_envelope : limits::large_envelope);
  const MutableBytes out(envelope);
  out[0] = envelope_version;
  std::ranges::copy(cancel_commitment(cancel_secret), out.begin() + commitment_at);
  std::ranges::copy(e.public_key, out.begin() + point_at);

  EnvelopeHeader shown = header;
  if (mailbox.kind != RootKind::open) {
    shown.sender = {};
  }
  Wiped<limits::envelope_header_plain> header_plain;
  (void)wire::encode(shown, header_plain);
  aead_seal(header_key(ep, e.public_key, mailbox), zero_nonce, header_context(out, mailbox), header_plain,
            out.subspan(header_at, limits::envelope_header));

  Bytes plain(out.size() - body_at - limits::aead_tag);
  EnvelopeBody copy = body;
  (void)wire::encode(BodyFields{copy, static_cast<std::uint16_t>(body.text.size())}, plain);
  std::ranges::copy(body.text, plain.begin() + limits::envelope_body_fields);
  const auto context = body_context(out, mailbox, sender.friend_key(), recipient, pre_key);
  aead_seal(body_key(er, ek, sk, context), zero_nonce, context, plain, out.subspan(body_at));
  wipe(plain);
  wipe(copy.text);
  return envelope;
}

Result<EnvelopeHeader, EnvelopeError> open_header(const OwnedMailbox& mailbox, ByteView envelope) noexcept {
  if (!limits::is_envelope_size(envelope.size())) {
    return EnvelopeError::size;
  }
  if (envelope[0] != envelope_version) {
    return EnvelopeError::version;
  }
  const auto point = id_from<Point>(envelope.subspan(point_at));
  Wiped<32> shared;
  if (!mailbox.owner.apply(shared, point)) {
    return EnvelopeError::point;
  }
  Wiped<limits::envelope_header_plain> plain;
  if (!aead_open(header_key(shared, point, mailbox.mailbox), zero_nonce,
                 header_context(envelope, mailbox.mailbox),
                 envelope.subspan(header_at, limits::envelope_header), plain)) {
    return EnvelopeError::header;
  }
  EnvelopeHeader header;
  if (wire::decode(plain, header) != wire::Error::none) {
    return EnvelopeError::fields;
  }
  if (mailbox.mailbox.kind != RootKind::open) {
    if (header.sender != FriendKey{}) {
      return EnvelopeError::fields;
    }
    header.sender = mailbox.mailbox.writer;
  }
  return header;
}

Result<EnvelopeBody, EnvelopeError> open_body(const OwnedMailbox& mailbox, const KeyPair& recipient,
                                              const KeyPair& pre_key, const EnvelopeHeader& header,
                                              ByteView envelope) {
  if (!limits::is_envelope_size(envelope.size())) {
    return EnvelopeError::size;
  }
  const auto point = id_from<Point>(envelope.subspan(point_at));
  Wiped<32> er;
  Wiped<32> ek;
  Wiped<32> sk;
  if (!x25519(er, recipient.secret.bytes(), point) || !x25519(ek, pre_key.secret.bytes(), point) ||
      !x25519(sk, pre_key.secret.bytes(), point_of(header.sender))) {
    return EnvelopeError::point;
  }
  const auto context =
      body_context(envelope, mailbox.mailbox, header.sender, recipient.friend_key(), pre_key.public_key);
  Wiped<limits::large_envelope> buffer;
  const auto box = envelope.subspan(body_at);
  const auto plain = MutableBytes(buffer).first(box.size() - limits::aead_tag);
  if (!aead_open(body_key(er, ek, sk, context), zero_nonce, context, box, plain)) {
    return EnvelopeError::body;
  }
  EnvelopeBody body;
  BodyFields fields{body};
  if (wire::decode(plain.first(limits::envelope_body_fields), fields) != wire::Error::none) {
    return EnvelopeError::fields;
  }
  const auto text = plain.subspan(limits::envelope_body_fields);
  if (!fields_in_range(body, mailbox.mailbox) || fields.length > text.size() ||
      std::ranges::any_of(text.subspan(fields.length), [](std::uint8_t byte) { return byte != 0; })) {
    return EnvelopeError::fields;
  }
  body.text.assign(text.begin(), text.begin() + fields.length);
  return body;
}

}  // namespace toxasync::crypto
