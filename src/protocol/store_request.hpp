// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "crypto/mailbox.hpp"
#include "wire/archive.hpp"

namespace toxasync::protocol {

enum class StoreOp : std::uint8_t { store = 0, cancel = 1 };

/// Asks a node to keep an envelope, or to cancel one: docs/protocol.md, section 6.
struct StoreRequest {
  std::uint64_t counter = 0;
  StoreOp op = StoreOp::store;
  crypto::Epoch epoch = 0;
  std::uint32_t ttl_s = 0;  ///< One of limits::times_to_live_s; ignored by cancel.
  crypto::MailboxAddress mailbox;
  crypto::Tag write_tag{};
  Bytes payload;  ///< store: the envelope. cancel: id 16|cancel secret 16.

  /// Where the tag is in the encoded message.
  static constexpr std::size_t tag_offset = 8 + 1 + 4 + 4 + 2 * limits::point;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.counter, self.op, self.epoch, self.ttl_s, self.mailbox.p, self.mailbox.w,
                 self.write_tag, wire::bounded<limits::large_envelope>(self.payload));
  }
};
static_assert(StoreRequest::tag_offset + limits::tag + limits::length_prefix == limits::store_fields);

}  // namespace toxasync::protocol
