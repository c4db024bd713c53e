// SPDX-License-Identifier: GPL-3.0-or-later
#include "wiretap.hpp"

#include "manager/core/state_tables.hpp"
#include "protocol/live.hpp"
#include "protocol/store_response.hpp"

namespace toxasync::sim {

void Wiretap::learn(const test::User& user) {
  for (const auto& [key, value] : user.state->durable()) {
    const auto table = static_cast<manager::Table>(key[0]);
    if ((table != manager::Table::root && table != manager::Table::last_resort) || value.size() < 32 ||
        !learned_.insert(to_array<32>(value)).second) {
      continue;
    }
    auto pair = crypto::KeyPair::from_secret(crypto::Secret<32>(to_array<32>(value)));
    if (table == manager::Table::last_resort) {
      last_resorts_.insert(crypto::pre_key_id(pair.public_key));
    } else {
      roots_.try_emplace(pair.public_key, user.key, std::move(pair.secret));
    }
  }
}

std::optional<ByteArray<limits::plaintext>> Wiretap::open(const protocol::FrameHeader& header,
                                                          test::StorageNode& node, ByteView packet) {
  const auto session = sessions_.find(header.session);
  ByteArray<limits::plaintext> plain{};
  if (session != sessions_.end() &&
      protocol::open_frame(header, session->second.client_to_node, packet, plain)) {
    return plain;
  }
  const auto& n = node.keys.current().pair;  // it is new, or under the node's next key
  auto keys = protocol::session_keys(n.secret, header.session, header.session, n.public_key);
  if (!keys || !protocol::open_frame(header, keys->client_to_node, packet, plain)) {
    return std::nullopt;
  }
  sessions_.insert_or_assign(header.session, std::move(*keys));
  return plain;
}

void Wiretap::on_node_packet(const Endpoint& to, ByteView packet) {
  const auto header = protocol::read_frame_header(packet);
  const auto among = [&](const auto& nodes) {
    const auto found = std::ranges::find_if(nodes, [&](const auto& n) { return n->endpoint == to; });
    return found == nodes.end() ? nullptr : found->get();
  };
  auto* const other = header ? among(world_.other_nodes) : nullptr;
  if (other != nullptr && header->kind == protocol::FrameKind::retrieve) {
    protocol::RetrieveRequest request;
    if (const auto plain = open(*header, *other, packet);
        plain && wire::decode_padded(*plain, request) && on_retrieve) {
      on_retrieve(*other, request.mailbox);
    }
  }
  const bool stores = header && header->kind == protocol::FrameKind::store;
  auto* const node = !stores ? nullptr : other != nullptr ? other : among(world_.nodes);
  const auto plain = node != nullptr ? open(*header, *node, packet) : std::nullopt;
  if (!plain) {
    return;
  }
  protocol::StoreRequest request;
  if (wire::decode_padded(*plain, request) && request.op == protocol::StoreOp::store) {
    const auto writer_of = [&](const crypto::FriendsMailbox& mailbox) {
      const auto found = std::ranges::find_if(world_.users, [&](const auto& user) {
        return mailbox.write_point(user->key) == request.mailbox.w;
      });
      return found == world_.users.end() ? std::nullopt : std::optional((*found)->key);
    };
    if (const auto key = on_envelope(request.epoch, request.mailbox.p, writer_of, request.payload)) {
      unanswered_.insert_or_assign({header->session, request.counter}, *key);
      if (on_message) {
        on_message(request);
      }
    }
  }
}

void Wiretap::on_answer(ByteView packet) {
  const auto header = protocol::read_frame_header(packet);
  if (!header || header->kind != protocol::FrameKind::store_response) {
    return;
  }
  const auto session = sessions_.find(header->session);
  ByteArray<limits::plaintext> plain{};
  protocol::StoreResponse answer;
  if (session == sessions_.end() ||
      !protocol::open_frame(*header, session->second.node_to_client, packet, plain) ||
      !wire::decode_padded(plain, answer)) {
    return;
  }
  const auto found = unanswered_.find({header->session, answer.counter});
  const bool came = answer.status == protocol::StoreStatus::stored ||
                    answer.status == protocol::StoreStatus::duplicate ||
                    answer.status == protocol::StoreStatus::gone;
  if (found != unanswered_.end() && came) {
    model_.came(found->second);
    unanswered_.erase(found);
  }
}

void Wiretap::on_friend_packet(const test::World::FriendPacket& sent) {
  const auto packet = protocol::read_friend_packet(sent.bytes);
  protocol::LiveEnvelope live;
  if (packet && packet->type == protocol::FriendPacketType::envelope &&
      wire::decode(packet->message, live) == wire::Error::none) {
    const auto sender = [&](const crypto::FriendsMailbox&) { return std::optional(sent.from->key); };
    if (const auto key = on_envelope(live.epoch, live.mailbox, sender, live.envelope)) {
      model_.came(*key);
    }
  }
}

const Wiretap::Owned* Wiretap::find(crypto::Epoch epoch, const crypto::Point& p) {
  for (const bool again : {false, true}) {
    if (const auto found = mailboxes_.find(p); found != mailboxes_.end()) {
      return &found->second;
    }
    if (again) {
      for (const auto& user : world_.users) {
        learn(*user);
      }
    }
    for (const auto& [m, root] : roots_) {
      if (!derived_.emplace(m, epoch).second) {
        continue;
      }
      if (auto owned = crypto::FriendsMailbox::derive({root.second.clone(), m}, epoch)) {
        const auto place = owned->p();
        mailboxes_.emplace(place, Owned{root.first, std::move(*owned)});
      }
    }
  }
  const auto found = mailboxes_.find(p);
  return found == mailboxes_.end() ? nullptr : &found->second;
}

std::optional<crypto::PreKeyId> Wiretap::on_envelope(crypto::Epoch epoch, const crypto::Point& p,
                                                     const WriterOf& writer_of, ByteView envelope) {
  const auto [seen, fresh] = seen_.try_emplace(crypto::h128({}, {envelope}));
  if (!fresh) {
    return seen->second;
  }
  const Owned* const owned = find(epoch, p);
  const auto writer = owned != nullptr ? writer_of(owned->mailbox) : std::nullopt;
  const auto header =
      writer ? crypto::open_header(owned->mailbox.box(*writer), envelope) : crypto::EnvelopeError::header;
  if (!header) {
    return std::nullopt;  // of no friends root: not a message of a person
  }
  if (!last_resorts_.contains(header->pre_key) && !one_time_.contains(header->pre_key)) {
    learn(*world_.user(owned->owner));
    if (!last_resorts_.contains(header->pre_key)) {
      one_time_.insert(header->pre_key);
    }
  }
  model_.sealed(header->sender, owned->owner, header->message_id, header->pre_key,
                one_time_.contains(header->pre_key));
  seen->second = header->pre_key;
  return seen->second;
}

}  // namespace toxasync::sim
