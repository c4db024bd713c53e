// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "chosen_envelope.hpp"
#include "hostile_node.hpp"
#include "manager/core/utf8.hpp"
#include "target.hpp"
#include "tests/manager/hand_friend.hpp"
#include "tests/support/samples.hpp"

namespace toxasync::fuzz {

/// A user, Bob, his friend Eve, who is played by the target, an honest node and a hostile one; his home nodes
/// are both. Bob starts with what is on his disk after he and Eve have exchanged bundles, so that an input
/// begins where it becomes interesting, and cheaply: the few rows of one-time keys that are kept are enough.
class ManagerRig {
 public:
  /// The state of a Bob who was online for a while, and what Eve knows.
  struct Snapshot {
    std::vector<store::StateEntry> rows;
    milliseconds age = 0ms;
    protocol::BundleHead bundle;
    std::vector<crypto::Point> keys;
  };
  static const Snapshot& snapshot() {
    static const Snapshot made = make_snapshot();
    return made;
  }

  explicit ManagerRig(Source& source, const std::vector<store::StateEntry>& rows = snapshot().rows)
      : source(source) {
    world.clock.advance(snapshot().age);
    store::StateBatch batch;
    for (const auto& row : rows) {
      batch.push_back({row.key, row.value});
    }
    bob.state->commit(std::move(batch), nullptr);
    start_bob();
    eve.emplace(world, bob);
    eve->bundle = snapshot().bundle;
    eve->keys = snapshot().keys;
  }

  /// What must hold in the end.
  void finish() {
    hostile->become_honest();
    world.run(1min);
    look_at_shown();
    bob.crash();
    bob.start();
    world.run(1min);
    look_at_shown();
    check(bob.state->load().size() < most_rows, "a state stays small");
  }
  void crash() {
    check(!bob.manager->failed(), "nothing is thrown in the manager");
    bob.crash();
    crashed = true;
    bob.start();
  }
  void pass_time() {
    // All together a day: each hour of it costs tens of polls.
    const milliseconds time =
        source.chance(4) ? milliseconds(std::chrono::minutes(source.number())) : seconds(source.number());
    world.run(std::min(time, time_left));
    time_left -= std::min(time, time_left);
  }
  void send() {
    const std::string text(1 + source.below(2) * limits::large_text, 'x');
    if (const auto id = bob.manager->send(eve->key(), crypto::MessageKind::normal, as_bytes(text))) {
      sent.push_back(*id);
    }
  }
  void cancel() {
    if (!sent.empty()) {
      (void)bob.manager->cancel(source.one_of(sent));
    }
  }

  // --- What Eve says ---
  protocol::BundleHead head() {
    auto head = eve->head(roots[source.below(roots.size())], 2 + source.below(8), 0);
    if (source.chance(4)) {
      eve->instance = crypto::Instance{90 + source.below(12)};
      head.version.instance = eve->instance;
      head.replaces = crypto::Instance{source.below(2) * (90 + source.below(12))};
    }
    if (source.chance(8)) {
      head = source.message<protocol::BundleHead>();
    }
    if (source.chance(4)) {
      head.use_until_s = source.number<std::uint64_t>();
    }
    if (source.chance(4)) {
      head.home_nodes.assign(1 + source.below(limits::home_nodes), {hostile_node->id(), {{address()}}});
    }
    if (source.chance(4)) {
      keys_to_come = eve->some_keys(head.version.version, 0, 1 + source.below(limits::keys_per_packet));
      eve->announce(head, keys_to_come.keys);
    }
    if (!source.chance(16)) {
      eve->sign(head);
    }
    return head;
  }
  /// A letter in a friends mailbox of Bob's, as anybody with Eve's keys could have sealed it.
  struct Letter {
    crypto::WritableMailbox mailbox;
    Bytes envelope;
  };
  std::optional<Letter> letter() {
    auto mailbox = crypto::friends_mailbox(eve->bundle.root, epoch());
    return mailbox ? seal(std::move(*mailbox), eve->pair(), pre_key(), body()) : std::nullopt;
  }
  std::optional<Letter> seal(crypto::WritableMailbox mailbox, const crypto::KeyPair& sender,
                             const crypto::Point& pre_key, const crypto::EnvelopeBody& body) {
    crypto::EnvelopeHeader header{
        {}, eve->instance, crypto::pre_key_id(pre_key), test::numbered<crypto::MessageId>(source.number())};
    if (mailbox.kind == crypto::RootKind::open) {
      header.sender = sender.friend_key();
    }
    const auto e = crypto::KeyPair::generate(eve->random());
    const auto chosen = choose_envelope(source, sender, bob.key, pre_key, mailbox.kind, header, body);
    auto envelope = chosen ? chosen->seal(mailbox, e) : std::nullopt;
    return envelope ? std::optional(Letter{std::move(mailbox), std::move(*envelope)}) : std::nullopt;
  }
  crypto::EnvelopeBody body() {
    crypto::EnvelopeBody body;
    body.kind = crypto::MessageKind(source.below(8));
    body.sequence = crypto::is_ordered(body.kind) ? source.number() : 0;
    body.floor = std::min<std::uint64_t>(body.sequence, source.number());
    body.sent_at_ms = since_1970_ms(world.clock.now().wall);
    body.lifetime_s = 86400;
    body.parts = source.chance(4) ? source.number() : 1;
    body.part = body.parts == 1 ? 0 : source.number();
    body.text = text(body.kind);
    return body;
  }
  Bytes text(crypto::MessageKind kind) {
    Bytes text;
    if (kind == crypto::MessageKind::receipt || kind == crypto::MessageKind::nack) {
      for (const auto& id : ids()) {
        text.insert(text.end(), id.begin(), id.end());
      }
    } else if (kind == crypto::MessageKind::bundle) {
      text.resize(limits::whole_bundle);
      const auto size = wire::encode(protocol::WholeBundle{head(), keys_to_come.keys}, text);
      text.resize(size ? *size : 0);
    }
    if (text.empty() || source.chance(8)) {
      const ByteView chosen = source.bytes(source.number());
      text.insert(text.end(), chosen.begin(), chosen.end());
    }
    return text;
  }
  /// Of messages, some of which Bob has sent.
  std::vector<crypto::MessageId> ids() {
    std::vector<crypto::MessageId> ids(1 + source.below(4));
    for (auto& id : ids) {
      id = sent.empty() || source.chance(4) ? source.message<crypto::MessageId>() : source.one_of(sent);
    }
    return ids;
  }
  crypto::Epoch epoch() {
    const auto now = static_cast<crypto::Epoch>(*crypto::epoch_at(world.clock.unix_time()));
    return source.chance(4) ? now + source.number() - 128U : now;
  }

  test::World world;
  Source& source;
  std::unique_ptr<test::ScriptedNode> hostile_node = add_nodes(world);
  test::User& bob = add_bob(world);
  std::optional<test::HandFriend> eve;
  std::optional<HostileNode> hostile{std::in_place, source, world.network, *hostile_node, bob.endpoint};
  std::vector<crypto::MessageId> sent;
  protocol::BundleKeys keys_to_come;
  bool crashed = false;

 private:
  static constexpr std::size_t most_rows = 5000;
  static constexpr std::size_t keys_kept = 4;

  static std::unique_ptr<test::ScriptedNode> add_nodes(test::World& world) {
    world.add_node();
    return std::make_unique<test::ScriptedNode>(world.network, world.clock, 77,
                                                std::vector<Endpoint>{test::ipv4(2000)});
  }
  /// He does not run yet.
  static test::User& add_bob(test::World& world) {
    world.users.push_back(std::make_unique<test::User>(world, 1));
    return *world.users.back();
  }
  static Snapshot make_snapshot() {
    test::World world;
    const auto node = add_nodes(world);
    test::User& bob = add_bob(world);
    bob.start();
    (void)bob.manager->add_home_node(world.nodes[0]->known());
    (void)bob.manager->add_home_node({node->id(), node->endpoints()});
    test::HandFriend eve(world, bob);
    eve.take_bundle();
    const auto root = crypto::KeyPair::generate(eve.random());
    auto head = eve.head(root, 1, 0);
    head.home_nodes.push_back({node->id(), {{node->endpoints()[0]}}});
    eve.sign(head);
    eve.give(protocol::FriendPacketType::bundle_head, head);
    world.run(10min);
    eve.keys.resize(keys_kept);
    std::set<Bytes> kept;
    for (const auto& key : eve.keys) {
      kept.insert(manager::state_key(manager::Table::one_time, {crypto::pre_key_id(key)}));
    }
    Snapshot made{bob.state->load(), world.clock.steady() - test::ManualClock::start_steady, eve.bundle,
                  eve.keys};
    std::erase_if(made.rows, [&](const auto& row) { return row.key[0] == 'K' && !kept.contains(row.key); });
    return made;
  }
  void start_bob() {
    bob.random = std::make_unique<test::SeededRandom>(1234);  // not the numbers of the snapshot again
    bob.start();
    bob.manager->set_nospam({1, 2, 3, 4});
  }

  crypto::Point pre_key() {
    const std::size_t which = source.below(keys_kept + 2);
    return which < keys_kept    ? eve->keys[which]
           : which == keys_kept ? eve->bundle.last_resort
                                : source.message<crypto::Point>();
  }
  Endpoint address() {
    Endpoint endpoint = test::ipv4(2000);
    if (source.chance(4)) {
      endpoint.family = source.number();
      source& endpoint.ip& endpoint.port;
    }
    return endpoint;
  }
  void look_at_shown() {
    check(!bob.manager->failed(), "nothing is thrown in the manager");
    std::set<crypto::MessageId> ids;
    for (const auto& message : bob.shown) {
      check(message.from == eve->key(), "a message is shown as from whoever sealed it");
      check(!message.text.empty() && message.text.size() <= limits::message_text, "a text has a size");
      check(manager::is_utf8(message.text), "a text is UTF-8");
      check(ids.insert(message.id).second || crashed, "a message is shown once");
    }
  }

  std::vector<crypto::KeyPair> roots = make_roots();
  static std::vector<crypto::KeyPair> make_roots() {
    test::SeededRandom random(8);
    std::vector<crypto::KeyPair> made;
    made.push_back(crypto::KeyPair::generate(random));
    made.push_back(crypto::KeyPair::generate(random));
    return made;
  }
  milliseconds time_left = days(1);
};

}  // namespace toxasync::fuzz
