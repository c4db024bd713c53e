// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "crypto/envelope.hpp"
#include "manager/core/friend_channel.hpp"

// Friend requests to people who are offline: docs/protocol.md, "First contact".

namespace toxasync::manager {

using Nospam = ByteArray<4>;  ///< As in the Tox id.

/// A Tox id: key 32 | nospam 4 | checksum 2.
using ToxAddress = ByteArray<limits::point + sizeof(Nospam) + 2>;

/// Whether the checksum is that of the rest: the exclusive or of the bytes in even and of those in odd
/// places.
constexpr bool checksum_is_right(const ToxAddress& address) noexcept {
  ByteArray<2> sum{};
  for (std::size_t i = 0; i < address.size(); ++i) {
    sum[i % 2] ^= address[i];
  }
  return sum[0] == 0 && sum[1] == 0;
}

enum class RequestError : std::uint8_t {
  bad_address,     ///< The checksum is wrong, or the key is none.
  own_address,     ///< It is our own.
  already_friend,  ///< A friend whose keys we have.
  already_sent,    ///< One to this Tox id is under way.
  empty,
  too_long,  ///< More than limits::friend_request_text bytes.
  not_utf8,
  clock,     ///< Our clock shows a time before 2025.
  too_many,  ///< RequestOutbox::most_requests are under way.
};

/// What happened to a friend request of ours.
enum class RequestState : std::uint8_t {
  queued,     ///< On our disk: it survives the end of the program.
  stored,     ///< On `stored` of `wanted` nodes; reported at each one.
  answered,   ///< They have come online, or have sent their keys. The end.
  expired,    ///< Two weeks have passed since it was first stored, or it was cancelled when somebody had
              ///< fetched it. The end.
  cancelled,  ///< No node has it any longer, and none has given it to anybody. The end.
  failed,     ///< It was not accepted: nothing of it remains. The end.
};

struct RequestStatus {
  FriendKey to{};
  crypto::MessageId id{};
  RequestState state = RequestState::queued;
  std::uint8_t stored = 0;
  std::uint8_t wanted = 0;
};

/// A friend request that somebody left for us.
struct ReceivedRequest {
  FriendKey from{};
  crypto::MessageId id{};
  Bytes text;            ///< UTF-8, 1 to limits::friend_request_text bytes.
  UnixTimeMs sent_at{};  ///< By the sender's clock, at most our now.
};

}  // namespace toxasync::manager
