// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>

#include "protocol/bundle.hpp"
#include "protocol/frame.hpp"
#include "protocol/friend_packet.hpp"
#include "protocol/live.hpp"
#include "protocol/node_descriptor.hpp"
#include "protocol/page.hpp"
#include "protocol/peers.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "protocol/store_response.hpp"

// Every decoder of bytes that come from the network. What decodes must encode to the same bytes again: no two
// byte strings may mean the same message.

namespace {

using namespace toxasync;

template <class Message>
void round_trip(ByteView in) {
  Message message;
  if (wire::decode(in, message) != wire::Error::none) {
    return;
  }
  Bytes out(in.size());
  const auto size = wire::encode(message, out);
  if (!size || *size != in.size() || !std::equal(in.begin(), in.end(), out.begin())) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const ByteView in(data + 1, size - 1);
  switch (data[0] % 12) {
    case 0:
      round_trip<protocol::StoreRequest>(in);
      break;
    case 1:
      round_trip<protocol::StoreResponse>(in);
      break;
    case 2:
      round_trip<protocol::RetrieveRequest>(in);
      break;
    case 3:
      round_trip<protocol::Page>(in);
      round_trip<protocol::Peers>(in);  // the two answers of one frame kind
      break;
    case 4:
      round_trip<protocol::BundleHead>(in);
      break;
    case 5:
      round_trip<protocol::BundleKeys>(in);
      break;
    case 6:
      round_trip<protocol::LiveEnvelope>(in);
      break;
    case 7:
      round_trip<protocol::LiveReceipt>(in);
      break;
    case 8:
      round_trip<protocol::NodeDescriptor>(in);
      break;
    case 9:
      round_trip<protocol::WholeBundle>(in);
      break;
    case 10:
      (void)protocol::read_frame_header(in);
      (void)protocol::read_friend_packet(in);
      break;
    default: {
      protocol::Page page;
      (void)wire::decode_padded(in, page);
      (void)protocol::NodeDescriptor::decode_signed(in);
    }
  }
  return 0;
}
