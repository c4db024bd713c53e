// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/histogram.hpp"
#include "base/log.hpp"
#include "base/time.hpp"

namespace toxasync {

// Every counter of the program: what happened, and each reason to refuse something. The names are
// what operators and the C API see; a name, once released, keeps its meaning.
// X(identifier, "name")
#define TOXASYNC_COUNTERS(X)                                \
  X(frames_in, "frames.in")                                 \
  X(frames_out, "frames.out")                               \
  X(bytes_in, "bytes.in")                                   \
  X(bytes_out, "bytes.out")                                 \
  X(send_failed, "frames.send_failed")                      \
  X(cookies_sent, "node.cookies_sent")                      \
  X(sessions_opened, "node.sessions_opened")                \
  X(sessions_evicted, "node.sessions_evicted")              \
  X(subscriptions_evicted, "node.subscriptions_evicted")    \
  X(clock_doubted, "node.clock_doubted")                    \
  X(node_stored, "node.stored")                             \
  X(node_duplicates, "node.duplicates")                     \
  X(node_gone, "node.gone")                                 \
  X(node_absent, "node.absent")                             \
  X(node_cancelled, "node.cancelled")                       \
  X(node_listed, "node.listed")                             \
  X(node_pages, "node.pages_sent")                          \
  X(node_deleted, "node.deleted")                           \
  X(node_expired, "node.expired")                           \
  X(node_peers_told, "node.peers_told")                     \
  X(node_subscribed, "node.subscribed")                     \
  X(node_announced, "node.announced")                       \
  X(refused_length, "refused.frame_length")                 \
  X(refused_kind, "refused.frame_kind")                     \
  X(refused_version, "refused.frame_version")               \
  X(refused_cookie, "refused.cookie")                       \
  X(refused_session_unknown, "refused.session_unknown")     \
  X(refused_session_point, "refused.session_point")         \
  X(refused_frame_forged, "refused.frame_forged")           \
  X(refused_replay, "refused.frame_replayed")               \
  X(refused_message_malformed, "refused.message_malformed") \
  X(refused_point, "refused.mailbox_point")                 \
  X(refused_write_tag, "refused.write_tag")                 \
  X(refused_owner_tag, "refused.owner_tag")                 \
  X(refused_epoch, "refused.epoch")                         \
  X(refused_ttl, "refused.time_to_live")                    \
  X(refused_envelope_size, "refused.envelope_size")         \
  X(refused_cancel_proof, "refused.cancel_proof")           \
  X(refused_operation, "refused.operation_unsupported")     \
  X(refused_mailbox_full, "refused.mailbox_full")           \
  X(refused_store_full, "refused.store_full")               \
  X(refused_overloaded, "refused.overloaded")               \
  X(refused_share, "refused.source_over_its_share")         \
  X(refused_rate, "refused.rate_limited")                   \
  X(refused_key_agreement, "refused.key_agreement_ceiling") \
  X(store_failed, "store.failed")                           \
  X(store_record_damaged, "store.record_damaged")           \
  X(state_record_damaged, "state.record_damaged")           \
  X(state_failed, "state.failed")                           \
  X(client_requests, "client.requests")                     \
  X(client_retries, "client.retries")                       \
  X(client_timeouts, "client.timeouts")                     \
  X(client_cookies, "client.cookies_received")              \
  X(client_subscribed, "client.subscribed")                 \
  X(client_announced, "client.announced")                   \
  X(packets_held_back, "client.packets_held_back")          \
  X(nodes_asked, "nodes.asked_for_others")                  \
  X(nodes_probed, "nodes.addresses_probed")                 \
  X(nodes_discovered, "nodes.discovered")                   \
  X(nodes_picked, "nodes.picked_as_home")                   \
  X(nodes_replaced, "nodes.replaced_as_home")               \
  X(refused_descriptor, "refused.node_descriptor")          \
  X(refused_answer, "refused.answer_unexpected")            \
  X(refused_clock, "refused.node_clock_differs")            \
  X(refused_envelope_version, "refused.envelope_version")   \
  X(refused_envelope_header, "refused.envelope_header")     \
  X(refused_envelope_body, "refused.envelope_body")         \
  X(refused_sender_unknown, "refused.sender_unknown")       \
  X(refused_pre_key_unknown, "refused.pre_key_unknown")     \
  X(refused_message_text, "refused.message_text_not_utf8")  \
  X(refused_parts, "refused.message_parts")                 \
  X(refused_lifetime, "refused.message_lifetime")           \
  X(refused_friend_share, "refused.friend_over_share")      \
  X(duplicates_dropped, "inbox.duplicates_dropped")         \
  X(messages_delivered, "inbox.delivered")                  \
  X(messages_late, "inbox.delivered_late")                  \
  X(messages_dropped, "inbox.dropped_with_their_friend")    \
  X(messages_queued, "outbox.queued")                       \
  X(messages_stored, "outbox.stored")                       \
  X(messages_confirmed, "outbox.delivered")                 \
  X(messages_expired, "outbox.expired")                     \
  X(messages_beyond_recall, "outbox.beyond_recall")         \
  X(messages_cancelled, "outbox.cancelled")                 \
  X(messages_failed, "outbox.failed")                       \
  X(messages_lost_by_node, "outbox.lost_by_node")           \
  X(copies_lapsing, "outbox.copies_lapsing")                \
  X(nacks_sent, "nacks.sent")                               \
  X(nacks_received, "nacks.received")                       \
  X(refused_nack_limit, "refused.nack_limit")               \
  X(refused_renewal_limit, "refused.renewal_limit")         \
  X(bundles_sent, "bundles.sent")                           \
  X(bundles_mailed, "bundles.mailed")                       \
  X(bundles_accepted, "bundles.accepted")                   \
  X(refused_bundle, "refused.bundle")                       \
  X(refused_friend_packet, "refused.friend_packet")         \
  X(live_sent, "live.envelopes_sent")                       \
  X(live_received, "live.envelopes_received")               \
  X(receipts_sent, "receipts.sent")                         \
  X(receipts_received, "receipts.received")                 \
  X(contact_operations, "contact.operations")               \
  X(pair_bundles_posted, "contact.bundles_posted")          \
  X(pair_bundles_found, "contact.bundles_found")            \
  X(cover_stored, "cover.stored")                           \
  X(cover_fetched, "cover.fetched")                         \
  X(requests_queued, "requests.queued")                     \
  X(requests_stored, "requests.stored")                     \
  X(requests_answered, "requests.answered")                 \
  X(requests_expired, "requests.expired")                   \
  X(requests_cancelled, "requests.cancelled")               \
  X(requests_failed, "requests.failed")                     \
  X(requests_received, "requests.received")                 \
  X(requests_shown, "requests.shown")                       \
  X(refused_request_text, "refused.request_text")           \
  X(refused_request_known, "refused.request_known")         \
  X(refused_request_quota, "refused.request_quota")         \
  X(couriers_accepted, "couriers.accepted")                 \
  X(couriers_removed, "couriers.removed")                   \
  X(courier_requests, "courier.requests_sent")              \
  X(courier_connections, "courier.nodes_connected")         \
  X(refused_courier, "refused.courier")                     \
  X(refused_friend_ack, "refused.friend_ack")               \
  X(refused_friend_window, "refused.friend_window_full")

enum class Counter : std::uint8_t {
#define TOXASYNC_COUNTER_ENUM(identifier, name) identifier,
  TOXASYNC_COUNTERS(TOXASYNC_COUNTER_ENUM)
#undef TOXASYNC_COUNTER_ENUM
      count_
};

constexpr std::size_t counter_count = static_cast<std::size_t>(Counter::count_);

/// The counter's released name.
std::string_view name(Counter counter) noexcept;

/// What is timed, from the packet of a request to that of its answer: what waited for the disk, that is.
enum class Timing : std::uint8_t { store, retrieve, count_ };

/// All counters of one instance. May be counted up from any thread.
class Metrics {
 public:
  void add(Counter counter, std::uint64_t by = 1) noexcept {
    values_[static_cast<std::size_t>(counter)].fetch_add(by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value(Counter counter) const noexcept {
    return values_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  }
  void observe(Timing timing, milliseconds took) noexcept {
    timings_[static_cast<std::size_t>(timing)].observe(took);
  }
  [[nodiscard]] Histogram::Counts timing(Timing timing) const noexcept {
    return timings_[static_cast<std::size_t>(timing)].counts();
  }

 private:
  std::array<std::atomic<std::uint64_t>, counter_count> values_{};
  std::array<Histogram, static_cast<std::size_t>(Timing::count_)> timings_{};
};

/// Counters and log, passed together.
class Telemetry {
 public:
  Telemetry(Metrics& metrics, Log& log) noexcept : metrics_(&metrics), log_(&log) {}

  void count(Counter counter, std::uint64_t by = 1) const noexcept { metrics_->add(counter, by); }

  void observe(Timing timing, milliseconds took) const noexcept { metrics_->observe(timing, took); }

  /// Counts a refusal and, at level debug, logs its name. Formats nothing: this is on the packet path.
  void refuse(Counter reason) const noexcept {
    metrics_->add(reason);
    if (log_->enabled(LogLevel::debug)) {
      log_->write(LogLevel::debug, "refused", name(reason));
    }
  }
  void log(LogLevel level, std::string_view area, std::string_view message) const noexcept {
    if (log_->enabled(level)) {
      log_->write(level, area, message);
    }
  }
  [[nodiscard]] Metrics& metrics() const noexcept { return *metrics_; }

 private:
  Metrics* metrics_;
  Log* log_;
};

}  // namespace toxasync
