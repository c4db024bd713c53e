// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager_rig.hpp"
#include "protocol/live.hpp"

// A manager and a hostile friend, by the friend channel: packets of every type with fields of the fuzzer's
// choice, and envelopes, heads and keys that are sealed and signed rightly.

namespace {

using namespace toxasync;
using protocol::FriendPacketType;

class Session {
 public:
  explicit Session(fuzz::Source& source) : source_(source), rig_(source) {}

  void run() {
    rig_.eve->come();
    while (!source_.empty()) {
      step();
    }
    rig_.finish();
  }

 private:
  void step() {
    switch (source_.below(14)) {
      case 0:
      case 1:
        return give_letter();
      case 2:
        return rig_.eve->give(source_.chance(2) ? FriendPacketType::nack : FriendPacketType::receipt,
                              protocol::LiveReceipt{rig_.eve->instance, rig_.ids()});
      case 3:
        return give_bundle();
      case 4:
        return rig_.eve->give(FriendPacketType::bundle_keys, source_.message<protocol::BundleKeys>());
      case 5:
        return give_taken();
      case 6:
        return give_raw();
      case 7:
        return source_.chance(2) ? rig_.eve->go() : rig_.eve->come();
      case 8:
        return rig_.send();
      case 9:
        return rig_.cancel();
      case 10:
        return rig_.pass_time();
      case 11:
        return rig_.crash();
      case 12:
        return change_friends();
      default:
        rig_.bob.clock.ahead = std::chrono::hours(source_.number<std::int16_t>());
    }
  }

  void give_letter() {
    if (const auto letter = rig_.letter()) {
      rig_.eve->give(
          FriendPacketType::envelope,
          protocol::LiveEnvelope{letter->mailbox.epoch, letter->mailbox.address.p, letter->envelope});
    }
  }
  void give_bundle() {
    const auto head = rig_.head();
    rig_.eve->give(FriendPacketType::bundle_head, head);
    auto keys = std::exchange(rig_.keys_to_come, {});
    if (!keys.keys.empty()) {
      keys.first = source_.chance(8) ? source_.number<std::uint16_t>() : 0;
      rig_.eve->give(FriendPacketType::bundle_keys, keys);
    }
  }
  void give_taken() {
    protocol::BundleTaken taken{rig_.eve->bundle.version, rig_.eve->instance};
    if (source_.chance(2)) {
      taken = source_.message<protocol::BundleTaken>();
    }
    rig_.eve->give(FriendPacketType::bundle_taken, taken);
  }
  void give_raw() {
    Bytes packet{protocol::friend_packet_id, protocol::friend_packet_magic, protocol::friend_packet_version,
                 source_.number()};
    const ByteView block = source_.block();
    packet.insert(packet.end(), block.begin(), block.end());
    rig_.bob.manager->on_friend_packet(rig_.eve->key(), packet);
  }
  void change_friends() {
    rig_.bob.friends.erase(rig_.eve->key());
    rig_.bob.manager->on_friend_removed(rig_.eve->key());
    rig_.crashed = true;  // a friend who is added again is a new one
    if (source_.chance(2)) {
      rig_.world.run(1s);
    }
    rig_.bob.friends.insert(rig_.eve->key());
    rig_.bob.manager->on_friend_added(rig_.eve->key());
    rig_.eve->come();
  }

  fuzz::Source& source_;
  fuzz::ManagerRig rig_;
};

}  // namespace

TOXASYNC_FUZZ_TARGET(friend) {
  fuzz::Source source(in);
  Session(source).run();
}
