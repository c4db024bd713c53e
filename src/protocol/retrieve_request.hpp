// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "crypto/envelope.hpp"
#include "wire/archive.hpp"

namespace toxasync::protocol {

enum class RetrieveOp : std::uint8_t {
  list = 0,
  subscribe = 1,  ///< Lists, and asks for one announcement of mail that comes later.
  peers = 2,      ///< Which other nodes do you know? Answered by Peers; names no mailbox.
};

/// The owner asks for the mail in some boxes of one mailbox and deletes what they have: docs/protocol.md,
/// section 6.
struct RetrieveRequest {
  std::uint64_t counter = 0;
  RetrieveOp op = RetrieveOp::list;
  std::uint8_t window = 1;  ///< Pages the client accepts, 1 to limits::window.
  crypto::Point mailbox{};  ///< P
  crypto::Tag owner_tag{};
  std::uint64_t cursor = 0;  ///< List what comes after it; 0 is the start.
  /// What lies in others is neither listed nor announced. Filled up with tags that are nobody's.
  std::array<crypto::BoxTag, limits::boxes_per_list> boxes{};
  std::vector<crypto::EnvelopeId> ids_to_delete;

  static constexpr std::size_t tag_offset = 8 + 1 + 1 + limits::point;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.counter, self.op, self.window, self.mailbox, self.owner_tag, self.cursor);
    for (auto& box : self.boxes) {
      wire::fields(ar, box);
    }
    wire::fields(ar, wire::bounded<limits::ids_per_request>(self.ids_to_delete));
  }
};
static_assert(RetrieveRequest::tag_offset + limits::tag + 8 + limits::boxes_per_list * limits::box_tag +
                  limits::length_prefix ==
              limits::retrieve_fields);

}  // namespace toxasync::protocol
