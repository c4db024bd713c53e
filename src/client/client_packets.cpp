// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/client.hpp"

namespace toxasync::client {

namespace {

/// How often it is reported that a node answers.
constexpr milliseconds news_every = 1min;

Counter reason_of(protocol::FrameError error) noexcept {
  switch (error) {
    case protocol::FrameError::kind:
      return Counter::refused_kind;
    case protocol::FrameError::version:
      return Counter::refused_version;
    default:
      return Counter::refused_length;
  }
}

}  // namespace

void Client::on_packet(const Route& from, ByteView packet, Now now) {
  const auto header = protocol::read_frame_header(packet);
  if (!header) {
    telemetry_.refuse(reason_of(header.error()));
    return;
  }
  handle_packet({from, *header, packet}, now);
  start_queued(now);
  events_.deliver(now);
}

void Client::handle_packet(const Packet& packet, Now now) {
  if (protocol::is_request(packet.header.kind)) {
    telemetry_.refuse(Counter::refused_kind);
    return;
  }
  Session* session = sessions_.find(packet.header.session);
  Discoveries::Discovery* discovery = session == nullptr ? discoveries_.find(packet.header) : nullptr;
  if (discovery != nullptr && packet.header.kind == protocol::FrameKind::retrieve_response &&
      packet.bytes.size() < limits::frame) {
    handle_discovery(*discovery, packet, now);
  } else if (session == nullptr ||
             packet.header.kind != protocol::response_to(request_kind(session->name().purpose))) {
    telemetry_.refuse(Counter::refused_answer);
  } else if (packet.bytes.size() == limits::frame) {
    handle_answer(*session, packet, now);
  } else {
    handle_cookie_reply(*session, packet, now);
  }
}

void Client::handle_cookie_reply(Session& session, const Packet& packet, Now now) {
  Operation* operation = find_user(session, [&](const Operation& user) {  //
    return user.exchange.awaits_cookie(packet.header.nonce) != nullptr;
  });
  if (operation == nullptr) {
    telemetry_.refuse(Counter::refused_answer);
    return;
  }
  NodeEntry& node = *nodes_.find(operation->node);
  const ByteView bytes = packet.bytes.subspan(limits::frame_header);
  auto fresh = node.read_descriptor(bytes, date_trusted_ ? std::optional(now) : std::nullopt);
  if (!fresh || !agree_on_keys(session, operation->work, fresh->key)) {
    operation->exchange.descriptor_refused();
    telemetry_.refuse(Counter::refused_descriptor);
    return;
  }
  telemetry_.count(Counter::client_cookies);
  node.adopt(std::move(*fresh), bytes);
  session.set_cookie(packet.header.cookie);
  if (guard_ != nullptr) {
    guard_->on_proven(operation->node, *operation->exchange.awaits_cookie(packet.header.nonce));
  }
  operation->exchange.cookie_accepted();
  transmit(*operation, now);
}

void Client::handle_answer(Session& session, const Packet& packet, Now now) {
  ByteArray<limits::plaintext> plain;
  if (!session.open(packet.header, packet.bytes, plain)) {
    telemetry_.refuse(Counter::refused_frame_forged);
    return;
  }
  switch (session.name().purpose) {
    case Purpose::store:
      return handle_store_response(session, packet, plain, now);
    case Purpose::retrieve:
      return handle_page(session, packet, plain, now);
    case Purpose::peers:
      return handle_peers(session, packet, plain, now);
  }
}

void Client::handle_store_response(Session& session, const Packet& packet, ByteView plain, Now now) {
  protocol::StoreResponse response;
  if (!wire::decode_padded(plain, response)) {
    telemetry_.refuse(Counter::refused_message_malformed);
    return;
  }
  Operation* operation = find_requester(session, response.counter);
  if (operation == nullptr) {
    return;
  }
  const auto& store = std::get<Store>(operation->work);
  const auto result = store.operation.on_response(response);
  if (!result) {
    telemetry_.refuse(result.error());
    return;
  }
  note_answer(*operation, packet, {response.counter, unix_time(response.node_time_s)}, now);
  end(*operation, EventQueue::Stored{&store.listener, *result});
}

void Client::handle_page(Session& session, const Packet& packet, ByteView plain, Now now) {
  protocol::Page page;
  if (!wire::decode_padded(plain, page)) {
    telemetry_.refuse(Counter::refused_message_malformed);
    return;
  }
  if ((page.flags & protocol::Page::flag_announcement) != 0) {
    return handle_announcement(session, packet, page, now);
  }
  Operation* operation = find_requester(session, page.counter);
  if (operation == nullptr) {
    return;
  }
  const NodeTime node_time{page.counter, unix_time(page.node_time_s)};
  const auto step =
      std::get<Retrieve>(operation->work).operation.on_page(std::move(page), is_late(*operation, now));
  if (!step) {
    telemetry_.refuse(step.error());
    return;
  }
  note_answer(*operation, packet, node_time, now);
  advance_retrieve(*operation, *step, now);
}

/// Comes unasked, so it changes no address and does not prove that the node answers: only its cookie and the
/// news that there is mail are used.
void Client::handle_announcement(Session& session, const Packet& packet, const protocol::Page& page,
                                 Now now) {
  if (!page.is_announcement()) {
    telemetry_.refuse(Counter::refused_message_malformed);
    return;
  }
  const auto& left = session.subscription;
  if (left && left->is_answered_by(page.counter, now)) {
    events_.push(left->operation, EventQueue::Announced{left->listener, {}});
    session.subscription.reset();
  } else if (Operation* operation = find_requester(session, page.counter)) {
    std::get<Retrieve>(operation->work).operation.announced();
  } else {
    return;
  }
  telemetry_.count(Counter::client_announced);
  session.set_cookie(packet.header.cookie);
}

void Client::handle_peers(Session& session, const Packet& packet, ByteView plain, Now now) {
  protocol::Peers peers;
  if (!wire::decode_padded(plain, peers)) {
    telemetry_.refuse(Counter::refused_message_malformed);
    return;
  }
  if (Operation* operation = find_requester(session, peers.counter)) {
    note_answer(*operation, packet, {peers.counter, unix_time(peers.node_time_s)}, now);
    end(*operation, EventQueue::PeersNamed{&std::get<Peers>(operation->work).listener,
                                           PeersOperation::on_answer(peers, now, telemetry_)});
  }
}

/// Whoever saw our packet can forge an answer with an old descriptor: it proves what its node signed, not
/// that the node is there.
void Client::handle_discovery(Discoveries::Discovery& discovery, const Packet& packet, Now now) {
  const ByteView descriptor = packet.bytes.subspan(limits::frame_header);
  if (discovery.bad >= Discoveries::bad_descriptors) {
    telemetry_.refuse(Counter::refused_answer);
    return;
  }
  if (!read_valid_descriptor(descriptor, now)) {
    ++discovery.bad;
    telemetry_.refuse(Counter::refused_descriptor);
    return;
  }
  events_.push(discovery.id, EventQueue::Discovered{discovery.listener,
                                                    {discovery.at, {descriptor.begin(), descriptor.end()}}});
  discoveries_.remove(discovery.id);
}

void Client::note_answer(const Operation& operation, const Packet& packet, NodeTime node_time, Now now) {
  operation.session->set_cookie(packet.header.cookie);
  NodeEntry& node = *nodes_.find(operation.node);
  const Exchange::Sent& asked = *operation.exchange.asked(node_time.counter);
  // A node can write any address on its answers, and one by a relay does not say where it is from.
  const bool from_there = packet.from.sendback_size == 0 && packet.from.endpoint == asked.to &&
                          (guard_ == nullptr || guard_->is_proven(operation.node, asked.to));
  const Endpoint from = from_there ? asked.to : Endpoint{};
  const bool proves =
      node.descriptor && !node.descriptor_proven && operation.session->is_keyed_for(node.descriptor->key);
  if (proves || !node.status.answered || node.status.failures_in_a_row != 0 ||
      now.steady >= node.last_news + news_every) {
    report_news({operation.node, true, from, proves ? node.descriptor_bytes : Bytes{}});
    node.descriptor_proven = node.descriptor_proven || proves;
    node.last_news = now.steady;
  }
  node.answered(from, node_time.time, now);
  if (node_news_ != nullptr) {
    node_news_->on_node_time(operation.node, node_time.time, asked.at);
  }
  if (guard_ != nullptr && from_there) {
    guard_->on_heard(operation.node, from);
  }
}

/// The operation of the session that waits for an answer with this counter; null, and counted, if none does.
Client::Operation* Client::find_requester(const Session& session, std::uint64_t counter) {
  Operation* operation =
      find_user(session, [&](const Operation& user) { return user.exchange.asked(counter) != nullptr; });
  if (operation == nullptr) {
    telemetry_.refuse(Counter::refused_answer);
  }
  return operation;
}

template <class Predicate>
Client::Operation* Client::find_user(const Session& session, Predicate&& matches) {
  for (const OperationId id : session.users) {
    Operation& operation = operations_.at(id);
    if (matches(operation)) {
      return &operation;
    }
  }
  return nullptr;
}

}  // namespace toxasync::client
