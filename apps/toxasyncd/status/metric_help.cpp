// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/metric_help.hpp"

#include <algorithm>
#include <array>

namespace toxasync::daemon {

namespace {

struct MetricHelp {
  std::string_view name;
  std::string_view help;
};

// By name: a counter that is missing here is shown under its name.
constexpr std::array<MetricHelp, 59> metric_help = {{
    {"frames.in", "Packets received"},
    {"frames.out", "Packets sent"},
    {"bytes.in", "Bytes received"},
    {"bytes.out", "Bytes sent"},
    {"frames.send_failed", "Packets that could not be sent"},
    {"node.cookies_sent", "First packets sent back to verify their sender's address"},
    {"node.sessions_opened", "Sessions opened with clients"},
    {"node.sessions_evicted", "Sessions dropped to make room for new ones"},
    {"node.subscriptions_evicted", "Subscriptions dropped to make room for new ones"},
    {"node.clock_doubted", "Jumps of the clock by more than a day, each of which delays expiry by an hour"},
    {"node.stored", "Envelopes stored"},
    {"node.duplicates", "Stores of envelopes that were already stored"},
    {"node.gone", "Stores and cancellations of envelopes that their owner has already fetched"},
    {"node.absent", "Cancellations of envelopes that are not stored here"},
    {"node.cancelled", "Envelopes cancelled by their sender"},
    {"node.listed", "Envelopes sent to their owner"},
    {"node.pages_sent", "Pages sent in answer to retrieve requests"},
    {"node.deleted", "Envelopes deleted by their owner"},
    {"node.expired", "Envelopes expired"},
    {"node.subscribed", "Subscriptions to announcements of new envelopes"},
    {"node.announced", "Announcements of new envelopes sent"},
    {"node.peers_told", "Addresses of other nodes sent to clients"},
    {"refused.frame_length", "Packets of the wrong length"},
    {"refused.frame_kind", "Packets of an unknown kind"},
    {"refused.frame_version", "Packets of another protocol version"},
    {"refused.cookie", "First packets, and packets with an expired cookie"},
    {"refused.session_unknown", "Packets of a session that has ended"},
    {"refused.session_point", "Packets with an invalid key"},
    {"refused.frame_forged", "Packets that were forged, damaged or encrypted for an old key"},
    {"refused.frame_replayed", "Packets received twice"},
    {"refused.message_malformed", "Malformed requests"},
    {"refused.mailbox_point", "Mailboxes with an invalid address"},
    {"refused.write_tag", "Stores without permission to write to the mailbox"},
    {"refused.owner_tag", "Retrievals without permission to read the mailbox"},
    {"refused.epoch", "Stores to a mailbox of another epoch (is the clock right?)"},
    {"refused.time_to_live", "Stores with an unsupported time to live"},
    {"refused.envelope_size", "Envelopes of the wrong size"},
    {"refused.envelope_version", "Envelopes of another version"},
    {"refused.cancel_proof", "Cancellations without proof of being the sender"},
    {"refused.operation_unsupported", "Requests for an unsupported operation"},
    {"refused.mailbox_full", "Stores to a full mailbox"},
    {"refused.store_full", "Stores because the node is full"},
    {"refused.overloaded", "Requests because the node is overloaded"},
    {"refused.rate_limited", "New sessions and mailboxes over the rate limit of one address"},
    {"refused.key_agreement_ceiling",
     "New sessions and mailboxes over the rate limit of all addresses together"},
    {"refused.source_over_its_share", "Stores from a network that has used up its quota"},
    {"refused.node_descriptor", "Invalid descriptors of other nodes"},
    {"refused.answer_unexpected", "Answers of other nodes without a request"},
    {"refused.node_clock_differs", "Answers of other nodes whose clock differs"},
    {"refused.courier", "Clients without UDP (couriers) over the limit"},
    {"refused.friend_ack", "Invalid acknowledgements from couriers"},
    {"refused.friend_window_full", "Packets to couriers that send no acknowledgements"},
    {"store.failed", "Requests that failed because of the disk"},
    {"store.record_damaged", "Damaged records found on disk"},
    {"nodes.addresses_probed", "Addresses probed for other nodes"},
    {"nodes.discovered", "Other nodes discovered"},
    {"couriers.accepted", "Couriers accepted as Tox friends"},
    {"couriers.removed", "Couriers removed"},
    {"client.requests", "Requests sent to other nodes"},
}};

/// Prefixes of counters that only clients use.
constexpr std::array<std::string_view, 13> client_prefixes = {
    "client.",  "contact.", "courier.", "cover.",    "inbox.",    "live.", "nacks.",
    "bundles.", "nodes.",   "outbox.",  "receipts.", "requests.", "state."};

/// Refusals that only clients make.
constexpr std::array<std::string_view, 15> client_refusals = {"refused.envelope_header",
                                                              "refused.envelope_body",
                                                              "refused.sender_unknown",
                                                              "refused.pre_key_unknown",
                                                              "refused.message_text_not_utf8",
                                                              "refused.message_parts",
                                                              "refused.message_lifetime",
                                                              "refused.friend_over_share",
                                                              "refused.nack_limit",
                                                              "refused.renewal_limit",
                                                              "refused.bundle",
                                                              "refused.friend_packet",
                                                              "refused.request_text",
                                                              "refused.request_known",
                                                              "refused.request_quota"};

}  // namespace

std::string_view help_of(Counter counter) noexcept {
  const std::string_view text = name(counter);
  if (const auto* const found = std::ranges::find(metric_help, text, &MetricHelp::name);
      found != metric_help.end()) {
    return found->help;
  }
  const bool clients =
      std::ranges::any_of(client_prefixes,
                          [text](std::string_view prefix) { return text.starts_with(prefix); }) ||
      std::ranges::find(client_refusals, text) != client_refusals.end();
  return clients ? std::string_view() : text;
}

bool is_refusal(Counter counter) noexcept {
  return name(counter).starts_with("refused.") && counter != Counter::refused_cookie;
}

}  // namespace toxasync::daemon
