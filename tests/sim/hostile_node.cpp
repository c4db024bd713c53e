// SPDX-License-Identifier: GPL-3.0-or-later
#include "hostile_node.hpp"

#include <algorithm>

#include "protocol/peers.hpp"

namespace toxasync::sim {

namespace {

/// Enough to choose from; it keeps what came first.
constexpr std::size_t most_seen = 200;
constexpr std::size_t most_old_answers = 64;
/// It gives pages without end for about so many windows. A client asks for 500 before it leaves.
constexpr std::uint64_t most_windows = 2000;

std::uint64_t in_seconds(UnixTime time) {
  return static_cast<std::uint64_t>(since_1970_s(time));
}

}  // namespace

HostileNode::HostileNode(test::World& world, test::StorageNode& node, std::size_t number, std::uint64_t seed,
                         Tally& tally)
    : world_(world), node_(node), number_(number), temper_(seed, tally) {
  static constexpr seconds lies[] = {0s, 15min, -15min, 2h, -2h, days(2), -days(2), days(400), -days(400)};
  static constexpr milliseconds pauses[] = {20s, 10min, 2h};
  lie_ = lies[below(std::size(lies))];
  pause_ = pauses[below(std::size(pauses))];
  next_act_ = world_.clock.steady() + pause_;
}

bool HostileNode::on_packet(Packet& packet) {
  if (stopped_ || sending_) {
    return false;
  }
  if (packet.to == node_.endpoint) {
    return on_request(packet);
  }
  on_try(packet);
  return packet.from == node_.endpoint && on_answer(packet);
}

HostileNode::Session* HostileNode::open(const protocol::FrameHeader& header, const Packet& packet,
                                        Plain& plain) {
  const auto found = sessions_.find(header.session);
  if (found != sessions_.end() &&
      protocol::open_frame(header, found->second.keys.client_to_node, packet.bytes, plain)) {
    found->second.client = packet.from;
    return &found->second;
  }
  const auto& n = node_.keys.current().pair;
  auto keys = protocol::session_keys(n.secret, header.session, header.session, n.public_key);
  if (!keys || !protocol::open_frame(header, keys->client_to_node, packet.bytes, plain)) {
    return nullptr;  // a first packet, which says nothing
  }
  sessions_.insert_or_assign(header.session, Session{packet.from, std::move(*keys), header.kind, 0, {}});
  return &sessions_.at(header.session);
}

// --- What comes to it ---

bool HostileNode::on_request(Packet& packet) {
  const auto header = protocol::read_frame_header(packet.bytes);
  if (!header || temper_.does("keep silent")) {
    return header.has_value();
  }
  Plain plain{};
  Session* const session = open(*header, packet, plain);
  if (session == nullptr) {
    return temper_.does("do not answer a first packet");
  }
  session->kind = header->kind;
  protocol::StoreRequest store;
  if (header->kind == protocol::FrameKind::store && wire::decode_padded(plain, store)) {
    session->counter = store.counter;
    return on_store(*session, header->session, store);
  }
  protocol::RetrieveRequest retrieve;
  if (header->kind == protocol::FrameKind::retrieve && wire::decode_padded(plain, retrieve)) {
    session->counter = retrieve.counter;
    session->boxes.assign(retrieve.boxes.begin(), retrieve.boxes.end());
    return on_retrieve(*session, header->session, retrieve);
  }
  return false;
}

bool HostileNode::on_store(Session& session, const crypto::Point& x, const protocol::StoreRequest& request) {
  if (request.op == protocol::StoreOp::store && seen_.size() < most_seen) {
    seen_.push_back({request.mailbox, request.payload});
  }
  protocol::StoreResponse made;
  made.counter = request.counter;
  made.node_time_s = in_seconds(its_time());
  if (temper_.does("confirm and drop")) {
    made.status = request.op == protocol::StoreOp::store ? protocol::StoreStatus::stored
                                                         : protocol::StoreStatus::cancelled;
    made.expires_at_s = made.node_time_s + request.ttl_s;
  } else if (temper_.does("answer a store with any status")) {
    made.status = static_cast<protocol::StoreStatus>(below(12));
    made.expires_at_s = below(2) == 0 ? 0 : made.node_time_s + below(days(20) / 1s);
    made.retry_after_s = static_cast<std::uint16_t>(below(2) == 0 ? below(65536) : below(60));
  } else {
    return false;
  }
  answer(session, x, protocol::FrameKind::store_response, made);
  return true;
}

bool HostileNode::on_retrieve(Session& session, const crypto::Point& x,
                              const protocol::RetrieveRequest& request) {
  if (request.op == protocol::RetrieveOp::peers) {
    if (temper_.does("name nodes that are none")) {
      name_nodes(session, x, request.counter);
      return true;
    }
    return false;
  }
  protocol::Page page;
  page.counter = request.counter;
  page.node_time_s = in_seconds(its_time());
  page.cursor = request.cursor;
  session.without_end = session.without_end && below(most_windows) > 0;
  if (session.without_end) {
    if (without_end) {
      without_end(session.client, request.mailbox);
    }
    give_pages(session, x, request, true, true, false);
  } else if (temper_.does("withhold mail")) {
    answer(session, x, protocol::FrameKind::retrieve_response, page);
  } else if (temper_.does("turn a retrieve away")) {
    page.flags = protocol::Page::flag_try_later;
    page.retry_after_s = static_cast<std::uint16_t>(below(2) == 0 ? below(65536) : below(120));
    answer(session, x, protocol::FrameKind::retrieve_response, page);
  } else if (temper_.does("hand out old mail again")) {
    give_pages(session, x, request, false, false, true);
  } else if (temper_.does("hand out mail of others")) {
    give_pages(session, x, request, true, false, true);
  } else if (temper_.does("pages without end")) {
    session.without_end = temper_.does("pages without mail");  // else they would cost the test much
    give_pages(session, x, request, true, true, !session.without_end);
  } else {
    return false;
  }
  return true;
}

/// Under a tag that was asked for.
protocol::PagedEnvelope HostileNode::any_envelope(const protocol::RetrieveRequest& request, bool of_others) {
  protocol::PagedEnvelope made;
  std::vector<const Seen*> fit;
  for (const Seen& seen : seen_) {
    if (of_others != (seen.mailbox.p == request.mailbox)) {
      fit.push_back(&seen);
    }
  }
  const auto& tag = request.boxes[below(request.boxes.size())];
  temper_.random().fill(made.box);
  std::copy(tag.begin(), tag.end(), made.box.begin());
  if (fit.empty() || below(10) == 0) {
    made.bytes.resize(below(2) == 0 ? limits::small_envelope : limits::large_envelope);
    temper_.random().fill(made.bytes);
    return made;
  }
  const Seen& chosen = *fit[below(fit.size())];
  made.bytes = chosen.envelope;
  if (chosen.mailbox.p == request.mailbox || below(2) == 0) {
    made.box = crypto::box_name(chosen.mailbox);
  }
  // A box of this mailbox for what another person wrote in it.
  for (const Seen& seen : seen_) {
    if (of_others && seen.mailbox.p == request.mailbox && below(2) == 0) {
      made.box = crypto::box_name(seen.mailbox);
    }
  }
  return made;
}

void HostileNode::give_pages(const Session& session, const crypto::Point& x,
                             const protocol::RetrieveRequest& request, bool of_others, bool endless,
                             bool with_mail) {
  const auto window = std::clamp<std::uint64_t>(request.window, 1, limits::window);
  const auto count = static_cast<std::uint8_t>(endless ? window : 1 + below(window));
  for (std::uint8_t index = 0; index < count; ++index) {
    protocol::Page page;
    page.counter = request.counter;
    page.index = index;
    page.count = count;
    page.node_time_s = in_seconds(its_time());
    page.cursor = request.cursor + index + 1;
    page.flags = endless && index + 1 == count ? protocol::Page::flag_more : 0;
    if (with_mail) {
      page.envelopes.push_back(any_envelope(request, of_others));
    }
    answer(session, x, protocol::FrameKind::retrieve_response, page);
  }
}

Bytes HostileNode::descriptor_of(const test::StorageNode& node) const {
  protocol::NodeDescriptor made;
  made.id = node.keys.id();
  made.key = node.keys.current().pair.public_key;
  made.valid_from_s = in_seconds(world_.clock.unix_time() - 1h);
  made.valid_until_s = in_seconds(world_.clock.unix_time() + days(7));
  made.addresses.push_back({node.endpoint});
  return made.encode_signed(node.keys.signer());
}

/// Signed as it should be, by keys that it has made.
void HostileNode::name_nodes(const Session& session, const crypto::Point& x, std::uint64_t counter) {
  protocol::Peers peers;
  peers.counter = counter;
  peers.node_time_s = in_seconds(its_time());
  if (found_ != nullptr) {
    peers.descriptors.push_back({descriptor_of(*found_)});
  }
  const auto count = 1 + below(limits::peers_per_answer);
  while (peers.descriptors.size() < count) {
    const crypto::SigningKey signer(temper_.random().array<32>());
    protocol::NodeDescriptor made;
    made.id = protocol::NodeId(signer.public_key());
    made.key = crypto::KeyPair::generate(temper_.random()).public_key;
    made.valid_from_s = in_seconds(world_.clock.unix_time() - 1h);
    made.valid_until_s = in_seconds(world_.clock.unix_time() + days(7));
    for (std::uint64_t a = 1 + below(limits::addresses_per_node); a > 0; --a) {
      made.addresses.push_back({any_address(nth(Namer::first_found_node, number_))});
    }
    peers.descriptors.push_back({made.encode_signed(signer)});
  }
  answer(session, x, protocol::FrameKind::retrieve_response, peers);
}

// --- What its node sends ---

bool HostileNode::on_answer(Packet& packet) {
  if (temper_.does("answer late")) {
    static constexpr milliseconds delays[] = {1s, 3s, 8s, 5min, 6h};
    late_.emplace(world_.clock.steady() + delays[below(std::size(delays))], packet);
    return true;
  }
  if (!named_.empty() && temper_.does("answer from where it is not")) {
    Packet moved = packet;
    moved.from = named_[below(named_.size())];
    if (temper_.does("hold such an answer until somebody tries the address") &&
        held_.size() < most_old_answers) {
      held_.push_back(moved);
    } else {
      sending_ = true;
      world_.network.inject(moved.from, moved.to, moved.bytes);
      sending_ = false;
    }
    return true;
  }
  if (packet.bytes.size() != limits::frame) {
    change_descriptor(packet);
  } else {
    change_answer(packet);
  }
  if (temper_.does("damage an answer")) {
    packet.bytes[below(packet.bytes.size())] ^= static_cast<std::uint8_t>(1 + below(255));
  }
  if (old_answers_.size() < most_old_answers) {
    old_answers_.emplace_back(packet.to, packet.bytes);
  }
  if (temper_.does("answer twice")) {
    send(packet.to, packet.bytes);
  }
  return false;
}

void HostileNode::on_try(const Packet& packet) {
  if (std::ranges::find(named_, packet.to) == named_.end()) {
    return;
  }
  sending_ = true;
  for (const Packet& held : std::exchange(held_, {})) {
    world_.network.inject(packet.to, held.to, held.bytes);
  }
  sending_ = false;
}

void HostileNode::change_descriptor(Packet& packet) {
  const ByteView bytes(packet.bytes);
  const auto header = protocol::read_frame_header(bytes);
  auto descriptor =
      header ? protocol::NodeDescriptor::decode_signed(bytes.subspan(limits::frame_header)) : std::nullopt;
  if (!descriptor || !temper_.does("tell another descriptor")) {
    return;
  }
  for (std::uint64_t i = below(3); i > 0 && descriptor->addresses.size() < limits::addresses_per_node; --i) {
    const Endpoint address = any_address(nth(Namer::first_node, number_));
    descriptor->addresses.push_back({address});
    if (named_.size() < most_old_answers &&
        address.ip[0] == static_cast<std::uint8_t>(nth(Namer::first_node, number_))) {
      named_.push_back(address);
    }
  }
  if (below(4) == 0) {
    descriptor->capacity_bytes = temper_.random().u64();
  }
  if (below(8) == 0) {
    descriptor->key = crypto::KeyPair::generate(temper_.random()).public_key;
  }
  if (below(8) == 0) {
    descriptor->valid_from_s += days(1000) / 1s;
    descriptor->valid_until_s += days(1000) / 1s;
  }
  auto request = *header;
  request.kind = header->kind == protocol::FrameKind::store_response ? protocol::FrameKind::store
                                                                     : protocol::FrameKind::retrieve;
  packet.bytes =
      protocol::make_cookie_reply(request, header->cookie, descriptor->encode_signed(node_.keys.signer()));
}

void HostileNode::change_answer(Packet& packet) {
  const auto header = protocol::read_frame_header(packet.bytes);
  const auto found = header ? sessions_.find(header->session) : sessions_.end();
  Plain plain{};
  if (found == sessions_.end() ||
      !protocol::open_frame(*header, found->second.keys.node_to_client, packet.bytes, plain)) {
    return;
  }
  protocol::Page page;
  protocol::StoreResponse answer;
  Plain changed{};
  bool whole = false;
  if (header->kind == protocol::FrameKind::store_response && wire::decode_padded(plain, answer)) {
    change(answer);
    whole = wire::encode_padded(answer, changed).has_value();
  } else if (header->kind == protocol::FrameKind::retrieve_response && wire::decode_padded(plain, page)) {
    change(page);
    whole = wire::encode_padded(page, changed).has_value();
  }
  if (whole) {
    protocol::FrameBytes frame;
    protocol::seal_frame(*header, found->second.keys.node_to_client, changed, frame);
    packet.bytes.assign(frame.begin(), frame.end());
  }
}

void HostileNode::change(protocol::Page& page) {
  if (page.is_announcement()) {
    return;
  }
  page.node_time_s = in_seconds(its_time());
  if (temper_.does("change a page")) {
    switch (below(6)) {
      case 0:
        page.count = static_cast<std::uint8_t>(below(20));
        break;
      case 1:
        page.index = static_cast<std::uint8_t>(below(20));
        break;
      case 2:
        page.cursor = below(2) == 0 ? 0 : temper_.random().u64();
        break;
      case 3:
        page.flags = static_cast<std::uint8_t>(below(8));
        break;
      case 4:
        page.counter += below(5) - 2;
        break;
      default:
        page.envelopes.clear();
    }
  }
}

void HostileNode::change(protocol::StoreResponse& answer) {
  answer.node_time_s = in_seconds(its_time());
  if (temper_.does("lie about the expiry")) {
    answer.expires_at_s = below(2) == 0 ? temper_.random().u64() : answer.expires_at_s + days(20) / 1s;
  }
  if (temper_.does("change an answer")) {
    answer.status = static_cast<protocol::StoreStatus>(below(12));
    answer.counter += below(4) == 0 ? below(5) - 2 : 0;
  }
}

// --- What it sends unasked ---

SteadyTime HostileNode::next() const {
  if (stopped_) {
    return never;
  }
  return late_.empty() ? next_act_ : std::min(next_act_, late_.begin()->first);
}

void HostileNode::tick() {
  const SteadyTime now = world_.clock.steady();
  while (!late_.empty() && late_.begin()->first <= now) {
    const Packet packet = std::move(late_.begin()->second);
    late_.erase(late_.begin());
    send(packet.to, packet.bytes);
  }
  if (now < next_act_) {
    return;
  }
  next_act_ = now + 1ms + temper_.random().below(2 * pause_);
  if (sessions_.empty()) {
    return;
  }
  auto chosen = sessions_.lower_bound(temper_.random().id<crypto::Point>());
  chosen = chosen == sessions_.end() ? sessions_.begin() : chosen;
  if (chosen->second.kind == protocol::FrameKind::retrieve && temper_.does("announce for nothing")) {
    for (std::uint64_t i = 1 + below(3); i > 0; --i) {
      answer(chosen->second, chosen->first, protocol::FrameKind::retrieve_response,
             protocol::Page::announcement(chosen->second.counter, in_seconds(its_time())));
    }
  }
  if (!old_answers_.empty() && temper_.does("repeat an old answer")) {
    const auto& old = old_answers_[below(old_answers_.size())];
    send(below(4) == 0 ? chosen->second.client : old.first, old.second);
  }
  if (temper_.does("send junk to a client")) {
    Bytes junk(1 + below(limits::frame));
    temper_.random().fill(junk);
    junk[0] = static_cast<std::uint8_t>(0xa0 + below(4));
    send(chosen->second.client, junk);
  }
}

// --- What all of this needs ---

UnixTime HostileNode::its_time() {
  const UnixTime right = world_.clock.unix_time();
  if (temper_.does("tell any time")) {
    return UnixTime(seconds(static_cast<std::int64_t>(below(1ULL << (below(2) == 0 ? 33 : 62)))));
  }
  return temper_.does("tell a wrong time") ? right + lie_ : right;
}

/// Of somebody in the world, or of nobody.
Endpoint HostileNode::any_address(Namer namer) {
  switch (below(3)) {
    case 0:
      return test::ipv4(static_cast<std::uint32_t>(1 + below(4)));
    case 1:
      return world_.nodes[below(world_.nodes.size())]->endpoint;
    default:
      return nobody(temper_.random(), namer);
  }
}

template <class Message>
void HostileNode::answer(const Session& session, const crypto::Point& x, protocol::FrameKind kind,
                         const Message& message) {
  Plain plain{};
  if (!wire::encode_padded(message, plain)) {
    return;
  }
  protocol::FrameHeader header;
  header.kind = kind;
  header.session = x;
  temper_.random().fill(header.cookie);  // the client's next request costs it a round trip
  temper_.random().fill(header.nonce);
  protocol::FrameBytes frame;
  protocol::seal_frame(header, session.keys.node_to_client, plain, frame);
  send(session.client, frame);
}

void HostileNode::send(const Endpoint& to, ByteView packet) {
  sending_ = true;
  world_.network.inject(node_.endpoint, to, packet);
  sending_ = false;
}

}  // namespace toxasync::sim
