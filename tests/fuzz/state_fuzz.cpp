// SPDX-License-Identifier: GPL-3.0-or-later
#include <map>
#include <string>

#include "manager_rig.hpp"

// A manager starts on rows that the fuzzer has changed, of every table (docs/state.md): rows of a session,
// cut, mixed, copied and made up. It must start, work, and start again on what it has made of them.

namespace {

using namespace toxasync;
using protocol::FriendPacketType;
using Rows = std::map<Bytes, Bytes>;

/// Bob's disk at every moment of a session in which a bit of everything happens, all rows together.
class RichSession {
 public:
  RichSession() : rig_(source_) {
    auto [world, bob, eve] = std::tie(rig_.world, rig_.bob, *rig_.eve);
    world.after_event = [this] { collect(); };
    bob.takes_messages = false;
    eve.come();
    const auto first =
        bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes("over the friend channel"));
    world.run(1s);
    eve.give(FriendPacketType::nack, protocol::LiveReceipt{eve.instance, {*first}});
    eve.send({.text = "shown", .sequence = 1, .pre_key = eve.keys[0]});
    eve.send({.text = "behind it", .sequence = 3, .pre_key = eve.keys[1]});
    eve.send({.text = "half", .sequence = 4, .parts = 2, .pre_key = eve.keys[2]});
    world.run(1s);
    bob.takes_messages = true;
    name_silent_node();
    eve.go();
    world.run(2s);
    const auto second = bob.manager->send(eve.key(), crypto::MessageKind::action, as_bytes("by the nodes"));
    const auto third = bob.manager->send(eve.key(), crypto::MessageKind::normal, as_bytes("cancelled"));
    world.run(5s);
    eve.come();
    eve.give(FriendPacketType::nack, protocol::LiveReceipt{eve.instance, {*second}});
    bob.state->hold_completions(true);  // the end of a message stays on the disk until it is reported
    eve.give(FriendPacketType::receipt, protocol::LiveReceipt{eve.instance, {*first}});
    world.run(1s);
    bob.state->hold_completions(false);
    eve.go();
    (void)bob.manager->cancel(*third);
    (void)bob.manager->send_friend_request(tox_address(), as_bytes("hello"));
    leave_request();
    world.run(10min);
    world.after_event = nullptr;
    world.run(12h);
    collect();
    bob.manager->on_friend_removed(eve.key());
    world.run(1s);
    collect();
  }

  /// A few rows of each table.
  [[nodiscard]] Rows rows() const {
    constexpr std::size_t most = 3;
    Rows few;
    std::map<std::uint8_t, std::size_t> counts;
    for (const auto& [key, value] : rows_) {
      if (++counts[key[0]] <= most) {
        few[key] = value;
      }
    }
    for (const char table : std::string_view("RLKFTUOVCXEISPDQNBJWAGHZ")) {
      const std::string promise = std::string("the session has rows of table ") + table;
      fuzz::check(counts.contains(static_cast<std::uint8_t>(table)), promise.c_str());
    }
    return few;
  }

 private:
  void collect() {
    for (auto& [key, value] : rig_.bob.state->load()) {
      rows_[key] = value;
    }
  }
  void name_silent_node() {
    auto head = rig_.eve->head(crypto::KeyPair::generate(rig_.eve->random()), 3, 0);
    head.home_nodes.push_back(
        {protocol::NodeId{ByteArray<32>{5}}, {{Endpoint{4, {93, 184, 216, 34}, 33445}}}});
    rig_.eve->sign(head);
    rig_.eve->give(FriendPacketType::bundle_head, head);
  }
  static manager::ToxAddress tox_address() {
    test::SeededRandom random(10);
    manager::ToxAddress address{};
    std::ranges::copy(crypto::KeyPair::generate(random).public_key, address.begin());
    for (std::size_t i = 0; i < 36; ++i) {
      address[36 + i % 2] ^= address[i];
    }
    return address;
  }
  /// A stranger's.
  void leave_request() {
    test::SeededRandom random(9);
    const auto stranger = crypto::KeyPair::generate(random);
    auto mailbox = crypto::public_mailbox(rig_.bob.key, {1, 2, 3, 4}, rig_.epoch()).value();
    auto body = rig_.body();
    body.kind = crypto::MessageKind::friend_request;
    body.text = {'h', 'i'};
    const auto letter =
        rig_.seal(std::move(mailbox), stranger, crypto::Point(rig_.bob.key.bytes()), body).value();
    rig_.hostile_node->put(letter.mailbox.address, letter.envelope);
  }

  fuzz::Source source_{{}};
  fuzz::ManagerRig rig_;
  Rows rows_;
};

class Editor {
 public:
  Editor(fuzz::Source& source, Rows rows) : source_(source), rows_(std::move(rows)) {}

  std::vector<store::StateEntry> edit() {
    for (std::size_t edits = source_.below(16); edits > 0 && !rows_.empty(); --edits) {
      edit_one();
    }
    std::vector<store::StateEntry> entries;
    for (const auto& [key, value] : rows_) {
      if (!key.empty() && key.size() <= store::max_state_key_bytes) {
        entries.push_back({key, value});
      }
    }
    return entries;
  }

 private:
  void edit_one() {
    const auto row = std::next(rows_.begin(), static_cast<std::ptrdiff_t>(source_.below(rows_.size())));
    Bytes& value = row->second;
    const std::size_t at = value.empty() ? 0 : source_.number<std::uint16_t>() % value.size();
    const auto place = value.begin() + static_cast<std::ptrdiff_t>(at);
    switch (source_.below(8)) {
      case 0: {
        const ByteView chosen = source_.bytes(std::min<std::size_t>(source_.number(), value.size() - at));
        std::ranges::copy(chosen, place);
        return;
      }
      case 1:
        if (value.size() - at >= 8) {
          store_le(source_.number<std::uint64_t>(), &*place);
        }
        return;
      case 2:
        return value.resize(at);
      case 3: {
        const ByteView chosen = source_.block();
        value.insert(place, chosen.begin(), chosen.end());
        return;
      }
      case 4: {
        Bytes key = row->first;
        key[source_.number() % key.size()] ^= source_.number();
        rows_[key] = value;
        return;
      }
      case 5: {
        const ByteView key = source_.bytes(source_.number());
        const ByteView made = source_.block();
        rows_[{key.begin(), key.end()}].assign(made.begin(), made.end());
        return;
      }
      case 6: {  // of two rows of a table the values are changed over
        const auto next = std::next(row) == rows_.end() ? rows_.begin() : std::next(row);
        return std::swap(row->second, next->second);
      }
      default:
        rows_.erase(row);
    }
  }

  fuzz::Source& source_;
  Rows rows_;
};

}  // namespace

TOXASYNC_FUZZ_TARGET(state) {
  static const Rows rich = RichSession().rows();
  fuzz::Source source(in);
  const bool listed = !source.chance(4);
  const seconds time = 1s + std::chrono::minutes(source.below(64));
  const auto entries = Editor(source, rich).edit();
  fuzz::Source silent({});  // a hostile node that is honest
  fuzz::ManagerRig rig(silent, entries);
  if (!listed) {
    rig.bob.manager->on_friend_removed(rig.eve->key());
  }
  rig.world.run(time);
  rig.send();
  rig.eve->come();
  rig.world.run(10s);
  rig.crash();
  rig.world.run(10s);
  for (const auto& message : rig.bob.manager->outgoing()) {
    (void)rig.bob.manager->cancel(message.id);
  }
  rig.world.run(1min);
  fuzz::check(!rig.bob.manager->failed(), "nothing is thrown in the manager");
}
