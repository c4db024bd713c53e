// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/client.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <iterator>

namespace toxasync::client {

namespace {

constexpr std::string_view area = "client";
/// When to come back after the line was full.
constexpr std::uint16_t line_full_retry_s = 30;

ClientConfig checked(ClientConfig config) noexcept {
  config.window = std::clamp<std::uint8_t>(config.window, 1, limits::window);
  config.attempts = std::max(config.attempts, 1U);
  config.operations_in_flight = std::max<std::size_t>(config.operations_in_flight, 1);
  config.operations_per_node = std::max<std::size_t>(config.operations_per_node, 1);
  // When room is made for a session there must always be one without users.
  config.sessions = std::max(config.sessions, config.operations_in_flight);
  return config;
}

}  // namespace

Client::Client(Transport& transport, Random& random, Telemetry telemetry, ClientListener& listener,
               ClientConfig config)
    : transport_(transport),
      random_(random),
      telemetry_(telemetry),
      listener_(listener),
      config_(checked(config)),
      sessions_(config_.sessions) {}

// --- Calls ---

void Client::forget_node(const protocol::NodeId& id, Now now) {
  for (auto at = operations_.begin(); at != operations_.end();) {
    const auto next = std::next(at);
    if (at->second.node == id) {
      std::erase_if(events_, [&](const Event& event) { return event.id == at->first; });
      turn_away(at->first, at->second.work, StoreOutcome::unknown_node, now);
      erase(at);
    }
    at = next;
  }
  sessions_.forget_node(id);
  nodes_.forget(id);
  start_waiting(now);
}

std::optional<NodeStatus> Client::node_status(const protocol::NodeId& id) const {
  const NodeEntry* node = nodes_.find(id);
  return node != nullptr ? std::optional(node->status) : std::nullopt;
}

OperationId Client::store(StoreJob job, Now now) {
  const protocol::NodeId node = job.node;
  return admit(node, StoreOperation(std::move(job)), now);
}

OperationId Client::retrieve(RetrieveJob job, Now now) {
  const protocol::NodeId node = job.node;
  return admit(node, RetrieveOperation(std::move(job), config_.window), now);
}

void Client::continue_retrieve(OperationId id, Now now) {
  const auto at = operations_.find(id);
  if (at == operations_.end()) {
    return;
  }
  auto* retrieve = std::get_if<RetrieveOperation>(&at->second.work);
  if (retrieve != nullptr && retrieve->is_handed_over()) {
    retrieve->resume();
    begin_request(at->second, now);
  }
}

OperationId Client::peers(const protocol::NodeId& node, Now now) {
  return admit(node, PeersOperation(node), now);
}

OperationId Client::discover(const Endpoint& at, Now now) {
  const OperationId id = ++last_id_;
  if (discoveries_.full()) {
    tell_later(id, DiscoverResult{at, {}}, now);
    return id;
  }
  telemetry_.count(Counter::client_requests);
  send_discovery(discoveries_.begin(id, at, random_), now);
  return id;
}

void Client::abandon(OperationId id, Now now) {
  discoveries_.remove(id);
  const auto is_of_it = [id](const Event& event) { return event.id == id; };
  std::erase_if(events_, is_of_it);
  std::erase_if(later_, is_of_it);
  const auto at = operations_.find(id);
  if (at != operations_.end()) {
    erase(at);
    start_waiting(now);
  }
}

void Client::tick(Now now) {
  std::ranges::move(later_, std::back_inserter(events_));
  later_.clear();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady_ms) {
    on_timeout(operations_.at(deadlines_.begin()->second), now);
  }
  discover_again(now);
  start_waiting(now);
  deliver(now);
}

std::int64_t Client::next_deadline_ms() const noexcept {
  const std::int64_t deadline_ms =
      std::min(deadlines_.empty() ? never_ms : deadlines_.begin()->first, discoveries_.next_deadline_ms());
  return later_.empty() ? deadline_ms : std::min(deadline_ms, later_due_ms_);
}

// --- The life of an operation ---

OperationId Client::admit(const protocol::NodeId& node, Work work, Now now) {
  const OperationId id = ++last_id_;
  const auto* store = std::get_if<StoreOperation>(&work);
  if (nodes_.find(node) == nullptr) {
    turn_away(id, work, StoreOutcome::unknown_node, now);
    return id;
  }
  if (store != nullptr && !store->fits()) {
    turn_away(id, work, StoreOutcome::refused, now);
    return id;
  }
  const RetryPolicy policy{config_.first_timeout_ms, config_.longest_timeout_ms, config_.attempts};
  const auto at = operations_.emplace(id, Operation{id, node, Exchange(policy), std::move(work)}).first;
  line_.push(node, id);
  start_waiting(now);
  if (at->second.session == nullptr && line_.size() > config_.operations_waiting) {
    turn_away(id, at->second.work, StoreOutcome::try_later, now);
    erase(at);
  }
  return id;
}

void Client::turn_away(OperationId id, const Work& work, StoreOutcome outcome, Now now) {
  const std::uint16_t retry_after_s = outcome == StoreOutcome::try_later ? line_full_retry_s : 0;
  if (std::holds_alternative<StoreOperation>(work)) {
    tell_later(id, StoreResult{outcome, 0, 0, retry_after_s}, now);
  } else if (std::holds_alternative<PeersOperation>(work)) {
    tell_later(id, PeersResult{}, now);
  } else {
    tell_later(id, RetrieveResult{false, false, 0, retry_after_s}, now);
  }
}

void Client::start_waiting(Now now) {
  const auto may_start = [this](const protocol::NodeId& id) {
    return nodes_.find(id)->operations < config_.operations_per_node;
  };
  while (in_flight_ < config_.operations_in_flight) {
    const auto id = line_.pop(may_start);
    if (!id) {
      return;
    }
    Operation& operation = operations_.at(*id);
    const SessionName name = std::visit([](const auto& work) { return work.session(); }, operation.work);
    Session& session = sessions_.take(name, random_);
    session.users.push_back(operation.id);
    operation.session = &session;
    ++nodes_.find(operation.node)->operations;
    ++in_flight_;
    begin_request(operation, now);
  }
}

void Client::begin_request(Operation& operation, Now now) {
  telemetry_.count(Counter::client_requests);
  operation.exchange.begin();
  operation.session->subscription.reset();  // a later answer tells more
  operation.first_endpoint = nodes_.find(operation.node)->preferred;
  transmit(operation, now);
}

void Client::transmit(Operation& operation, Now now) {
  const NodeEntry& node = *nodes_.find(operation.node);
  Session& session = *operation.session;
  const auto nonce = random_.array<limits::aead_nonce>();
  std::uint64_t counter = 0;
  protocol::FrameBytes frame;
  if (node.descriptor && key_session(session, operation.work, node.descriptor->key)) {
    counter = session.next_counter();
    std::visit([&](const auto& work) { session.write_request(work.request(counter), nonce, frame); },
               operation.work);
  } else {
    write_hello(request_kind(session.name().purpose), session.x(), nonce, random_, frame);
  }
  operation.exchange.sent(nonce, counter, now, random_);
  set_deadline(operation);
  const Endpoint* endpoint = node.endpoint(operation.first_endpoint + operation.exchange.attempt());
  const Route to = transport_.route_to_node(operation.node, endpoint != nullptr ? *endpoint : Endpoint{});
  if (!transport_.send(to, frame)) {
    telemetry_.count(Counter::send_failed);  // goes on as if it were lost on the way
  }
}

bool Client::key_session(Session& session, const Work& work, const crypto::Point& node_key) {
  if (session.is_keyed_for(node_key)) {
    return true;
  }
  crypto::Wiped<32> shared;
  const bool agreed =
      std::visit([&](const auto& operation) { return operation.agree(shared, node_key); }, work);
  return agreed && session.key_for(node_key, shared);
}

void Client::set_deadline(Operation& operation) {
  deadlines_.erase({operation.deadline_ms, operation.id});
  operation.deadline_ms = operation.exchange.deadline_ms();
  if (operation.deadline_ms != never_ms) {
    deadlines_.emplace(operation.deadline_ms, operation.id);
  }
}

void Client::on_timeout(Operation& operation, Now now) {
  telemetry_.count(Counter::client_timeouts);
  auto* retrieve = std::get_if<RetrieveOperation>(&operation.work);
  if (retrieve != nullptr) {
    const auto step = retrieve->on_timeout();
    if (step != RetrieveOperation::Step::wait) {
      advance_retrieve(operation, step, now);
      return;
    }
  }
  if (operation.exchange.next_attempt()) {
    telemetry_.count(Counter::client_retries);
    transmit(operation, now);
    return;
  }
  telemetry_.log(LogLevel::debug, area, "a storage node did not answer in all attempts");
  nodes_.find(operation.node)->failed(operation.first_endpoint, operation.exchange.attempt());
  events_.push_back({0, NodeNews{operation.node, false, {}, {}}});
  if (retrieve != nullptr) {
    end(operation, retrieve->result());
  } else if (std::holds_alternative<PeersOperation>(operation.work)) {
    end(operation, PeersResult{});
  } else {
    end(operation, StoreResult{});
  }
}

void Client::end(Operation& operation, const Outcome& outcome) {
  const OperationId id = operation.id;
  erase(operations_.find(id));
  std::visit([&](const auto& result) { events_.push_back({id, result}); }, outcome);
}

void Client::erase(Operations::iterator at) {
  const Operation& operation = at->second;
  if (operation.session == nullptr) {
    line_.remove(operation.node, operation.id);
  } else {
    std::erase(operation.session->users, operation.id);
    --nodes_.find(operation.node)->operations;
    --in_flight_;
    deadlines_.erase({operation.deadline_ms, operation.id});
  }
  operations_.erase(at);
}

void Client::send_discovery(Discoveries::Discovery& discovery, Now now) {
  protocol::FrameBytes frame;
  Discoveries::write_packet(discovery, random_, now, frame);
  if (!transport_.send(Route{transport_.carrier(), discovery.at, 0, {}}, frame)) {
    telemetry_.count(Counter::send_failed);
  }
}

void Client::discover_again(Now now) {
  while (Discoveries::Discovery* overdue = discoveries_.overdue(now.steady_ms)) {
    if (overdue->nonces.size() < Discoveries::attempts) {
      send_discovery(*overdue, now);
      continue;
    }
    events_.push_back({overdue->id, DiscoverResult{overdue->at, {}}});
    discoveries_.remove(overdue->id);
  }
}

// --- Outcomes ---

void Client::tell_later(OperationId id, const Outcome& outcome, Now now) {
  if (later_.empty()) {
    later_due_ms_ = now.steady_ms;
  }
  std::visit([&](const auto& result) { later_.push_back({id, result}); }, outcome);
}

void Client::deliver(Now now) {
  if (delivering_) {
    return;  // the listener called tick: the loop below goes on with what came of it
  }
  delivering_ = true;
  while (!events_.empty()) {
    Event event = std::move(events_.front());
    events_.pop_front();
    tell(event, now);
  }
  delivering_ = false;
}

void Client::tell(Event& event, Now now) {
  if (auto* envelopes = std::get_if<std::vector<Bytes>>(&event.what)) {
    listener_.on_envelopes(event.id, std::move(*envelopes), now);
  } else if (const auto* stored = std::get_if<StoreResult>(&event.what)) {
    listener_.on_stored(event.id, *stored, now);
  } else if (const auto* retrieved = std::get_if<RetrieveResult>(&event.what)) {
    listener_.on_retrieved(event.id, *retrieved, now);
  } else if (std::holds_alternative<Announcement>(event.what)) {
    listener_.on_announced(event.id, now);
  } else if (const auto* peers = std::get_if<PeersResult>(&event.what)) {
    listener_.on_peers(event.id, *peers, now);
  } else if (const auto* discovered = std::get_if<DiscoverResult>(&event.what)) {
    listener_.on_discovered(event.id, *discovered, now);
  } else {
    listener_.on_node_news(std::get<NodeNews>(event.what), now);
  }
}

}  // namespace toxasync::client
