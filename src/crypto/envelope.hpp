// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "crypto/mailbox.hpp"
#include "wire/archive.hpp"

// The envelope: docs/protocol.md, section 4.

namespace toxasync::crypto {

enum class MessageKind : std::uint8_t {
  normal = 0,
  action = 1,
  receipt = 2,         ///< The text is the ids of messages that have arrived.
  friend_request = 3,  ///< In the public root only.
  nack = 4,            ///< The text is the ids of messages whose pre-key is gone: seal them again.
  bundle = 5,          ///< The text is a protocol::WholeBundle. In the friends and pair roots.
};

/// Whether a message has a place in the order of its sender's messages. The others have sequence 0.
constexpr bool is_ordered(MessageKind kind) noexcept {
  return kind == MessageKind::normal || kind == MessageKind::action;
}

PreKeyId pre_key_id(const Point& pre_key) noexcept;
Commitment cancel_commitment(const CancelSecret& secret) noexcept;
/// The commitment in an envelope, of at least 17 bytes.
Commitment commitment_of(ByteView envelope) noexcept;
EnvelopeId envelope_id(const MailboxAddress& address, ByteView envelope) noexcept;

/// Readable by the owner of the mailbox.
struct EnvelopeHeader {
  /// In the public root S, a claim until the body has opened. In the others the box says it, and zeros stand
  /// here: open_header() puts the writer's name in their place.
  FriendKey sender{};
  Instance instance{};  ///< The sender's installation.
  PreKeyId pre_key{};   ///< Of the recipient's bundle.
  MessageId message_id{};

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.sender, self.instance, self.pre_key, self.message_id);
  }
};

/// Readable by the recipient who has the pre-key.
struct EnvelopeBody {
  std::uint64_t sequence = 0;
  std::uint64_t floor = 0;
  std::uint64_t sent_at_ms = 0;  ///< Unix.
  std::uint32_t lifetime_s = 0;
  MessageKind kind = MessageKind::normal;
  std::uint8_t part = 0;
  std::uint8_t parts = 1;
  Bytes text;  ///< At most limits::large_text bytes.
};

enum class EnvelopeError : std::uint8_t {
  none,
  size,     ///< Not 400 or 1168 bytes; or a text too long to seal.
  version,  ///< Not version 1.
  point,    ///< A point that is not canonical or of low order.
  header,   ///< Sealed for another mailbox or epoch, or tampered with.
  body,     ///< Not sealed by the sender it names, to this recipient and pre-key; or tampered with.
  fields,   ///< Authentic, but a field is out of its range, or the kind may not come through this root.
};

/// Seals one envelope. The sender's Tox key pair, the recipient's Tox key R and pre-key K; `mailbox` is where
/// it goes. Four key agreements and one key generation.
Result<Bytes, EnvelopeError> seal_envelope(const KeyPair& sender, const FriendKey& recipient,
                                           const Point& pre_key, const WritableMailbox& mailbox,
                                           const EnvelopeHeader& header, const EnvelopeBody& body,
                                           const CancelSecret& cancel_secret, Random& random);

/// Opens the header: two key agreements. Every byte of `envelope` is hostile. In a friends root success means
/// that the box's writer, or the owner, made it: nobody else knows h.
Result<EnvelopeHeader, EnvelopeError> open_header(const OwnedMailbox& mailbox, ByteView envelope) noexcept;

/// Opens the body of an envelope whose header is `header`: three key agreements. Success means that the owner
/// of header.sender sealed it for this recipient, pre-key, mailbox and epoch.
Result<EnvelopeBody, EnvelopeError> open_body(const OwnedMailbox& mailbox, const KeyPair& recipient,
                                              const KeyPair& pre_key, const EnvelopeHeader& header,
                                              ByteView envelope);

}  // namespace toxasync::crypto
