// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/frame.hpp"
#include "protocol/node_descriptor.hpp"
#include "protocol/page.hpp"
#include "protocol/peers.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "protocol/store_response.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::test {

/// The node side of docs/protocol.md, section 6, in memory: strict with the client, honest, and controlled by
/// its hooks to misbehave. One at each endpoint that it is given.
class ScriptedNode final : public PacketReceiver {
 public:
  ScriptedNode(MockNetwork& network, ManualClock& clock, std::uint64_t seed, std::vector<Endpoint> endpoints)
      : clock_(clock), random_(seed), signer_(random_.array<32>()), key_(crypto::KeyPair::generate(random_)) {
    for (const Endpoint& endpoint : endpoints) {
      ends_.push_back(&network.add(endpoint));
      ends_.back()->set_receiver(this);
    }
    endpoints_ = std::move(endpoints);
  }

  // --- What its descriptor and answers say ---
  [[nodiscard]] protocol::NodeId id() const noexcept { return protocol::NodeId(signer_.public_key()); }
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] protocol::NodeDescriptor descriptor() const {
    const UnixTime from = std::chrono::floor<std::chrono::weeks>(clock_.unix_time());
    return {1,
            id(),
            key_.public_key,
            since_1970_s(from),
            since_1970_s(from + days(7)),
            1 << 20,
            announced_addresses()};
  }
  [[nodiscard]] Bytes sign(const protocol::NodeDescriptor& descriptor) const {
    return descriptor.encode_signed(signer_);
  }

  // --- Misbehaviour and mishaps ---
  std::function<Bytes(const protocol::FrameHeader&)> descriptor_hook;  ///< In place of the descriptor.
  std::function<void(protocol::StoreResponse&)> store_hook;
  std::function<void(const protocol::RetrieveRequest&, std::vector<protocol::Page>&)> pages_hook;
  std::vector<Bytes> peers;       ///< Descriptors of other nodes that it names.
  std::vector<Endpoint> told_at;  ///< Its addresses, as its descriptor says.
  bool never_content = false;     ///< Takes no cookie.
  bool rotate_always = false;     ///< Has a new N whenever it is asked.
  bool silent = false;            ///< Takes requests, answers none.
  seconds clock_ahead = 0s;

  /// A new N; the old one is lost. A cookie stays good.
  void rotate_key() {
    key_ = crypto::KeyPair::generate(random_);
    for (auto& [x, session] : sessions_) {
      session.stale = true;  // one of them may be answering just now
    }
  }
  /// All cookies that were given become stale.
  void age_cookies() { ++cookie_age_; }

  // --- What it has seen ---
  struct Seen {
    SteadyTime at{};
    Endpoint from;
    protocol::FrameHeader header;
    std::uint64_t counter = 0;  ///< 0 where a cookie reply was the answer.
  };
  std::vector<Seen> requests;
  std::vector<protocol::RetrieveRequest> retrieves;
  unsigned cookie_replies = 0;
  unsigned stores_served = 0;
  unsigned tags_refused = 0;
  unsigned replays = 0;

  using BoxName = std::pair<crypto::Point, crypto::Point>;  ///< P and W.
  struct Mail {
    std::uint64_t sequence = 0;
    crypto::EnvelopeId id{};
    Bytes bytes;
  };
  std::map<BoxName, std::vector<Mail>> boxes;
  std::set<crypto::EnvelopeId> deleted;

  [[nodiscard]] std::vector<Mail>& mail(const crypto::MailboxAddress& address) {
    return boxes[{address.p, address.w}];
  }
  /// Mail that came by another way.
  void put(const crypto::MailboxAddress& address, Bytes envelope) {
    const auto id = crypto::envelope_id(address, envelope);
    mail(address).push_back({++sequence_, id, std::move(envelope)});
  }

  void on_packet(const Route& from, ByteView packet) noexcept override {
    const auto header = protocol::read_frame_header(packet);
    if (!header || !protocol::is_request(header->kind) || packet.size() != limits::frame) {
      std::abort();  // the client sends no such thing
    }
    requests.push_back({clock_.steady(), from.endpoint, *header, 0});
    if (rotate_always) {
      rotate_key();
    }
    if (silent) {
      return;
    }
    Session& session = sessions_[header->session];
    if (session.stale) {
      session = {};
    }
    if (!session.keys) {
      session.keys = protocol::session_keys(key_.secret, header->session, header->session, key_.public_key);
    }
    ByteArray<limits::plaintext> plain;
    if (never_content || header->cookie != cookie_for(from, header->session) ||
        !protocol::open_frame(*header, session.keys->client_to_node, packet, plain)) {
      ++cookie_replies;
      send(from,
           protocol::make_cookie_reply(*header, cookie_for(from, header->session),
                                       descriptor_hook ? descriptor_hook(*header) : sign(descriptor())));
    } else if (header->kind == protocol::FrameKind::store) {
      take_store(session, from, *header, plain);
    } else {
      take_retrieve(session, from, *header, plain);
    }
  }

  /// Sends a message in a frame of a session, from the first endpoint.
  template <class Message>
  void answer(const Endpoint& to, const protocol::FrameHeader& request, const Message& message) {
    Route route;
    route.endpoint = to;
    answer(sessions_[request.session], route, request, message);
  }

 private:
  [[nodiscard]] std::vector<protocol::Address> announced_addresses() const {
    std::vector<protocol::Address> addresses;
    for (const Endpoint& endpoint : told_at) {
      addresses.push_back({endpoint});
    }
    return addresses;
  }

  struct Session {
    std::optional<protocol::SessionKeys> keys;
    protocol::ReplayWindow window;
    bool stale = false;  ///< Its N was replaced.
  };

  [[nodiscard]] protocol::Cookie cookie_for(const Route& from, const crypto::Point& x) const {
    const ByteArray<2> port{static_cast<std::uint8_t>(from.endpoint.port),
                            static_cast<std::uint8_t>(cookie_age_)};
    return crypto::h128(as_bytes("a secret"), {from.endpoint.ip, port, x});
  }

  void send(const Route& to, ByteView packet) { ends_.front()->send(to, packet); }

  template <class Message>
  void answer(Session& session, const Route& to, const protocol::FrameHeader& request,
              const Message& message) {
    ByteArray<limits::plaintext> plain;
    if (!wire::encode_padded(message, plain)) {
      std::abort();
    }
    protocol::FrameBytes frame;
    protocol::seal_frame({protocol::response_to(request.kind), protocol::frame_version,
                          cookie_for(to, request.session), request.session, random_.array<24>()},
                         session.keys->node_to_client, plain, frame);
    send(to, frame);
  }

  /// Whether the request is new and its tag right.
  template <class Request>
  bool admit(Session& session, const protocol::FrameHeader& header, crypto::TagKind kind,
             const crypto::Point& point, ByteView plain, Request& request, const crypto::Tag& tag) {
    const auto encoded = wire::decode_padded(plain, request);
    if (!encoded) {
      std::abort();
    }
    requests.back().counter = request.counter;
    if (!session.window.accept(request.counter)) {
      ++replays;
      return false;
    }
    ByteArray<32> shared;
    if (!crypto::x25519(shared, key_.secret.bytes(), point) ||
        crypto::request_tag(kind, shared, key_.public_key, header.session, *encoded, Request::tag_offset) !=
            tag) {
      ++tags_refused;
      return false;
    }
    return true;
  }

  void take_store(Session& session, const Route& from, const protocol::FrameHeader& header, ByteView plain) {
    protocol::StoreRequest request;
    const auto w = id_from<crypto::Point>(plain.subspan(limits::length_prefix + 8 + 1 + 4 + 4 + 32));
    if (!admit(session, header, crypto::TagKind::write, w, plain, request, request.write_tag)) {
      return;
    }
    ++stores_served;
    protocol::StoreResponse response;
    response.counter = request.counter;
    response.node_time_s = node_time_s();
    response.expires_at_s = response.node_time_s + request.ttl_s;
    response.status = serve(request);
    if (store_hook) {
      store_hook(response);
    }
    answer(session, from, header, response);
  }

  protocol::StoreStatus serve(const protocol::StoreRequest& request) {
    auto& box = mail(request.mailbox);
    const auto has = [](const crypto::EnvelopeId& id) {
      return [id](const Mail& mail) { return mail.id == id; };
    };
    if (request.op == protocol::StoreOp::cancel) {
      const auto id = id_from<crypto::EnvelopeId>(request.payload);
      return std::erase_if(box, has(id)) != 0 ? protocol::StoreStatus::cancelled
                                              : protocol::StoreStatus::absent;
    }
    const auto id = crypto::envelope_id(request.mailbox, request.payload);
    if (deleted.contains(id)) {
      return protocol::StoreStatus::gone;
    }
    if (std::ranges::any_of(box, has(id))) {
      return protocol::StoreStatus::duplicate;
    }
    put(request.mailbox, request.payload);
    return protocol::StoreStatus::stored;
  }

  void take_retrieve(Session& session, const Route& from, const protocol::FrameHeader& header,
                     ByteView plain) {
    if (plain[limits::length_prefix + 8] == static_cast<std::uint8_t>(protocol::RetrieveOp::peers)) {
      return handle_peers(session, from, header, plain);
    }
    protocol::RetrieveRequest request;
    const auto p = id_from<crypto::Point>(plain.subspan(limits::length_prefix + 8 + 1 + 1));
    if (!admit(session, header, crypto::TagKind::owner, p, plain, request, request.owner_tag)) {
      return;
    }
    retrieves.push_back(request);
    for (const auto& id : request.ids_to_delete) {
      for (auto& [name, box] : boxes) {
        if (name.first == request.mailbox) {
          std::erase_if(box, [&](const Mail& mail) { return mail.id == id; });
        }
      }
      deleted.insert(id);
    }
    auto pages = list(request);
    if (pages_hook) {
      pages_hook(request, pages);
    }
    for (const auto& page : pages) {
      answer(session, from, header, page);
    }
  }

  void handle_peers(Session& session, const Route& from, const protocol::FrameHeader& header,
                    ByteView plain) {
    protocol::RetrieveRequest request;
    const protocol::RetrieveRequest empty;
    if (!wire::decode_padded(plain, request) || request.mailbox != empty.mailbox || request.cursor != 0 ||
        request.owner_tag != empty.owner_tag || request.boxes != empty.boxes ||
        !request.ids_to_delete.empty()) {
      std::abort();  // it says nothing but that
    }
    if (!session.window.accept(request.counter)) {
      ++replays;
      return;
    }
    protocol::Peers answered{request.counter, node_time_s(), {}};
    for (const Bytes& peer : peers) {
      answered.descriptors.push_back({peer});
    }
    answer(session, from, header, answered);
  }

  /// What lies in the boxes that are named, beyond the cursor: by its sequence.
  std::map<std::uint64_t, protocol::PagedEnvelope> named(const protocol::RetrieveRequest& request) const {
    std::map<std::uint64_t, protocol::PagedEnvelope> all;
    for (const auto& [name, box] : boxes) {
      const auto at = std::ranges::find(request.boxes, crypto::box_tag({name.first, name.second}));
      for (const Mail& mail : box) {
        if (name.first == request.mailbox && at != request.boxes.end() && mail.sequence > request.cursor) {
          all[mail.sequence] = {crypto::box_name({name.first, name.second}), mail.bytes};
        }
      }
    }
    return all;
  }

  /// Pages of one large or up to three small envelopes each.
  std::vector<protocol::Page> list(const protocol::RetrieveRequest& request) const {
    std::vector<protocol::Page> pages;
    bool more = false;
    for (auto& [sequence, mail] : named(request)) {
      const bool fits = !pages.empty() && mail.bytes.size() == limits::small_envelope &&
                        pages.back().envelopes.front().bytes.size() == limits::small_envelope &&
                        pages.back().envelopes.size() < limits::envelopes_per_page;
      if (!fits && pages.size() == request.window) {
        more = true;
        break;
      }
      if (!fits) {
        pages.emplace_back();
      }
      pages.back().envelopes.push_back(mail);
      pages.back().cursor = sequence;
    }
    if (pages.empty()) {
      pages.emplace_back().cursor = request.cursor;
    }
    for (std::size_t i = 0; i < pages.size(); ++i) {
      pages[i].counter = request.counter;
      pages[i].index = static_cast<std::uint8_t>(i);
      pages[i].count = static_cast<std::uint8_t>(pages.size());
      pages[i].node_time_s = node_time_s();
      pages[i].flags = more ? protocol::Page::flag_more : 0;
    }
    return pages;
  }

  [[nodiscard]] std::uint64_t node_time_s() const { return since_1970_s(clock_.unix_time() + clock_ahead); }

  ManualClock& clock_;
  SeededRandom random_;
  crypto::SigningKey signer_;
  crypto::KeyPair key_;  ///< N
  std::vector<Endpoint> endpoints_;
  std::vector<MockTransport*> ends_;
  std::map<crypto::Point, Session> sessions_;
  std::uint64_t sequence_ = 0;
  unsigned cookie_age_ = 0;
};

}  // namespace toxasync::test
