// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/metrics.hpp"
#include "client/discoveries.hpp"
#include "client/event_queue.hpp"
#include "client/exchange.hpp"
#include "client/node_directory.hpp"
#include "client/peers_operation.hpp"
#include "client/request_queue.hpp"
#include "client/retrieve_operation.hpp"
#include "client/session_table.hpp"
#include "client/store_operation.hpp"
#include "client/types.hpp"

namespace toxasync::client {

/// The client role: stores on nodes and retrieves from them (docs/protocol.md, section 6). Sans-I/O: it takes
/// calls, packets and ticks with `now`, hands packets to a Transport and each outcome to the listener of
/// whoever started the operation.
///
/// It routes packets by X to the operations, and keeps their deadlines, their number and their outcomes.
/// client.cpp: calls, the life of an operation. client_packets.cpp: packets.
class Client {
 public:
  /// `node_news` may be null.
  Client(Transport& transport, Random& random, Telemetry telemetry, NodeNewsListener* node_news,
         ClientConfig config = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  /// Asked before each packet to an address of a node. It must outlive the client.
  void use(AddressGuard& guard) { guard_ = &guard; }
  /// Makes a node known, or replaces its endpoints.
  void set_node(const KnownNode& node) { nodes_.set(node); }
  /// Its operations end as unknown_node / not reachable.
  void forget_node(const protocol::NodeId& id, Now now);
  [[nodiscard]] std::optional<NodeStatus> node_status(const protocol::NodeId& id) const;
  /// Whether our date is certain enough to refuse a known node's descriptor as too old or too new. Else no
  /// node could be asked what time it is.
  void trust_date(bool trusted) noexcept { date_trusted_ = trusted; }

  /// Starts an operation; its outcome goes to the listener, never from inside this call.
  OperationId store(StoreJob job, StoreResultListener& listener, Now now);
  OperationId retrieve(RetrieveJob job, RetrieveListener& listener, Now now);
  /// Goes on, and deletes on the node what was handed over, except `keep`.
  void continue_retrieve(OperationId id, Now now, std::span<const crypto::EnvelopeId> keep = {});
  void abandon(OperationId id, Now now);  ///< Ended or not: its listener is not called again.
  /// Asks a node for other nodes.
  OperationId peers(const protocol::NodeId& node, PeersListener& listener, Now now);
  /// Asks whether any storage node answers at an address, with two packets at most. When Discoveries::most
  /// are under way, another one ends at once, unanswered.
  OperationId discover(const Endpoint& at, DiscoverListener& listener, Now now);

  /// A packet of a response kind. Hostile.
  void on_packet(const Route& from, ByteView packet, Now now);
  void tick(Now now);
  /// Of the next tick that has work; `never` for none.
  [[nodiscard]] SteadyTime next_deadline() const noexcept;
  /// Under way or queued.
  [[nodiscard]] std::size_t operations() const noexcept {
    return operations_.size() + discoveries_.size() + events_.waiting_for_tick();
  }

 private:
  /// An operation, and the listener of whoever started it.
  template <class Machine, class Listener>
  struct For {
    Machine operation;
    Listener& listener;
  };
  using Store = For<StoreOperation, StoreResultListener>;
  using Retrieve = For<RetrieveOperation, RetrieveListener>;
  using Peers = For<PeersOperation, PeersListener>;
  using Work = std::variant<Store, Retrieve, Peers>;

  struct Operation {
    OperationId id{};
    protocol::NodeId node{};
    Exchange exchange;
    Work work;
    Session* session = nullptr;      ///< Null while it is queued.
    std::size_t first_endpoint = 0;  ///< Where the first attempt of the request goes.
    SteadyTime requested{};          ///< When the present request was begun.
    milliseconds waited = 0ms;       ///< For the node, by the requests before it.
    SteadyTime deadline = never;     ///< The same as in deadlines_.
  };
  using Operations = std::map<OperationId, Operation>;
  /// The places in flight of one kind of operation, and the line before them: mail that waits to be sent
  /// never keeps us from fetching.
  struct Lane {
    RequestQueue queue;  ///< Those that have no session yet.
    std::size_t in_flight = 0;
  };
  struct NodeTime {
    std::uint64_t counter;  ///< Of the request.
    UnixTime time;
  };
  struct Packet {
    const Route& from;
    protocol::FrameHeader header;
    ByteView bytes;  ///< All of it.
  };

  // --- Operations, from start to end ---
  OperationId next_id() noexcept { return OperationId{++last_id_}; }
  OperationId admit(const protocol::NodeId& node, Work work, Now now);
  /// Ends an operation that is not under way, at the next tick.
  void reject(OperationId id, const Work& work, StoreOutcome outcome, Now now);
  /// Starts queued operations while there is room in flight.
  void start_queued(Now now);
  void start_queued(Kind kind, Now now);
  Lane& lane(Kind kind) noexcept { return lanes_[static_cast<std::size_t>(kind)]; }
  static Kind kind_of(const Work& work) noexcept {
    return std::holds_alternative<Store>(work) ? Kind::store : Kind::fetch;
  }
  void begin_request(Operation& operation, Now now);
  /// Sends the operation's request, or a first packet to a node whose N is not known. Where no address may be
  /// sent to, nothing is sent.
  void transmit(Operation& operation, Now now);
  /// The route to the first address from `turn` on that may be sent to now.
  [[nodiscard]] std::optional<Route> route_to(const NodeEntry& node, std::size_t turn, Now now) const;
  void end_unanswered(Operation& operation);
  /// Agrees on keys with N unless the session has done so. False when N is refused.
  [[nodiscard]] static bool agree_on_keys(Session& session, const Work& work, const crypto::Point& node_key);
  void set_deadline(Operation& operation);
  [[nodiscard]] bool is_late(const Operation& operation, Now now) const noexcept {
    return operation.waited + (now.steady - operation.requested) >= config_.longest_retrieve;
  }
  void on_timeout(Operation& operation, Now now);
  /// `operation` is gone after it.
  void end(Operation& operation, EventQueue::Event outcome);
  /// Frees its place in the queue or in flight.
  void erase(Operations::iterator operation);

  void send_discovery(Discoveries::Discovery& discovery, Now now);
  void retry_discoveries(Now now);

  // --- Packets ---
  void handle_packet(const Packet& packet, Now now);
  void handle_cookie_reply(Session& session, const Packet& packet, Now now);
  void handle_answer(Session& session, const Packet& packet, Now now);
  void handle_store_response(Session& session, const Packet& packet, ByteView plain, Now now);
  void handle_page(Session& session, const Packet& packet, ByteView plain, Now now);
  void handle_announcement(Session& session, const Packet& packet, const protocol::Page& page, Now now);
  void handle_peers(Session& session, const Packet& packet, ByteView plain, Now now);
  void handle_discovery(Discoveries::Discovery& discovery, const Packet& packet, Now now);
  void report_news(NodeNews news);
  void note_answer(const Operation& operation, const Packet& packet, NodeTime node_time, Now now);
  void advance_retrieve(Operation& operation, RetrieveOperation::Step step, Now now);
  void end_retrieve(Operation& operation, Now now);
  /// The operation of the session for which `matches` holds, or null.
  template <class Predicate>
  [[nodiscard]] Operation* find_user(const Session& session, Predicate&& matches);
  [[nodiscard]] Operation* find_requester(const Session& session, std::uint64_t counter);

  Transport& transport_;
  Random& random_;
  Telemetry telemetry_;
  NodeNewsListener* node_news_;
  AddressGuard* guard_ = nullptr;
  ClientConfig config_;

  NodeDirectory nodes_;
  SessionTable sessions_;
  Operations operations_;
  std::array<Lane, kinds> lanes_;
  Discoveries discoveries_;
  std::set<std::pair<SteadyTime, OperationId>> deadlines_;
  std::uint64_t last_id_ = 0;
  bool date_trusted_ = true;
  SteadyTime stores_again_ = never;  ///< When stores may go on that have let a retrieve go first.
  EventQueue events_;
};

}  // namespace toxasync::client
