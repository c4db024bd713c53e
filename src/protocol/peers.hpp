// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "wire/archive.hpp"

namespace toxasync::protocol {

/// Another node's descriptor, as that node signed it. Not verified by decoding.
struct PeerDescriptor {
  Bytes bytes;

  static constexpr std::size_t min_encoded_size = limits::length_prefix;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::bounded<limits::descriptor>(self.bytes));
  }
};

/// The answer to a RetrieveRequest with RetrieveOp::peers: docs/protocol.md, section 6.
struct Peers {
  std::uint64_t counter = 0;      ///< Of the request.
  std::uint64_t node_time_s = 0;  ///< Unix, by the node's clock.
  std::vector<PeerDescriptor> descriptors;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.counter, self.node_time_s,
                 wire::bounded<limits::peers_per_answer>(self.descriptors));
  }
};

}  // namespace toxasync::protocol
