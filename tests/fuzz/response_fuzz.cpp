// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/page.hpp"
#include "protocol/peers.hpp"
#include "protocol/store_response.hpp"
#include "target.hpp"

// What a node says to a client, in a frame that has been opened.

TOXASYNC_FUZZ_TARGET(response) {
  using namespace toxasync;
  if (in.empty()) {
    return;
  }
  const ByteView message = in.subspan(1);
  switch (in[0] % 4) {
    case 0:
      return fuzz::round_trip<protocol::StoreResponse>(message);
    case 1:
      return fuzz::round_trip<protocol::Page>(message);
    case 2:
      return fuzz::round_trip_padded<protocol::Page>(message);
    default:
      return fuzz::round_trip<protocol::Peers>(message);
  }
}
