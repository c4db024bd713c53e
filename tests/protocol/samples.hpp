// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

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
#include "tests/support/samples.hpp"

// One of every message, each field different, each vector as long as it may be.

namespace toxasync::test {

inline protocol::StoreRequest store_request() {
  return {0x0807060504030201,
          protocol::StoreOp::cancel,
          0x14131211,
          0x24232221,
          {counting<crypto::Point>(0x30), counting<crypto::Point>(0x50)},
          counting<16>(0x70),
          counting_bytes(limits::large_envelope, 0x80)};
}

inline protocol::StoreResponse store_response() {
  return {0x0807060504030201, protocol::StoreStatus::cancelled, 0x1817161514131211, 0x2827262524232221,
          0x3231};
}

inline protocol::RetrieveRequest retrieve_request() {
  protocol::RetrieveRequest out{0x0807060504030201,
                                protocol::RetrieveOp::subscribe,
                                16,
                                counting<crypto::Point>(0x30),
                                counting<16>(0x70),
                                0x8887868584838281,
                                {},
                                {}};
  for (std::size_t i = 0; i < limits::boxes_per_list; ++i) {
    out.boxes[i] = counting<crypto::BoxTag>(static_cast<std::uint8_t>(3 * i));
  }
  for (std::size_t i = 0; i < limits::ids_per_request; ++i) {
    out.ids_to_delete.push_back(counting<crypto::EnvelopeId>(static_cast<std::uint8_t>(i)));
  }
  return out;
}

inline protocol::Page page() {
  return {0x0807060504030201,
          1,
          2,
          0x1817161514131211,
          0x2827262524232221,
          3,
          0x3231,
          {{counting<crypto::BoxName>(7), counting_bytes(400, 1)},
           {counting<crypto::BoxName>(60), counting_bytes(400, 2)},
           {counting<crypto::BoxName>(127), counting_bytes(400, 3)}}};
}

inline protocol::Page page_of_one_large() {
  protocol::Page out = page();
  out.envelopes = {{counting<crypto::BoxName>(5), counting_bytes(limits::large_envelope)}};
  return out;
}

inline protocol::Peers peers() {
  protocol::Peers out{0x0807060504030201, 0x1817161514131211, {}};
  for (std::size_t i = 0; i < limits::peers_per_answer; ++i) {
    out.descriptors.push_back({counting_bytes(limits::descriptor, static_cast<std::uint8_t>(i))});
  }
  return out;
}

inline std::vector<protocol::Address> addresses() {
  return {{{4, {8, 8, 8, 8}, 0x0201}},
          {{6, counting<16>(0x20), 33445}},
          {{4, {9, 9, 9, 9}, 1}},
          {{6, counting<16>(0x2a), 65535}}};
}

inline protocol::NodeDescriptor node_descriptor() {
  return {1,
          counting<NodeId>(0x10),
          counting<crypto::Point>(0x40),
          0x6867666564636261,
          0x7877767574737271,
          0x8887868584838281,
          addresses()};
}

inline protocol::BundleHead bundle_head() {
  protocol::BundleHead out{{crypto::Instance{0x0807060504030201}, 0x1817161514131211},
                           crypto::Instance{0x2827262524232221},
                           {counting<crypto::Point>(0x30), crypto::Wiped<32>(counting<32>(0xb0))},
                           counting<16>(0x50),
                           counting<crypto::Point>(0x60),
                           0x8887868584838281,
                           0x9291,
                           counting<32>(0xa0),
                           counting<32>(0xc0),
                           {},
                           counting<64>(0x70)};
  for (std::size_t i = 0; i < limits::home_nodes; ++i) {
    out.home_nodes.push_back({counting<NodeId>(static_cast<std::uint8_t>(0x90 + i)), addresses()});
  }
  return out;
}

inline protocol::BundleKeys bundle_keys() {
  protocol::BundleKeys out{{crypto::Instance{0x0807060504030201}, 0x1817161514131211}, 0x2221, {}};
  for (std::size_t i = 0; i < limits::keys_per_packet; ++i) {
    out.keys.push_back(counting<crypto::Point>(static_cast<std::uint8_t>(i)));
  }
  return out;
}

inline protocol::WholeBundle whole_bundle() {
  protocol::WholeBundle out{bundle_head(), {}};
  for (std::size_t i = 0; i < limits::one_time_keys; ++i) {
    out.keys.push_back(counting<crypto::Point>(static_cast<std::uint8_t>(i)));
  }
  return out;
}

inline protocol::LiveEnvelope live_envelope() {
  return {0x04030201, counting<crypto::Point>(0x10), counting_bytes(limits::large_envelope, 0x50)};
}

inline protocol::LiveReceipt live_receipt() {
  protocol::LiveReceipt out{crypto::Instance{0x0807060504030201}, {}};
  for (std::size_t i = 0; i < limits::receipt_ids; ++i) {
    out.ids.push_back(counting<crypto::MessageId>(static_cast<std::uint8_t>(i)));
  }
  return out;
}

inline protocol::FrameHeader frame_header() {
  return {protocol::FrameKind::store, 1, counting<16>(0x10), counting<crypto::Point>(0x20),
          counting<24>(0x40)};
}

/// Calls visit(name, message) with each that fits in a packet, a page twice: of three small envelopes and of
/// one large.
template <class Visit>
void for_each_message(const Visit& visit) {
  visit("store request", store_request());
  visit("store response", store_response());
  visit("retrieve request", retrieve_request());
  visit("page of three", page());
  visit("page of one", page_of_one_large());
  visit("peers", peers());
  visit("node descriptor", node_descriptor());
  visit("bundle head", bundle_head());
  visit("bundle keys", bundle_keys());
  visit("bundle taken", protocol::BundleTaken{{crypto::Instance{0x0807060504030201}, 0x1817161514131211},
                                              crypto::Instance{0x2827262524232221}});
  visit("live envelope", live_envelope());
  visit("live receipt", live_receipt());
  visit("frame header", frame_header());
}

/// With the one that is the text of a message, too.
template <class Visit>
void for_each_message_and_text(const Visit& visit) {
  for_each_message(visit);
  visit("whole bundle", whole_bundle());
}

template <class Message>
Bytes encoded(const Message& message) {
  Bytes out(limits::message_text);
  const auto size = wire::encode(message, out);
  BOOST_REQUIRE(size.has_value());
  out.resize(*size);
  return out;
}

}  // namespace toxasync::test
