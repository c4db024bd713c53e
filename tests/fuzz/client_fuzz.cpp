// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/client.hpp"

#include "hostile_node.hpp"
#include "target.hpp"
#include "tests/client/rig.hpp"

// A client and a hostile node.

namespace {

using namespace toxasync;

class Session {
 public:
  explicit Session(fuzz::Source& source) : source_(source) {
    rig_.network.keep_log(false);
    rig_.listener.on_window = [this](client::OperationId id, Now now) { continue_or_abandon(id, now); };
  }

  void run() {
    while (!source_.empty()) {
      step();
    }
    hostile_.become_honest();
    rig_.run(2h);
    fuzz::check(rig_.client->operations() == 0, "each operation ends");
    fuzz::check(rig_.listener.reported_twice == 0, "each operation ends once");
    fuzz::check(rig_.listener.called_inside == 0, "listeners are called from packets and ticks only");
    for (const auto& [id, envelopes] : rig_.listener.envelopes) {
      for (const auto& envelope : envelopes) {
        fuzz::check(limits::is_envelope_size(envelope.size()),
                    "envelopes that are handed over have a right size");
      }
    }
  }

 private:
  static constexpr std::size_t mailboxes = 3;

  void step() {
    switch (source_.below(11)) {
      case 0:
        last_ = rig_.store(node_, source_.below(mailboxes));
        return;
      case 1:
      case 2:
        last_ = rig_.retrieve(node_, source_.below(mailboxes), source_.chance(2));
        return;
      case 3:
        last_ = rig_.client->peers(node_.id(), rig_.listener, rig_.clock.now());
        return;
      case 4:
        last_ = rig_.client->discover(node_.endpoints()[0], rig_.listener, rig_.clock.now());
        return;
      case 5:
        return node_.put(rig_.mailbox(source_.below(mailboxes)).mailbox.address,
                         rig_.envelope(source_.chance(4) ? limits::large_envelope : limits::small_envelope));
      case 6:
        return rig_.run(milliseconds(10 * source_.number()));
      case 7:
        return rig_.run(seconds(source_.number()));
      case 8:
        return rig_.client->abandon(last_, rig_.clock.now());
      case 9:
        rig_.client->forget_node(node_.id(), rig_.clock.now());
        return rig_.client->set_node({node_.id(), node_.endpoints()});
      default:
        return hostile_.act();
    }
  }
  void continue_or_abandon(client::OperationId id, Now now) {
    if (source_.chance(8)) {
      return rig_.client->abandon(id, now);
    }
    const std::vector<crypto::EnvelopeId> keep(source_.chance(8) ? 1 : 0,
                                               source_.message<crypto::EnvelopeId>());
    rig_.client->continue_retrieve(id, now, keep);
  }

  fuzz::Source& source_;
  test::Rig rig_;
  test::ScriptedNode& node_ = rig_.add_node();
  fuzz::HostileNode hostile_{source_, rig_.network, node_, test::ipv4(1)};
  client::OperationId last_{};
};

}  // namespace

TOXASYNC_FUZZ_TARGET(client) {
  fuzz::Source source(in);
  Session(source).run();
}
