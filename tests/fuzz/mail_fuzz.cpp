// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager_rig.hpp"

// A manager whose home nodes are an honest one and a hostile one, and the mail in its mailboxes: of a hostile
// friend, and of strangers who know its Tox ID.

namespace {

using namespace toxasync;

class Session {
 public:
  explicit Session(fuzz::Source& source) : source_(source), rig_(source) {}

  void run() {
    while (!source_.empty()) {
      step();
    }
    rig_.finish();
  }

 private:
  void step() {
    switch (source_.below(12)) {
      case 0:
      case 1:
        return put(rig_.letter());
      case 2:
        return put(friend_request());
      case 3:
        return put(left_bundle());
      case 4:
      case 5:
        return rig_.hostile->act();
      case 6:
      case 7:
        return rig_.pass_time();
      case 8:
        return rig_.send();
      case 9:
        return rig_.cancel();
      case 10:
        return rig_.crash();
      default:
        rig_.bob.clock.ahead = std::chrono::hours(source_.number<std::int16_t>());
    }
  }

  /// On one of the two nodes; perhaps it is changed in one place.
  void put(std::optional<fuzz::ManagerRig::Letter> letter) {
    if (!letter) {
      return;
    }
    if (source_.chance(8)) {
      letter->envelope[source_.number<std::uint16_t>() % letter->envelope.size()] ^= source_.number();
    }
    const auto now = rig_.world.clock.unix_time();
    if (source_.chance(2)) {
      rig_.hostile_node->put(letter->mailbox.address, letter->envelope);
    } else {
      rig_.world.nodes[0]->put(letter->mailbox.address, letter->envelope, now + 24h, now);
    }
  }
  std::optional<fuzz::ManagerRig::Letter> friend_request() {
    auto mailbox = crypto::public_mailbox(rig_.bob.key, {1, 2, 3, 4}, rig_.epoch());
    auto body = rig_.body();
    if (!source_.chance(8)) {
      body.kind = crypto::MessageKind::friend_request;
      body.sequence = body.floor = 0;
    }
    static test::SeededRandom random(9);
    static const auto stranger = crypto::KeyPair::generate(random);
    const auto& sender = source_.chance(2) ? rig_.eve->pair() : stranger;
    return mailbox ? rig_.seal(std::move(*mailbox), sender, crypto::Point(rig_.bob.key.bytes()), body)
                   : std::nullopt;
  }
  std::optional<fuzz::ManagerRig::Letter> left_bundle() {
    auto box = crypto::pair_mailbox(rig_.eve->pair().secret, rig_.bob.key, rig_.eve->key(), rig_.bob.key,
                                    rig_.epoch());
    auto body = rig_.body();
    if (!source_.chance(8)) {
      body.kind = crypto::MessageKind::bundle;
      body.text = rig_.text(body.kind);
      body.sequence = body.floor = 0;
    }
    return box ? rig_.seal(std::move(box->mailbox), rig_.eve->pair(), crypto::Point(rig_.bob.key.bytes()),
                           body)
               : std::nullopt;
  }

  fuzz::Source& source_;
  fuzz::ManagerRig rig_;
};

}  // namespace

TOXASYNC_FUZZ_TARGET(mail) {
  fuzz::Source source(in);
  Session(source).run();
}
