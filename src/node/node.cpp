// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/node.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::node {

namespace {

constexpr std::size_t expire_rows = 512;     // of one slice
constexpr milliseconds rotate_again = 1min;  // after the key file could not be written
constexpr milliseconds follow_capacity_every = 1min;
// How often the date is written to the key file; again after that could not be done.
constexpr milliseconds mark_clock_every = 6h;
constexpr milliseconds mark_doubted_clock_every = 1min;
constexpr milliseconds mark_clock_again = 1min;
/// A session without its tag serves nobody. Were they admitted one by one, a source that opens more sessions
/// than it is granted would spend all its tokens on sessions, and never be served.
constexpr std::uint32_t for_session_and_tag = 2;

}  // namespace

std::string describe_doubted_clock(seconds ahead) {
  const auto hours = std::chrono::round<std::chrono::hours>(std::chrono::abs(ahead)).count();
  return "The clock is " + std::to_string(hours) + " hours " + (ahead > 0s ? "ahead of" : "behind") +
         " what was expected: until it has kept its course for an hour nothing expires. If it is wrong, set "
         "it "
         "right before that, or messages are lost. If it is right, because the machine was off or its clock "
         "was "
         "wrong before, there is nothing to do.";
}

Node::Node(store::Store& store, NodeKeys& keys, Random& random, Telemetry telemetry, NodeConfig config,
           Now now)
    : store_(store),
      keys_(keys),
      random_(random),
      telemetry_(telemetry),
      config_(std::move(config)),
      clock_(now, keys.clock_marks()),
      cookies_(random),
      sessions_(config_.sessions, random.array<16>()),
      key_agreement_limiter_(config_.sources,
                             {{config_.key_agreements_burst, config_.key_agreements_per_minute},
                              config_.key_agreements_per_second},
                             random.array<16>()),
      quota_(config_.networks, config_.deposits, random.array<16>()),
      pending_(config_.pending_requests),
      subscriptions_(config_.sessions, random.array<16>()),
      now_(now),
      next_expire_(now.steady),
      next_rotate_(now.steady),
      next_capacity_(now.steady + follow_capacity_every),
      next_clock_marks_(now.steady) {
  sign_descriptor();
  follow_clock(now);
  rotate_keys(now);
}

void Node::on_packet(Transport& via, const Route& from, ByteView packet, Now now) noexcept {
  try {
    handle_packet(via, from, packet, now);
  } catch (...) {  // out of memory
    telemetry_.refuse(Counter::store_failed);
  }
}

void Node::handle_packet(Transport& via, const Route& from, ByteView packet, Now now) {
  now_ = now;
  clock_.observe(now);
  telemetry_.count(Counter::frames_in);
  telemetry_.count(Counter::bytes_in, packet.size());
  // Every answer is at most as long as this.
  if (packet.size() != limits::frame) {
    return telemetry_.refuse(Counter::refused_length);
  }
  const auto header = protocol::read_frame_header(packet);
  if (!header) {
    return telemetry_.refuse(header.error() == protocol::FrameError::version ? Counter::refused_version
                                                                             : Counter::refused_kind);
  }
  if (!protocol::is_request(header->kind)) {
    return telemetry_.refuse(Counter::refused_kind);
  }
  if (!cookies_.accepts(header->cookie, from, header->session, now.steady)) {
    telemetry_.refuse(Counter::refused_cookie);
    return send_cookie_reply(via, from, *header, now);
  }
  ByteArray<limits::plaintext> plain;
  Session* session = open(via, from, *header, packet, plain, now);
  if (session == nullptr) {
    return;
  }
  const auto path_for = [&](std::uint64_t counter) {
    return ReplyPath{&via, from, header->kind, header->session, session->serial, counter};
  };
  ByteView encoded;
  if (header->kind == protocol::FrameKind::store) {
    if (decode(plain, *session, store_request_, encoded)) {
      on_store({path_for(store_request_.counter), *session, encoded, now}, store_request_);
    }
  } else if (decode(plain, *session, retrieve_request_, encoded)) {
    on_retrieve({path_for(retrieve_request_.counter), *session, encoded, now}, retrieve_request_);
  }
}

Session* Node::open(Transport& via, const Route& from, const protocol::FrameHeader& header, ByteView packet,
                    MutableBytes plain, Now now) {
  if (!crypto::is_canonical(header.session)) {
    telemetry_.refuse(Counter::refused_session_point);
    return nullptr;
  }
  Session* known = sessions_.find(header.session);
  if (known != nullptr && node_key(known->node_key) == nullptr) {
    known = nullptr;  // its N has ended
  }
  if (known != nullptr && protocol::open_frame(header, known->keys.client_to_node, packet, plain)) {
    sessions_.touch(header.session);
    return known;
  }
  return open_with_new_keys(via, from, header, packet, plain, now, known);
}

Session* Node::open_with_new_keys(Transport& via, const Route& from, const protocol::FrameHeader& header,
                                  ByteView packet, MutableBytes plain, Now now, const Session* known) {
  // No honest client goes from the current N back to the previous one.
  const bool forged = known != nullptr && known->node_key == keys_.current().pair.public_key;
  const Source source(from, header.session);
  if (!forged && !may_agree(source, now, for_session_and_tag)) {
    return nullptr;
  }
  for (const SessionKey* key : {&keys_.current(), keys_.previous(clock_.earliest())}) {
    if (forged || key == nullptr || (known != nullptr && known->node_key == key->pair.public_key)) {
      continue;
    }
    const crypto::Point& n = key->pair.public_key;
    auto keys = protocol::session_keys(key->pair.secret, header.session, header.session, n);
    if (!keys) {
      telemetry_.refuse(Counter::refused_session_point);
      return nullptr;
    }
    if (protocol::open_frame(header, keys->client_to_node, packet, plain)) {
      const auto opened = sessions_.open(header.session, n, std::move(*keys), source, now.steady);
      telemetry_.count(Counter::sessions_opened);
      telemetry_.count(Counter::sessions_evicted, opened.evicted ? 1 : 0);
      opened.session.tag_is_paid = true;
      return &opened.session;
    }
  }
  telemetry_.refuse(Counter::refused_frame_forged);
  send_cookie_reply(via, from, header, now);  // an honest client learns the new N from it
  return nullptr;
}

const SessionKey* Node::node_key(const crypto::Point& n) const noexcept {
  if (keys_.current().pair.public_key == n) {
    return &keys_.current();
  }
  const SessionKey* previous = keys_.previous(clock_.earliest());
  return previous != nullptr && previous->pair.public_key == n ? previous : nullptr;
}

/// Decodes, and accepts every counter once.
template <class Message>
bool Node::decode(ByteView plain, Session& session, Message& message, ByteView& encoded) const {
  const auto place = wire::decode_padded(plain, message);
  if (!place) {
    telemetry_.refuse(Counter::refused_message_malformed);
    return false;
  }
  if (!session.replay.accept(message.counter)) {
    telemetry_.refuse(Counter::refused_replay);
    return false;
  }
  encoded = *place;
  return true;
}

bool Node::may_agree(const Source& source, Now now, std::uint32_t agreements) {
  const KeyAgreementLimiter::Answer answer = key_agreement_limiter_.admit(source, now.steady, agreements);
  if (answer == KeyAgreementLimiter::Answer::yes) {
    return true;
  }
  const bool spent = answer == KeyAgreementLimiter::Answer::source_spent;
  telemetry_.refuse(spent ? Counter::refused_rate : Counter::refused_key_agreement);
  key_agreement_retry_ = key_agreement_limiter_.retry_after(answer, source, now.steady, agreements);
  return false;
}

Node::TagCheck Node::check_tag(const Request& request, crypto::TagKind kind, const crypto::Point& point,
                               const crypto::Tag& shown, std::size_t tag_offset) {
  Session& session = request.session;
  if (!session.tag_key || session.tag_key->point != point) {
    if (!std::exchange(session.tag_is_paid, false) && !may_agree(request.source(), request.now, 1)) {
      return TagCheck::no_tokens;
    }
    const SessionKey* key = node_key(session.node_key);
    crypto::Wiped<32> shared;
    if (key == nullptr || !crypto::x25519(shared, key->pair.secret.bytes(), point)) {
      return TagCheck::bad_point;
    }
    session.tag_key.emplace(Session::TagKey{point, crypto::Secret<32>::copy_of(shared)});
  }
  const crypto::Tag expected = crypto::request_tag(kind, session.tag_key->shared.bytes(), session.node_key,
                                                   request.path.session, request.message, tag_offset);
  if (!crypto::equal(expected, shown)) {
    return TagCheck::wrong;
  }
  if (kind == crypto::TagKind::owner) {
    sessions_.prove(request.path.session, request.now.steady);
  }
  request.path.via->on_authentic(request.path.route);
  return TagCheck::good;
}

void Node::send(Transport& via, const Route& to, ByteView packet) noexcept {
  if (!via.send(to, packet)) {
    return telemetry_.count(Counter::send_failed);
  }
  telemetry_.count(Counter::frames_out);
  telemetry_.count(Counter::bytes_out, packet.size());
}

void Node::send_sealed(const ReplyPath& path, const Session& session, const protocol::Cookie& cookie,
                       const ByteArray<limits::plaintext>& plain) noexcept {
  protocol::FrameHeader header;
  header.kind = protocol::response_to(path.kind);
  header.cookie = cookie;
  header.session = path.session;
  random_.fill(header.nonce);
  protocol::FrameBytes frame;
  protocol::seal_frame(header, session.keys.node_to_client, plain, frame);
  send(*path.via, path.route, frame);
}

void Node::send_cookie_reply(Transport& via, const Route& to, const protocol::FrameHeader& header, Now now) {
  telemetry_.count(Counter::cookies_sent);
  send(via, to,
       protocol::make_cookie_reply(header, cookies_.bake(to, header.session, now.steady), descriptor_));
}

const Session* Node::answerable(const ReplyPath& path) noexcept {
  const Session* session = session_of(path);
  if (session == nullptr) {
    telemetry_.refuse(Counter::refused_session_unknown);
  }
  return session;
}

const Session* Node::session_of(const ReplyPath& path) noexcept {
  const Session* session = sessions_.find(path.session);
  const bool there = path.via != nullptr && session != nullptr && session->serial == path.session_serial;
  return there ? session : nullptr;
}

void Node::tick(Now now) {
  now_ = now;
  clock_.observe(now);
  follow_clock(now);
  if (now.steady >= next_expire_) {
    store_.expire(clock_.earliest(), expire_rows);
    next_expire_ = now.steady + std::max(config_.expire_every, 1ms);
    group_open_ = true;
  }
  rotate_keys(now);
  follow_capacity(now);
  if (group_open_) {
    store_.submit();
    group_open_ = false;
  }
  store_.poll(*this);
}

/// The next slice at once: requests that have come meanwhile are before it.
void Node::on_expired(bool more) noexcept {
  if (more) {
    next_expire_ = std::min(next_expire_, now_.steady);
  }
}

SteadyTime Node::next_deadline() const noexcept {
  constexpr milliseconds poll_every = 10ms;  // of a store that cannot wake us
  if (group_open_) {
    return now_.steady;
  }
  if (pending_.size() != 0 && store_.wake_fd() < 0) {
    return std::min(next_expire_, now_.steady + poll_every);
  }
  return next_expire_;
}

/// Reports when the clock begins and ends to be doubted, and keeps what is known of it on disk.
void Node::follow_clock(Now now) {
  const bool doubted = clock_.in_doubt();
  const bool changed = doubted != (doubted_clock_ != 0s);
  if (changed) {
    telemetry_.count(Counter::clock_doubted, doubted ? 1 : 0);
    telemetry_.log(doubted ? LogLevel::warning : LogLevel::info, "clock",
                   doubted ? describe_doubted_clock(clock_.doubted()) : "the clock is believed again");
  }
  if (std::chrono::abs(clock_.doubted() - doubted_clock_) >= 1h) {
    doubted_clock_ = clock_.doubted();
    sign_descriptor();
  }
  if (!changed && now.steady < next_clock_marks_) {
    return;
  }
  const auto saved = keys_.set_clock_marks(clock_.marks());
  if (!saved) {
    telemetry_.log(LogLevel::error, "clock", crypto::describe(saved.error()));
  }
  next_clock_marks_ = now.steady + (!saved    ? mark_clock_again
                                    : doubted ? mark_doubted_clock_every
                                              : mark_clock_every);
}

void Node::rotate_keys(Now now) {
  // While there are two dates the key is kept: its descriptor is valid at both.
  if (now.steady < next_rotate_ || clock_.in_doubt()) {
    return;
  }
  const auto rotated = keys_.rotate(random_, clock_.earliest());
  if (!rotated) {
    telemetry_.log(LogLevel::error, "node", crypto::describe(rotated.error()));
    next_rotate_ = now.steady + rotate_again;
    return;
  }
  if (*rotated) {
    const SessionKey* previous = keys_.previous(clock_.earliest());
    sessions_.retain(keys_.current().pair.public_key,
                     previous == nullptr ? nullptr : &previous->pair.public_key);
    sign_descriptor();
    telemetry_.log(LogLevel::info, "node",
                   "renewed the session keys (weekly); clients will agree on new ones");
  }
}

/// The store's capacity follows its disk, and the descriptor the capacity, in steps of an eighth.
void Node::follow_capacity(Now now) {
  if (now.steady < next_capacity_) {
    return;
  }
  next_capacity_ = now.steady + follow_capacity_every;
  const std::uint64_t capacity = store_.stats().capacity_bytes;
  const std::uint64_t step = announced_capacity_bytes_ / 8;
  if (capacity != 0 &&
      (capacity > announced_capacity_bytes_ + step || capacity + step < announced_capacity_bytes_)) {
    sign_descriptor();
  }
}

void Node::sign_descriptor() {
  protocol::NodeDescriptor descriptor;
  descriptor.id = keys_.id();
  descriptor.key = keys_.current().pair.public_key;
  descriptor.valid_from_s = since_1970_s(std::min(keys_.current().valid_from, clock_.earliest()));
  descriptor.valid_until_s = since_1970_s(std::max(keys_.current().valid_until, clock_.latest()));
  const std::uint64_t capacity = store_.stats().capacity_bytes;
  announced_capacity_bytes_ = capacity != 0 ? capacity : config_.capacity_bytes;
  descriptor.capacity_bytes = announced_capacity_bytes_;
  const std::size_t count = std::min(config_.addresses.size(), limits::addresses_per_node);
  for (std::size_t i = 0; i < count; ++i) {
    descriptor.addresses.push_back({config_.addresses[i]});
  }
  descriptor_ = descriptor.encode_signed(keys_.signer());
}

void Node::set_peers(const std::vector<Bytes>& descriptors) {
  peers_.clear();
  for (const Bytes& bytes : descriptors) {
    const auto descriptor = protocol::NodeDescriptor::decode_signed(bytes);
    if (peers_.size() < peers_kept && descriptor && descriptor->id != keys_.id() &&
        !descriptor->addresses.empty()) {
      peers_.push_back({bytes, unix_time(descriptor->valid_until_s)});
    }
  }
}

}  // namespace toxasync::node
