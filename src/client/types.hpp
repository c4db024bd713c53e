// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/transport.hpp"
#include "protocol/box_list.hpp"
#include "protocol/node_descriptor.hpp"
#include "protocol/store_request.hpp"
#include "wire/limits.hpp"

// What goes into a client and comes out of it: values, configuration, listeners.

namespace toxasync::client {

enum class OperationId : std::uint64_t {};  ///< 0 names none.

/// Operations of one kind do not wait for those of the other.
enum class Kind : std::uint8_t { store, fetch };
constexpr std::size_t kinds = 2;

struct KnownNode {
  protocol::NodeId id{};
  std::vector<Endpoint> endpoints;  ///< Tried in turn, one per attempt; at least one.
};

struct NodeStatus {
  bool answered = false;  ///< Since the start.
  UnixTime last_answer{};
  seconds clock_ahead = 0s;             ///< The node's clock less ours, at the last answer.
  std::uint32_t failures_in_a_row = 0;  ///< Operations that ended unreachable.
  std::uint64_t capacity_bytes = 0;     ///< As its descriptor says.
};

struct StoreJob {
  protocol::NodeId node{};
  crypto::WritableMailbox mailbox;
  protocol::StoreOp op = protocol::StoreOp::store;
  seconds ttl = limits::default_time_to_live;
  Bytes payload;  ///< As in protocol::StoreRequest.
};

/// How an operation ended. The first ten are what the node answered (protocol::StoreStatus); the rest is
/// found here.
enum class StoreOutcome : std::uint8_t {
  stored = 0,
  duplicate = 1,
  gone = 2,
  mailbox_full = 3,
  node_full = 4,
  try_later = 5,
  wrong_epoch = 6,
  refused = 7,
  cancelled = 8,
  absent = 9,
  unreachable = 10,   ///< No valid answer in all attempts.
  unknown_node = 11,  ///< set_node was not called for it, or it was forgotten.
};

/// Whether the envelope has arrived: it is stored there, or its owner has it.
constexpr bool is_good(StoreOutcome outcome) noexcept {
  return outcome == StoreOutcome::stored || outcome == StoreOutcome::duplicate ||
         outcome == StoreOutcome::gone;
}

struct StoreResult {
  StoreOutcome outcome = StoreOutcome::unreachable;
  UnixTime expires_at{};
  UnixTime node_time{};
  seconds retry_after = 0s;
};

/// A mailbox to be read, one list of its boxes after the other.
struct RetrieveJob {
  RetrieveJob(const protocol::NodeId& node, crypto::Point p, crypto::OwnerKey owner, protocol::BoxLists lists,
              bool subscribe = false, std::vector<std::uint64_t> cursors = {})
      : node(node),
        p(p),
        owner(std::move(owner)),
        lists(std::move(lists)),
        subscribe(subscribe),
        cursors(std::move(cursors)) {}
  /// The one box that a mailbox has in the public and pair roots.
  RetrieveJob(const protocol::NodeId& node, const crypto::OwnedMailbox& box, bool subscribe = false)
      : RetrieveJob(node, box.mailbox.address.p, box.owner.clone(),
                    protocol::box_lists(box.owner, box.mailbox.address.p, {&box.mailbox.address.w, 1}, 1),
                    subscribe) {}

  protocol::NodeId node{};
  crypto::Point p{};
  crypto::OwnerKey owner;
  protocol::BoxLists lists;  ///< At least one.
  bool subscribe = false;    ///< When it is complete, the node is asked to announce mail that comes later.
  std::vector<std::uint64_t> cursors;  ///< Where to begin in each list; the start where there is none.

  [[nodiscard]] std::uint64_t cursor(std::size_t list) const noexcept {
    return list < cursors.size() ? cursors[list] : 0;
  }
};

struct RetrieveResult {
  /// The mailbox was read to its end, and what was fetched is deleted there, except what was to be left.
  bool complete = false;
  bool reachable = false;  ///< A valid page came (and perhaps, later, nothing more).
  UnixTime node_time{};
  seconds retry_after = 0s;  ///< Not 0: the node, or our own queue, was too busy.
  bool endless = false;      ///< Left because more came than an honest node keeps in a mailbox.
  std::size_t read = 0;      ///< Envelopes, and pages without any.
  bool left = false;         ///< Envelopes were left there.
  bool skipped = false;      ///< So were those of other boxes, which share a tag with one of ours.
  /// To read on behind them, and behind all others: RetrieveJob::cursors. If it is complete or endless.
  std::vector<std::uint64_t> cursors;
};

struct PeersResult {
  bool answered = false;
  std::vector<Bytes> descriptors;  ///< Each signed by the node that it names, and valid by our clock.
};

struct DiscoverResult {
  Endpoint at;
  Bytes descriptor;  ///< Signed by the node that it names, and valid by our clock. Empty: nobody answered.
};

/// News of a known node.
struct NodeNews {
  protocol::NodeId node{};
  bool answered = false;  ///< Authentically. Else: an operation ended without an answer.
  Endpoint from;          ///< Of the answer. Family 0: unknown, it came by a relay.
  /// Not empty: the node's signed descriptor, when it is another than the last one reported. The answer
  /// was sealed with its N, so it is the node's present one, and not an old one that somebody sent again.
  Bytes descriptor;
};

// The listeners. An operation is started with the listener of whoever starts it, and its outcome goes there.
// They are called from Client::on_packet and Client::tick only, and may call the client back. A listener must
// stay valid as long as these two are called: a retrieve that subscribed may announce mail long after it has
// ended.

class StoreResultListener {
 public:
  virtual ~StoreResultListener() = default;
  virtual void on_stored(OperationId id, const StoreResult& result, Now now) = 0;
};

/// As the node sent it: hostile, of a permitted size.
struct FetchedEnvelope {
  crypto::Point w{};  ///< Of the box that the node says it lies in.
  Bytes bytes;
};

class RetrieveListener {
 public:
  virtual ~RetrieveListener() = default;
  /// Envelopes of one window. The retrieve waits until continue_retrieve (they are on our disk, or not worth
  /// it: delete them there, but for those that are to be left) or abandon (keep them all there).
  virtual void on_envelopes(OperationId id, std::vector<FetchedEnvelope> envelopes, Now now) = 0;
  virtual void on_retrieved(OperationId id, const RetrieveResult& result, Now now) = 0;
  /// The node says that mail has come since the retrieve `id`, which is complete, and subscribed. At most
  /// once for each.
  virtual void on_announced(OperationId /*id*/, Now /*now*/) {}
};

class PeersListener {
 public:
  virtual ~PeersListener() = default;
  virtual void on_peers(OperationId id, const PeersResult& result, Now now) = 0;
};

class DiscoverListener {
 public:
  virtual ~DiscoverListener() = default;
  virtual void on_discovered(OperationId id, const DiscoverResult& result, Now now) = 0;
};

/// Decides whether packets go to the addresses of nodes: anybody can name the address of a stranger, and a
/// node can answer from another one, or by a relay, what it was asked elsewhere. So an address is proven by
/// the nonce of a packet that was sent there, which a cookie reply repeats. Called in the middle of the
/// client's work: it must not call the client.
class AddressGuard {
 public:
  virtual ~AddressGuard() = default;
  /// Whether a packet for the node may go there now.
  [[nodiscard]] virtual bool may_send(const protocol::NodeId& node, const Endpoint& to, Now now) const = 0;
  virtual void on_sent(const protocol::NodeId& node, const Endpoint& to, Now now) = 0;
  /// Whether that was shown. Else only a first packet goes there, which brings a cookie reply.
  [[nodiscard]] virtual bool is_proven(const protocol::NodeId& node, const Endpoint& at) const = 0;
  virtual void on_proven(const protocol::NodeId& node, const Endpoint& at) = 0;
  /// A valid answer to what was sent there, and from there as far as can be told.
  virtual void on_heard(const protocol::NodeId& node, const Endpoint& from) = 0;
  /// Whether the node has ever answered. Else one request at a time goes to it.
  [[nodiscard]] virtual bool has_answered(const protocol::NodeId& node) const = 0;
};

/// For news of all known nodes, whoever's operation brought them.
class NodeNewsListener {
 public:
  virtual ~NodeNewsListener() = default;
  /// That a node answers is reported once a minute, and after failures, and with a new descriptor.
  virtual void on_node_news(const NodeNews& news, Now now) = 0;
  /// The time that an authentic answer names, and when its request was sent. Comes before the answer's
  /// outcome, from inside the handling of its packet: the client must not be called back.
  virtual void on_node_time(const protocol::NodeId& /*node*/, UnixTime /*node_time*/, SteadyTime /*asked*/) {}
};

struct ClientConfig {
  milliseconds first_timeout = 1500ms;  ///< For an answer; doubled at each attempt, up to:
  milliseconds longest_timeout = 8s;
  /// One retrieve waits for its node in all; a node that answers each time when it is asked last ends no
  /// sooner.
  milliseconds longest_retrieve = 5min;
  unsigned attempts = 5;    ///< Of one request (a cookie reply that leads on is not an attempt lost).
  std::uint8_t window = 4;  ///< Pages asked for at once.
  // So many stores, and as many of the other operations: neither takes the places of the other.
  std::size_t operations_in_flight = 64;  ///< More are queued, each node's in order, the nodes in turn;
  std::size_t operations_per_node = 16;   ///< Of those: one node that is silent does not hold up the others.
  std::size_t operations_waiting = 4096;  ///< and past that an operation ends `try_later` at once.
  /// Kept; the least recently used is dropped first. While there are more, a quarter is for fetching.
  std::size_t sessions = 512;
};

}  // namespace toxasync::client
