// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/client.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <iterator>

namespace toxasync::client {

namespace {

constexpr std::string_view area = "client";
/// When a caller may try again after the queue was full.
constexpr seconds queue_full_retry = 30s;
/// How long stores let a retrieve go first that the node has turned away: it grants a source so many new
/// sessions, and mail for many friends would use up all of them.
constexpr milliseconds stores_wait = 20s;

ClientConfig checked(ClientConfig config) noexcept {
  config.window = std::clamp<std::uint8_t>(config.window, 1, limits::window);
  config.attempts = std::max(config.attempts, 1U);
  config.operations_in_flight = std::max<std::size_t>(config.operations_in_flight, 1);
  config.operations_per_node = std::max<std::size_t>(config.operations_per_node, 1);
  // When room is made for a session there must always be one without users.
  config.sessions = std::max(config.sessions, kinds * config.operations_in_flight);
  return config;
}

}  // namespace

Client::Client(Transport& transport, Random& random, Telemetry telemetry, NodeNewsListener* node_news,
               ClientConfig config)
    : transport_(transport),
      random_(random),
      telemetry_(telemetry),
      node_news_(node_news),
      config_(checked(config)),
      sessions_(config_.sessions) {}

// --- Calls ---

void Client::forget_node(const protocol::NodeId& id, Now now) {
  for (auto at = operations_.begin(); at != operations_.end();) {
    const auto next = std::next(at);
    if (at->second.node == id) {
      events_.drop(at->first);
      reject(at->first, at->second.work, StoreOutcome::unknown_node, now);
      erase(at);
    }
    at = next;
  }
  sessions_.forget_node(id);
  nodes_.forget(id);
  start_queued(now);
}

std::optional<NodeStatus> Client::node_status(const protocol::NodeId& id) const {
  const NodeEntry* node = nodes_.find(id);
  return node != nullptr ? std::optional(node->status) : std::nullopt;
}

OperationId Client::store(StoreJob job, StoreResultListener& listener, Now now) {
  const protocol::NodeId node = job.node;
  return admit(node, Store{StoreOperation(std::move(job)), listener}, now);
}

OperationId Client::retrieve(RetrieveJob job, RetrieveListener& listener, Now now) {
  const protocol::NodeId node = job.node;
  return admit(node, Retrieve{RetrieveOperation(std::move(job), config_.window), listener}, now);
}

void Client::continue_retrieve(OperationId id, Now now, std::span<const crypto::EnvelopeId> keep) {
  const auto at = operations_.find(id);
  if (at == operations_.end()) {
    return;
  }
  auto* retrieve = std::get_if<Retrieve>(&at->second.work);
  if (retrieve != nullptr && retrieve->operation.is_handed_over()) {
    retrieve->operation.resume(keep);
    begin_request(at->second, now);
  }
}

OperationId Client::peers(const protocol::NodeId& node, PeersListener& listener, Now now) {
  return admit(node, Peers{PeersOperation(node), listener}, now);
}

OperationId Client::discover(const Endpoint& at, DiscoverListener& listener, Now now) {
  const OperationId id = next_id();
  if (discoveries_.full()) {
    events_.push_for_tick(id, EventQueue::Discovered{&listener, {at, {}}}, now);
    return id;
  }
  telemetry_.count(Counter::client_requests);
  send_discovery(discoveries_.begin(id, at, listener, random_), now);
  return id;
}

void Client::abandon(OperationId id, Now now) {
  discoveries_.remove(id);
  events_.drop(id);
  const auto at = operations_.find(id);
  if (at != operations_.end()) {
    erase(at);
    start_queued(now);
  } else {
    sessions_.unsubscribe(id);
  }
}

void Client::tick(Now now) {
  events_.on_tick();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady) {
    on_timeout(operations_.at(deadlines_.begin()->second), now);
  }
  retry_discoveries(now);
  if (stores_again_ <= now.steady) {
    stores_again_ = nodes_.next_stores_again(now.steady);
  }
  start_queued(now);
  events_.deliver(now);
}

SteadyTime Client::next_deadline() const noexcept {
  const SteadyTime deadline = deadlines_.empty() ? never : deadlines_.begin()->first;
  return std::min({deadline, discoveries_.next_deadline(), events_.next_deadline(), stores_again_});
}

// --- Operations, from start to end ---

OperationId Client::admit(const protocol::NodeId& node, Work work, Now now) {
  const OperationId id = next_id();
  const auto* store = std::get_if<Store>(&work);
  if (nodes_.find(node) == nullptr) {
    reject(id, work, StoreOutcome::unknown_node, now);
    return id;
  }
  if (store != nullptr && !store->operation.fits()) {
    reject(id, work, StoreOutcome::refused, now);
    return id;
  }
  const RetryPolicy policy{config_.first_timeout, config_.longest_timeout, config_.attempts};
  operations_.emplace(id, Operation{id, node, Exchange(policy), std::move(work)});
  RequestQueue& queue = lane(kind_of(operations_.at(id).work)).queue;
  queue.push(node, id);
  start_queued(now);
  const auto at = operations_.find(id);
  if (at != operations_.end() && at->second.session == nullptr && queue.size() > config_.operations_waiting) {
    reject(id, at->second.work, StoreOutcome::try_later, now);
    erase(at);
  }
  return id;
}

void Client::reject(OperationId id, const Work& work, StoreOutcome outcome, Now now) {
  const seconds retry_after = outcome == StoreOutcome::try_later ? queue_full_retry : 0s;
  if (const auto* store = std::get_if<Store>(&work)) {
    events_.push_for_tick(id, EventQueue::Stored{&store->listener, {outcome, {}, {}, retry_after}}, now);
  } else if (const auto* peers = std::get_if<Peers>(&work)) {
    events_.push_for_tick(id, EventQueue::PeersNamed{&peers->listener, {}}, now);
  } else {
    RetrieveResult result;
    result.retry_after = retry_after;
    events_.push_for_tick(id, EventQueue::Retrieved{&std::get<Retrieve>(work).listener, result}, now);
  }
}

void Client::start_queued(Now now) {
  start_queued(Kind::fetch, now);
  start_queued(Kind::store, now);
}

void Client::start_queued(Kind kind, Now now) {
  const auto place = static_cast<std::size_t>(kind);
  const auto may_start = [&](const protocol::NodeId& id) {
    const NodeEntry& node = *nodes_.find(id);
    const bool waits = kind == Kind::store && node.stores_wait_until > now.steady;
    if (waits) {
      return false;
    }
    if (guard_ != nullptr && !guard_->has_answered(id)) {
      return node.operations[0] + node.operations[1] == 0;
    }
    // One that did not answer last gets one store at a time: the places are for those that do.
    const bool one = kind == Kind::store && node.status.failures_in_a_row != 0;
    return node.operations[place] < (one ? 1 : config_.operations_per_node);
  };
  Lane& lane = this->lane(kind);
  while (lane.in_flight < config_.operations_in_flight) {
    const auto id = lane.queue.pop(may_start);
    if (!id) {
      return;
    }
    Operation& operation = operations_.at(*id);
    const NodeEntry& node = *nodes_.find(operation.node);
    if (!route_to(node, node.preferred, now)) {
      telemetry_.count(Counter::packets_held_back);
      reject(operation.id, operation.work, StoreOutcome::unreachable, now);
      operations_.erase(*id);
      continue;
    }
    const SessionName name =
        std::visit([](const auto& work) { return work.operation.session(); }, operation.work);
    Session& session = sessions_.find_or_create(name, random_);
    session.users.push_back(operation.id);
    operation.session = &session;
    ++nodes_.find(operation.node)->operations[place];
    ++lane.in_flight;
    begin_request(operation, now);
  }
}

void Client::begin_request(Operation& operation, Now now) {
  telemetry_.count(Counter::client_requests);
  operation.exchange.begin();
  operation.requested = now.steady;
  operation.session->subscription.reset();  // the answer to this request is newer
  operation.first_endpoint = nodes_.find(operation.node)->preferred;
  transmit(operation, now);
}

void Client::transmit(Operation& operation, Now now) {
  const NodeEntry& node = *nodes_.find(operation.node);
  Session& session = *operation.session;
  const auto to = route_to(node, operation.first_endpoint + operation.exchange.attempt(), now);
  const bool proven = guard_ == nullptr || (to && guard_->is_proven(operation.node, to->endpoint));
  const auto nonce = random_.array<limits::aead_nonce>();
  std::uint64_t counter = 0;
  protocol::FrameBytes frame;
  if (proven && node.descriptor && agree_on_keys(session, operation.work, node.descriptor->key)) {
    counter = session.next_counter();
    std::visit(
        [&](const auto& work) { session.write_request(work.operation.request(counter), nonce, frame); },
        operation.work);
  } else {
    write_hello(request_kind(session.name().purpose), session.x(), nonce, random_, frame);
  }
  operation.exchange.sent(nonce, counter, to ? to->endpoint : Endpoint{}, now, random_);
  set_deadline(operation);
  if (!to) {
    telemetry_.count(Counter::packets_held_back);
    return;
  }
  if (guard_ != nullptr) {
    guard_->on_sent(operation.node, to->endpoint, now);
  }
  if (!transport_.send(*to, frame)) {
    telemetry_.count(Counter::send_failed);  // handled like a packet lost on the network
  }
}

std::optional<Route> Client::route_to(const NodeEntry& node, std::size_t turn, Now now) const {
  const std::size_t endpoints = node.known.endpoints.size();
  if (endpoints == 0) {
    return transport_.route_to_node(node.known.id, {});
  }
  for (std::size_t i = 0; i < endpoints; ++i) {
    const Endpoint& endpoint = *node.endpoint(turn + i);
    const Route route = transport_.route_to_node(node.known.id, endpoint);
    // A transport that finds nodes by their ids sends nothing to an address.
    if (guard_ == nullptr || route.endpoint != endpoint || guard_->may_send(node.known.id, endpoint, now)) {
      return route;
    }
  }
  return std::nullopt;
}

bool Client::agree_on_keys(Session& session, const Work& work, const crypto::Point& node_key) {
  if (session.is_keyed_for(node_key)) {
    return true;
  }
  crypto::Wiped<32> shared;
  const bool agreed =
      std::visit([&](const auto& one) { return one.operation.agree(shared, node_key); }, work);
  return agreed && session.agree_on_keys(node_key, shared);
}

void Client::set_deadline(Operation& operation) {
  deadlines_.erase({operation.deadline, operation.id});
  operation.deadline = operation.exchange.deadline();
  if (operation.deadline != never) {
    deadlines_.emplace(operation.deadline, operation.id);
  }
}

void Client::on_timeout(Operation& operation, Now now) {
  telemetry_.count(Counter::client_timeouts);
  auto* retrieve = std::get_if<Retrieve>(&operation.work);
  if (retrieve != nullptr) {
    const auto step = retrieve->operation.on_timeout(is_late(operation, now));
    if (step != RetrieveOperation::Step::wait) {
      advance_retrieve(operation, step, now);
      return;
    }
  }
  NodeEntry& node = *nodes_.find(operation.node);
  if (operation.exchange.next_attempt() &&
      route_to(node, operation.first_endpoint + operation.exchange.attempt(), now)) {
    telemetry_.count(Counter::client_retries);
    transmit(operation, now);
    return;
  }
  telemetry_.log(LogLevel::debug, area, "a storage node did not answer in all attempts");
  node.failed(operation.first_endpoint, operation.exchange.attempt());
  report_news({operation.node, false, {}, {}});
  end_unanswered(operation);
}

void Client::end_unanswered(Operation& operation) {
  if (auto* const retrieve = std::get_if<Retrieve>(&operation.work)) {
    end(operation, EventQueue::Retrieved{&retrieve->listener, retrieve->operation.result()});
  } else if (const auto* peers = std::get_if<Peers>(&operation.work)) {
    end(operation, EventQueue::PeersNamed{&peers->listener, {}});
  } else {
    end(operation, EventQueue::Stored{&std::get<Store>(operation.work).listener, {}});
  }
}

void Client::report_news(NodeNews news) {
  if (node_news_ != nullptr) {
    events_.push({}, EventQueue::News{node_news_, std::move(news)});
  }
}

void Client::end(Operation& operation, EventQueue::Event outcome) {
  const OperationId id = operation.id;
  erase(operations_.find(id));
  events_.push(id, std::move(outcome));
}

void Client::erase(Operations::iterator at) {
  const Operation& operation = at->second;
  const Kind kind = kind_of(operation.work);
  if (operation.session == nullptr) {
    lane(kind).queue.remove(operation.node, operation.id);
  } else {
    std::erase(operation.session->users, operation.id);
    --nodes_.find(operation.node)->operations[static_cast<std::size_t>(kind)];
    --lane(kind).in_flight;
    deadlines_.erase({operation.deadline, operation.id});
  }
  operations_.erase(at);
}

void Client::send_discovery(Discoveries::Discovery& discovery, Now now) {
  protocol::FrameBytes frame;
  Discoveries::write_packet(discovery, random_, now, frame);
  if (!transport_.send(Route{transport_.kind(), discovery.at, 0, {}}, frame)) {
    telemetry_.count(Counter::send_failed);
  }
}

void Client::advance_retrieve(Operation& operation, RetrieveOperation::Step step, Now now) {
  auto& [retrieve, listener] = std::get<Retrieve>(operation.work);
  if (step != RetrieveOperation::Step::wait) {
    operation.waited += now.steady - operation.requested;
  }
  switch (step) {
    case RetrieveOperation::Step::wait:
      return;
    case RetrieveOperation::Step::hand_over:
      operation.exchange.begin();  // stop waiting for the rest of this window
      set_deadline(operation);
      events_.push(operation.id, EventQueue::Fetched{&listener, retrieve.hand_over_envelopes()});
      return;
    case RetrieveOperation::Step::request:
      begin_request(operation, now);
      return;
    case RetrieveOperation::Step::ended:
      end_retrieve(operation, now);
      return;
  }
}

void Client::end_retrieve(Operation& operation, Now now) {
  const auto& retrieve = std::get<Retrieve>(operation.work).operation;
  RetrieveListener* const listener = &std::get<Retrieve>(operation.work).listener;
  const RetrieveResult result = retrieve.result();
  nodes_.find(operation.node)->retrieved(result.retry_after > 0s, stores_wait, now.steady);
  stores_again_ = nodes_.next_stores_again(now.steady);
  const OperationId id = operation.id;
  const bool subscribed = result.complete && retrieve.subscribes();
  const bool announced = subscribed && retrieve.is_announced();
  if (subscribed && !announced) {
    Session& session = *operation.session;
    session.subscription = {id, listener, operation.exchange.first_counter(), session.last_counter(),
                            now.steady + limits::subscription};
    telemetry_.count(Counter::client_subscribed);
  }
  end(operation, EventQueue::Retrieved{listener, result});
  if (announced) {
    events_.push(id, EventQueue::Announced{listener, {}});
  }
}

void Client::retry_discoveries(Now now) {
  while (Discoveries::Discovery* overdue = discoveries_.overdue(now.steady)) {
    if (overdue->nonces.size() < Discoveries::attempts) {
      send_discovery(*overdue, now);
      continue;
    }
    events_.push(overdue->id, EventQueue::Discovered{overdue->listener, {overdue->at, {}}});
    discoveries_.remove(overdue->id);
  }
}

}  // namespace toxasync::client
