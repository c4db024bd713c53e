// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/peers_operation.hpp"

#include "client/node_directory.hpp"

namespace toxasync::client {

protocol::RetrieveRequest PeersOperation::request(std::uint64_t counter) {
  protocol::RetrieveRequest request;
  request.counter = counter;
  request.op = protocol::RetrieveOp::peers;
  return request;
}

PeersResult PeersOperation::on_answer(const protocol::Peers& answer, Now now, const Telemetry& telemetry) {
  PeersResult result;
  result.answered = true;
  for (const auto& peer : answer.descriptors) {
    if (read_valid_descriptor(peer.bytes, now)) {
      result.descriptors.push_back(peer.bytes);
    } else {
      telemetry.refuse(Counter::refused_descriptor);
    }
  }
  return result;
}

}  // namespace toxasync::client
