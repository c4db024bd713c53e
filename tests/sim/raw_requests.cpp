// SPDX-License-Identifier: GPL-3.0-or-later
#include "raw_requests.hpp"

#include <algorithm>

#include "protocol/node_descriptor.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"

namespace toxasync::sim {

namespace {

constexpr std::size_t most_sessions = 8;
constexpr std::size_t most_waiting = 32;

Route route_to(const Endpoint& endpoint) {
  Route route;
  route.endpoint = endpoint;
  return route;
}

template <class Message>
Bytes encoded(const Message& message) {
  Bytes bytes(limits::message);
  const auto size = wire::encode(message, bytes);
  bytes.resize(size ? *size : 0);
  return bytes;
}

}  // namespace

void RawRequests::send(const Endpoint& node, Request request) {
  Session& session = session_with(node);
  if (session.keys) {
    send_sealed(session, std::move(request));
  } else if (session.waiting.size() < most_waiting) {
    const protocol::FrameHeader header{request.kind, protocol::frame_version, random_.array<limits::cookie>(),
                                       session.x.public_key, random_.array<limits::aead_nonce>()};
    auto frame = any_bytes(random_, limits::frame);
    (void)wire::encode(header, MutableBytes(frame).first(limits::frame_header));
    session.waiting.push_back(std::move(request));
    transport_.send(route_to(node), frame);
  }
}

RawRequests::Agree RawRequests::with(const ByteArray<32>& secret) {
  return [secret](ByteArray<32>& shared, const crypto::Point& node_key) {
    return crypto::x25519(shared, secret, node_key);
  };
}

void RawRequests::store(const Endpoint& node, const crypto::MailboxAddress& where, crypto::Epoch epoch,
                        const Bytes& payload, Agree agree) {
  protocol::StoreRequest request;
  request.counter = random_.chance(200) ? any_number(random_) : 0;
  request.op = static_cast<protocol::StoreOp>(random_.chance(700) ? random_.below(2) : random_.below(256));
  request.epoch = random_.chance(700) ? epoch : static_cast<crypto::Epoch>(any_number(random_));
  request.ttl_s = random_.chance(700) ? 86'400 : static_cast<std::uint32_t>(any_number(random_));
  request.mailbox = where;
  if (random_.chance(200)) {
    (random_.chance(500) ? request.mailbox.p : request.mailbox.w) = any_point(random_);
  }
  request.write_tag = random_.array<limits::tag>();
  request.payload =
      random_.chance(500) ? payload : any_bytes(random_, random_.below(limits::large_envelope + 1));
  send(node,
       {protocol::FrameKind::store, encoded(request), protocol::StoreRequest::tag_offset, std::move(agree)});
}

void RawRequests::retrieve(const Endpoint& node, const crypto::MailboxAddress& where,
                           std::vector<crypto::EnvelopeId> to_delete, Agree agree) {
  protocol::RetrieveRequest request;
  request.counter = random_.chance(100) ? any_number(random_) : 0;
  request.op = static_cast<protocol::RetrieveOp>(random_.chance(800) ? random_.below(2) : random_.below(256));
  request.window = static_cast<std::uint8_t>(random_.chance(500) ? limits::window : random_.below(256));
  request.mailbox = random_.chance(950) ? where.p : any_point(random_);
  request.owner_tag = random_.array<limits::tag>();
  request.cursor = random_.chance(700) ? 0 : any_number(random_);
  for (auto& box : request.boxes) {
    box = random_.chance(300) ? crypto::box_tag(where) : random_.id<crypto::BoxTag>();
  }
  request.ids_to_delete = std::move(to_delete);
  send(node, {protocol::FrameKind::retrieve, encoded(request), protocol::RetrieveRequest::tag_offset,
              std::move(agree)});
}

RawRequests::Session& RawRequests::session_with(const Endpoint& node) {
  const auto found = std::ranges::find(sessions_, node, &Session::node);
  const bool another = random_.chance(100);
  if (found != sessions_.end() && !another) {
    return *found;
  }
  if (found != sessions_.end()) {
    sessions_.erase(found);
  }
  remember(sessions_, Session{node, crypto::KeyPair::generate(random_), {}, {}, {}, 0, {}}, most_sessions);
  return sessions_.back();
}

void RawRequests::send_sealed(Session& session, Request request) {
  const protocol::FrameHeader header{request.kind, protocol::frame_version, session.cookie,
                                     session.x.public_key, random_.array<limits::aead_nonce>()};
  auto& message = request.message;
  if (message.size() < 8 || message.size() > limits::message) {
    return;
  }
  if (load_le<std::uint64_t>(message.data()) == 0) {
    store_le(++session.counter, message.data());
  }
  ByteArray<32> shared{};
  if (request.agree && request.agree(shared, session.node_key) &&
      request.tag_offset + limits::tag <= message.size()) {
    const auto kind =
        request.kind == protocol::FrameKind::store ? crypto::TagKind::write : crypto::TagKind::owner;
    const auto tag = crypto::request_tag(kind, shared, session.node_key, session.x.public_key, message,
                                         request.tag_offset);
    std::ranges::copy(tag, message.begin() + static_cast<std::ptrdiff_t>(request.tag_offset));
  }
  Bytes plain(limits::plaintext);
  store_le(static_cast<std::uint16_t>(message.size()), plain.data());
  std::ranges::copy(message, plain.begin() + limits::length_prefix);
  protocol::FrameBytes frame;
  protocol::seal_frame(header, session.keys->client_to_node, plain, frame);
  transport_.send(route_to(session.node), frame);
}

bool RawRequests::on_packet(ByteView packet) {
  const auto header = protocol::read_frame_header(packet);
  if (!header || protocol::is_request(header->kind)) {
    return false;
  }
  const auto session = std::ranges::find_if(
      sessions_, [&](const Session& other) { return other.x.public_key == header->session; });
  if (session == sessions_.end()) {
    return false;
  }
  session->cookie = header->cookie;
  if (packet.size() < limits::frame) {
    on_cookie_reply(*session, packet);
  }
  return true;
}

void RawRequests::on_cookie_reply(Session& session, ByteView packet) {
  const auto descriptor = protocol::NodeDescriptor::decode_signed(packet.subspan(limits::frame_header));
  if (descriptor) {
    session.node_key = descriptor->key;
    const auto& x = session.x;
    ByteArray<32> shared{};
    session.keys = crypto::x25519(shared, x.secret.bytes(), descriptor->key)
                       ? protocol::session_keys(x.secret, descriptor->key, x.public_key, descriptor->key)
                       : std::nullopt;
  }
  auto waiting = std::exchange(session.waiting, {});
  for (auto& request : waiting) {
    if (session.keys) {
      send_sealed(session, std::move(request));
    }
  }
}

}  // namespace toxasync::sim
