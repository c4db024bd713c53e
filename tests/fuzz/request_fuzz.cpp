// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "target.hpp"

// What a client says to a node, in a frame that has been opened.

TOXASYNC_FUZZ_TARGET(request) {
  using namespace toxasync;
  if (in.empty()) {
    return;
  }
  const ByteView message = in.subspan(1);
  switch (in[0] % 4) {
    case 0:
      return fuzz::round_trip<protocol::StoreRequest>(message);
    case 1:
      return fuzz::round_trip_padded<protocol::StoreRequest>(message);
    case 2:
      return fuzz::round_trip<protocol::RetrieveRequest>(message);
    default:
      return fuzz::round_trip_padded<protocol::RetrieveRequest>(message);
  }
}
