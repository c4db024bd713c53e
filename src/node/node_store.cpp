// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "crypto/envelope.hpp"
#include "node/node.hpp"
#include "wire/storage_time.hpp"

// Store and cancel requests: docs/protocol.md, section 6, "Store".

namespace toxasync::node {

namespace {

using protocol::StoreOp;
using protocol::StoreStatus;

constexpr std::uint8_t envelope_version = 1;

bool is_current_epoch(crypto::Epoch epoch, UnixTime now) noexcept {
  const auto current = crypto::epoch_at(now);
  if (!current) {
    return false;
  }
  const std::int64_t ahead = std::int64_t{epoch} - std::int64_t{*current};
  return ahead >= -1 && ahead <= 1;
}

}  // namespace

/// All checks that cost next to nothing. A cancel may come at any epoch: the mail may have days to live.
std::optional<StoreStatus> Node::refusal(const protocol::StoreRequest& message) const {
  const auto refuse = [this](Counter reason, StoreStatus status = StoreStatus::refused) {
    telemetry_.refuse(reason);
    return status;
  };
  if (message.op != StoreOp::store && message.op != StoreOp::cancel) {
    return refuse(Counter::refused_operation);
  }
  if (!crypto::is_canonical(message.mailbox.p) || !crypto::is_canonical(message.mailbox.w)) {
    return refuse(Counter::refused_point);
  }
  if (message.op == StoreOp::cancel) {
    return message.payload.size() == limits::cancel_payload
               ? std::nullopt
               : std::optional(refuse(Counter::refused_message_malformed));
  }
  // By the date that all are told, or by the other, that of senders and recipients who have it from others.
  if (!is_current_epoch(message.epoch, clock_.earliest()) &&
      !is_current_epoch(message.epoch, clock_.latest())) {
    return refuse(Counter::refused_epoch, StoreStatus::wrong_epoch);
  }
  if (!limits::is_storage_time(seconds{message.ttl_s})) {
    return refuse(Counter::refused_ttl);
  }
  if (!limits::is_envelope_size(message.payload.size())) {
    return refuse(Counter::refused_envelope_size);
  }
  if (message.payload[0] != envelope_version) {
    return refuse(Counter::refused_envelope_version);
  }
  return std::nullopt;
}

void Node::on_store(const Request& request, const protocol::StoreRequest& message) {
  const auto refuse = [&](Counter reason, StoreStatus status, seconds retry_after = 0s) {
    telemetry_.refuse(reason);
    answer_store(request.path, request.now, status, {}, retry_after);
  };
  if (const auto status = refusal(message)) {
    return answer_store(request.path, request.now, *status);
  }
  switch (check_tag(request, crypto::TagKind::write, message.mailbox.w, message.write_tag,
                    protocol::StoreRequest::tag_offset)) {
    case TagCheck::no_tokens:
      return answer_store(request.path, request.now, StoreStatus::try_later, {}, key_agreement_retry_);
    case TagCheck::bad_point:
      return refuse(Counter::refused_point, StoreStatus::refused);
    case TagCheck::wrong:
      return refuse(Counter::refused_write_tag, StoreStatus::refused);
    case TagCheck::good:
      break;
  }
  if (pending_.full()) {
    return refuse(Counter::refused_overloaded, StoreStatus::try_later, overloaded_retry);
  }
  if (message.op == StoreOp::store) {
    submit_put(request, message);
  } else {
    submit_cancel(request, message);
  }
}

void Node::submit_cancel(const Request& request, const protocol::StoreRequest& message) {
  const ByteView payload(message.payload);
  const store::Token token = pending_.add({.path = request.path, .received = request.now.steady});
  try {
    const auto secret = id_from<crypto::CancelSecret>(payload.subspan(limits::id));
    store_.cancel(token, message.mailbox.p, id_from<store::RecordId>(payload),
                  crypto::cancel_commitment(secret));
  } catch (...) {
    pending_.remove(token);
    throw;
  }
  group_open_ = true;
}

Fill Node::fill() const {
  const store::StoreStats stats = store_.stats();
  return {stats.used_bytes() + bytes_in_flight_,
          stats.capacity_bytes != 0 ? stats.capacity_bytes : config_.capacity_bytes};
}

/// Stores the envelope for as long as a store that full keeps mail, unless its source has used up its share.
/// docs/admission.md explains who is refused first, and why. Charges count by the believed date, so that a
/// jump of the clock clears no account.
void Node::submit_put(const Request& request, const protocol::StoreRequest& message) {
  const Source source = request.source();
  const std::size_t bytes = message.payload.size() + store::StoreLimits::record_overhead_bytes;
  const seconds asked = std::min(seconds{message.ttl_s}, config_.longest_ttl);
  const auto [wait, ttl] = quota_.admit(source, bytes, asked, fill(), clock_.believed());
  if (wait != 0s) {
    telemetry_.refuse(Counter::refused_share);
    return answer_store(request.path, request.now, StoreStatus::node_full, {}, wait);
  }
  const UnixTime charged_until = clock_.believed() + ttl;
  const UnixTime expires_at = clock_.latest() + ttl;
  const store::Box box = store::box_of(message.mailbox);
  const auto id = crypto::envelope_id(message.mailbox, message.payload);
  const store::Token token = pending_.add({.path = request.path,
                                           .received = request.now.steady,
                                           .box = box,
                                           .id = id,
                                           .value_bytes = static_cast<std::uint16_t>(message.payload.size()),
                                           .charged_until = charged_until});
  try {
    store_.put(token, box, id, message.payload, expires_at, clock_.earliest());
  } catch (...) {
    pending_.remove(token);
    throw;
  }
  bytes_in_flight_ += bytes;
  group_open_ = true;
}

/// A source is charged for what is kept: not for what was refused, and for a duplicate only for the longer
/// time.
void Node::settle_put(const Pending& pending, const store::PutResult& result) {
  const Source source(pending.path.route, pending.path.session);
  const std::size_t bytes = pending.value_bytes + store::StoreLimits::record_overhead_bytes;
  bytes_in_flight_ -= bytes;
  switch (result.status) {
    case store::PutStatus::stored:
      quota_.remember(source, pending.box.mailbox, pending.id, pending.value_bytes, pending.charged_until);
      break;
    case store::PutStatus::duplicate:  // the later of the two counts
      if (result.held_until != UnixTime{}) {
        quota_.refund(source, bytes, std::min(result.held_until, pending.charged_until), clock_.believed());
        quota_.extend(source, pending.id, pending.charged_until);
      }
      break;
    default:
      quota_.refund(source, bytes, pending.charged_until, clock_.believed());
  }
}

void Node::answer_store(const ReplyPath& path, Now now, StoreStatus status, UnixTime expires_at,
                        seconds retry_after) noexcept {
  const Session* session = answerable(path);
  if (session == nullptr) {
    return;
  }
  protocol::StoreResponse response;
  response.counter = path.counter;
  response.status = status;
  // Clients use the difference of the two times only, so both are by the same date.
  const UnixTime until = expires_at - (clock_.latest() - clock_.believed());
  response.expires_at_s = expires_at == UnixTime{} ? 0 : since_1970_s(until);
  response.node_time_s = since_1970_s(clock_.believed());
  response.retry_after_s = clamped_count<std::uint16_t, seconds>(retry_after);
  send_answer(path, *session, cookies_.bake(path.route, path.session, now.steady), response);
}

void Node::on_put(store::Token token, const store::PutResult& result) noexcept {
  const Pending* pending = pending_.find(token);
  if (pending == nullptr) {
    return;
  }
  try {
    settle_put(*pending, result);
  } catch (...) {  // out of memory: the quota is not exact
    telemetry_.count(Counter::store_failed);
  }
  const auto answer = [&](Counter counter, StoreStatus status, UnixTime expires_at = {},
                          seconds retry_after = 0s) {
    telemetry_.count(counter);
    answer_store(pending->path, now_, status, expires_at, retry_after);
  };
  switch (result.status) {
    case store::PutStatus::stored:
      answer(Counter::node_stored, StoreStatus::stored, result.expires_at);
      announce(pending->box);
      break;
    case store::PutStatus::duplicate:
      answer(Counter::node_duplicates, StoreStatus::duplicate, result.expires_at);
      break;
    case store::PutStatus::gone:
      answer(Counter::node_gone, StoreStatus::gone);
      break;
    case store::PutStatus::mailbox_full:
      answer(Counter::refused_mailbox_full, StoreStatus::mailbox_full, {}, full_retry);
      break;
    case store::PutStatus::store_full:
      answer(Counter::refused_store_full, StoreStatus::node_full, {}, full_retry);
      break;
    case store::PutStatus::overloaded:
      answer(Counter::refused_overloaded, StoreStatus::try_later, {}, overloaded_retry);
      break;
    case store::PutStatus::failed:
      answer(Counter::store_failed, StoreStatus::try_later, {}, failed_retry);
      break;
  }
  telemetry_.observe(Timing::store, now_.steady - pending->received);
  pending_.remove(token);
}

void Node::on_cancel(store::Token token, store::CancelStatus status) noexcept {
  const Pending* pending = pending_.find(token);
  if (pending == nullptr) {
    return;
  }
  const auto answer = [&](Counter counter, StoreStatus said, seconds retry_after = 0s) {
    telemetry_.count(counter);
    answer_store(pending->path, now_, said, {}, retry_after);
  };
  switch (status) {
    case store::CancelStatus::cancelled:
      answer(Counter::node_cancelled, StoreStatus::cancelled);
      break;
    case store::CancelStatus::removed:  // their owner has it, or was sent it
      answer(Counter::node_gone, StoreStatus::gone);
      break;
    case store::CancelStatus::unknown:  // never came here, or has expired
      answer(Counter::node_absent, StoreStatus::absent);
      break;
    case store::CancelStatus::wrong_proof:
      answer(Counter::refused_cancel_proof, StoreStatus::refused);
      break;
    case store::CancelStatus::overloaded:
      answer(Counter::refused_overloaded, StoreStatus::try_later, overloaded_retry);
      break;
    case store::CancelStatus::failed:
      answer(Counter::store_failed, StoreStatus::try_later, failed_retry);
      break;
  }
  telemetry_.observe(Timing::store, now_.steady - pending->received);
  pending_.remove(token);
}

}  // namespace toxasync::node
