// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/metric_help.hpp"

#include <algorithm>
#include <array>

namespace toxasync::daemon {

namespace {

struct Words {
  std::string_view name;
  std::string_view words;
};

// By name, so that a counter of a later version does no harm here: it is told under its name until it has
// words.
constexpr std::array<Words, 57> all_words = {{
    {"frames.in", "Packets received"},
    {"frames.out", "Packets sent"},
    {"bytes.in", "Bytes received"},
    {"bytes.out", "Bytes sent"},
    {"frames.send_failed", "Packets that the system or the transport did not take"},
    {"node.cookies_sent", "First packets sent back to prove their sender's address"},
    {"node.sessions_opened", "Sessions opened with clients"},
    {"node.sessions_evicted", "Sessions that made room for new ones"},
    {"node.stored", "Envelopes stored"},
    {"node.duplicates", "Envelopes that were here already"},
    {"node.gone", "Stores and cancels of envelopes that their owner has"},
    {"node.absent", "Cancels of envelopes that are not here"},
    {"node.cancelled", "Envelopes that their sender took back"},
    {"node.listed", "Envelopes handed to their owner"},
    {"node.pages_sent", "Pages sent in answer to retrieves"},
    {"node.deleted", "Envelopes that their owner deleted"},
    {"node.expired", "Envelopes whose time was over"},
    {"node.subscribed", "Subscriptions to news of a mailbox"},
    {"node.announced", "News of mail told to who had subscribed"},
    {"node.peers_told", "Other nodes told to clients"},
    {"refused.frame_length", "Packets of the wrong length"},
    {"refused.frame_kind", "Packets of an unknown kind"},
    {"refused.frame_version", "Packets of another protocol version"},
    {"refused.cookie", "First packets, or with a cookie that is too old"},
    {"refused.session_unknown", "Answers whose session had ended"},
    {"refused.session_point", "Packets with an impossible key"},
    {"refused.frame_forged", "Packets that were forged, damaged or sealed for an old key"},
    {"refused.frame_replayed", "Packets that came a second time"},
    {"refused.message_malformed", "Requests that could not be read"},
    {"refused.mailbox_point", "Mailboxes with an impossible address"},
    {"refused.write_tag", "Stores without the right to write there"},
    {"refused.owner_tag", "Retrieves without the right to read there"},
    {"refused.epoch", "Stores to a mailbox of another time (is the clock right?)"},
    {"refused.time_to_live", "Stores with a lifetime that is not offered"},
    {"refused.envelope_size", "Envelopes of the wrong size"},
    {"refused.envelope_version", "Envelopes of another version"},
    {"refused.cancel_proof", "Cancels without the proof of who sent it"},
    {"refused.operation_unsupported", "Requests for something that this node does not do"},
    {"refused.mailbox_full", "Stores to a mailbox that is full"},
    {"refused.store_full", "Stores because the node is full"},
    {"refused.overloaded", "Requests because the node had too much to do"},
    {"refused.rate_limited", "New sessions and mailboxes beyond the rate of one address"},
    {"refused.key_work_ceiling", "New sessions and mailboxes beyond what all addresses may ask for together"},
    {"refused.source_over_its_share", "Stores from a network that has its share of what is left"},
    {"refused.node_descriptor", "Descriptions of other nodes that cannot be right"},
    {"refused.answer_unexpected", "Answers of other nodes to what was not asked"},
    {"refused.node_clock_differs", "Answers of other nodes with another clock"},
    {"refused.courier", "Couriers beyond what is served"},
    {"refused.friend_ack", "Acknowledgements of couriers that cannot be right"},
    {"refused.friend_window_full", "Packets to couriers that do not take them"},
    {"store.failed", "Requests that the disk failed"},
    {"store.record_damaged", "Records found damaged on disk"},
    {"nodes.addresses_probed", "Addresses of other nodes asked"},
    {"nodes.discovered", "Other nodes found"},
    {"couriers.accepted", "Couriers accepted as Tox friends"},
    {"couriers.removed", "Couriers removed"},
    {"client.requests", "Requests to other nodes"},
}};

/// Areas that count in clients only.
constexpr std::array<std::string_view, 13> of_clients = {
    "client.",  "contact.", "courier.", "cover.",    "inbox.",    "live.", "nacks.",
    "bundles.", "nodes.",   "outbox.",  "receipts.", "requests.", "state."};

/// Refusals that clients only have.
constexpr std::array<std::string_view, 13> refused_by_clients = {"refused.envelope_header",
                                                                 "refused.envelope_body",
                                                                 "refused.sender_unknown",
                                                                 "refused.pre_key_unknown",
                                                                 "refused.message_text_not_utf8",
                                                                 "refused.message_parts",
                                                                 "refused.inbox_full",
                                                                 "refused.nack_limit",
                                                                 "refused.bundle",
                                                                 "refused.friend_packet",
                                                                 "refused.request_text",
                                                                 "refused.request_known",
                                                                 "refused.request_quota"};

}  // namespace

std::string_view help_of(Counter counter) noexcept {
  const std::string_view text = name(counter);
  if (const auto* const found = std::ranges::find(all_words, text, &Words::name); found != all_words.end()) {
    return found->words;
  }
  const bool clients =
      std::ranges::any_of(of_clients, [text](std::string_view area) { return text.starts_with(area); }) ||
      std::ranges::find(refused_by_clients, text) != refused_by_clients.end();
  return clients ? std::string_view() : text;
}

bool is_refusal(Counter counter) noexcept {
  return name(counter).starts_with("refused.") && counter != Counter::refused_cookie;
}

}  // namespace toxasync::daemon
