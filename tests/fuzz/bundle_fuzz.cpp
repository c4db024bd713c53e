// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bundle.hpp"
#include "target.hpp"

// A friend's keys: by the friend channel in packets, and whole, as the text of a message.

TOXASYNC_FUZZ_TARGET(bundle) {
  using namespace toxasync;
  if (in.empty()) {
    return;
  }
  const ByteView message = in.subspan(1);
  switch (in[0] % 4) {
    case 0:
      return fuzz::round_trip<protocol::BundleHead>(message);
    case 1:
      return fuzz::round_trip<protocol::BundleKeys>(message);
    case 2:
      return fuzz::round_trip<protocol::BundleTaken>(message);
    default:
      return fuzz::round_trip<protocol::WholeBundle>(message);
  }
}
