// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/store_operation.hpp"

#include "client/node_directory.hpp"

namespace toxasync::client {

namespace {

/// The outcomes with a status's value mean the same.
constexpr bool same(StoreOutcome outcome, protocol::StoreStatus status) {
  return static_cast<std::uint8_t>(outcome) == static_cast<std::uint8_t>(status);
}
static_assert(same(StoreOutcome::stored, protocol::StoreStatus::stored) &&
              same(StoreOutcome::duplicate, protocol::StoreStatus::duplicate) &&
              same(StoreOutcome::gone, protocol::StoreStatus::gone) &&
              same(StoreOutcome::mailbox_full, protocol::StoreStatus::mailbox_full) &&
              same(StoreOutcome::node_full, protocol::StoreStatus::node_full) &&
              same(StoreOutcome::try_later, protocol::StoreStatus::try_later) &&
              same(StoreOutcome::wrong_epoch, protocol::StoreStatus::wrong_epoch) &&
              same(StoreOutcome::refused, protocol::StoreStatus::refused) &&
              same(StoreOutcome::cancelled, protocol::StoreStatus::cancelled) &&
              same(StoreOutcome::absent, protocol::StoreStatus::absent));

/// Whether the status can answer the operation: a cancel is not "stored", nor a store "cancelled".
bool answers(protocol::StoreStatus status, protocol::StoreOp op) noexcept {
  switch (status) {
    case protocol::StoreStatus::stored:
    case protocol::StoreStatus::duplicate:
      return op == protocol::StoreOp::store;
    case protocol::StoreStatus::cancelled:
    case protocol::StoreStatus::absent:
      return op == protocol::StoreOp::cancel;
    default:
      return true;
  }
}

}  // namespace

SessionName StoreOperation::session() const noexcept {
  return {job_.node, Purpose::store, job_.mailbox.address.p, job_.mailbox.address.w};
}

bool StoreOperation::agree(crypto::Wiped<32>& shared, const crypto::Point& node_key) const noexcept {
  return crypto::x25519(shared, job_.mailbox.write_secret.bytes(), node_key);
}

protocol::StoreRequest StoreOperation::request(std::uint64_t counter) const {
  protocol::StoreRequest request;
  request.counter = counter;
  request.op = job_.op;
  if (job_.op == protocol::StoreOp::store) {  // a cancel has neither
    request.epoch = job_.mailbox.epoch;
    request.ttl_s = clamped_count<std::uint32_t, seconds>(job_.ttl);
  }
  request.mailbox = job_.mailbox.address;
  request.payload = job_.payload;
  return request;
}

Result<StoreResult, Counter> StoreOperation::on_response(
    const protocol::StoreResponse& response) const noexcept {
  if (response.status > protocol::StoreStatus::absent) {
    return Counter::refused_message_malformed;
  }
  if (!answers(response.status, job_.op)) {
    return Counter::refused_answer;
  }
  return StoreResult{static_cast<StoreOutcome>(response.status), unix_time(response.expires_at_s),
                     unix_time(response.node_time_s), seconds{response.retry_after_s}};
}

}  // namespace toxasync::client
