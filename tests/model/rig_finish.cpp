// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "rig.hpp"

// The end of a sequence: what must have come of everything, once nothing is in its way any longer.

namespace toxasync::model {

namespace {

/// Polls come at a mean of half an hour, and five times that at most.
constexpr milliseconds polled_by = 3h;
constexpr milliseconds receipt_by = 2 * polled_by + 1h;
constexpr crypto::Epoch epochs_back = 15 * 4;

void must(bool holds, const std::string& what) {
  if (!holds) {
    throw Broken(what);
  }
}

/// Bundles that were left for a friend, and not needed since they were met: they lie there until they expire.
std::uint64_t pair_mail(const test::World& world) {
  const auto now = crypto::epoch_at(world.clock.now().unix_time()).value();
  std::uint64_t records = 0;
  for (const auto& from : world.users) {
    for (const auto& to : world.users) {
      for (crypto::Epoch e = now - epochs_back; from != to && e <= now + 2; ++e) {
        const auto mailbox =
            crypto::pair_mailbox(crypto::Secret<32>::copy_of(from->secret), to->key, from->key, to->key, e);
        const auto where = mailbox.value().mailbox.address.p;
        for (const auto& node : world.nodes) {
          records += node->store.live_in(where);
        }
      }
    }
  }
  return records;
}

std::uint64_t records_left(const test::World& world) {
  const auto all = world.live_records();
  return all == 0 ? 0 : all - pair_mail(world);
}

}  // namespace

void Rig::finish(SeededRandom& random) {
  repair();
  settle_apart(random);
  settle_together();
  wait_for_the_end();
  check_disks();
  totals_.shown += model.count([](const Message& m) { return m.shown > 0; });
  totals_.expired += model.count([](const Message& m) { return m.expired && m.shown == 0; });
  totals_.cancelled += model.count([](const Message& m) { return m.cancelled; });
  totals_.failed += model.count([](const Message& m) { return m.failed; });
  totals_.envelopes += tap_.envelopes();
}

void Rig::repair() {
  for (auto& person : people) {
    person.crash_in_events = 0;
    person.crash_in_callback = false;
    person.at_crash.reset();
    set_slow_disk(person, false);
    person.user->state->fail_next(0);
    person.user->takes_messages = true;
  }
  for (const auto& node : world.nodes) {
    node->switch_on();
  }
  world.network.set_conditions({0, 0, 10ms, 5ms});
  disconnect_all();
}

/// Nobody meets anybody, and one may be gone for good: what nodes have is fetched all the same.
void Rig::settle_apart(SeededRandom& random) {
  std::set<FriendKey> absent;
  if (random.chance(500)) {
    Person& gone = people[random.below(people.size())];
    stop(gone);
    absent.insert(gone.user->key);
  }
  for (auto& person : people) {
    if (!absent.contains(person.user->key)) {
      stop(person);  // a program that starts asks its nodes soon
      start(person);
    }
  }
  run(15min);
  model.check_stored_was_shown(absent, world.clock.now().wall);
  for (auto& person : people) {
    start(person);
  }
}

void Rig::settle_together() {
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a < &b && friends(a, b)) {
        connect(a, b);
      }
    }
  }
  run(3min);
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a < &b && friends(a, b)) {
        model.met(a.user->key, b.user->key);
      }
    }
  }
  model.check_queued_was_shown(world.clock.now().wall);
  disconnect_all();
}

/// A last message each, for which there must be a one-time key; then everything comes to its end.
void Rig::wait_for_the_end() {
  std::vector<Id> probes;
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a != &b && friends(a, b) && model.keys_are_good(a.user->key, b.user->key)) {
        const auto id = send(a, b, "the last one");
        must(id.has_value(), "a message between friends who have just met is not accepted" + note);
        probes.push_back(*id);
      }
    }
  }
  const auto shown = [&](const Id& id) { return model.find(id)->shown > 0; };
  const auto delivered = [&](const Id& id) { return model.find(id)->delivered; };
  const auto until = [&](milliseconds limit, const auto& holds) {
    for (milliseconds spent = 0ms; !holds() && spent < limit; spent += 10min) {
      run(10min);
    }
    return holds();
  };
  until(polled_by, [&] { return std::ranges::all_of(probes, shown); });
  until(receipt_by, [&] { return std::ranges::all_of(probes, delivered) && records_left(world) == 0; });
  for (const auto& id : probes) {
    const std::string which = " (" + to_hex(ByteView(id).first(4)) + ")";
    must(shown(id), "a message between friends who have just met is not shown" + which);
    must(delivered(id),
         "a message that was shown is not reported delivered though both fetch their mail" + which);
    must(model.had_one_time_key(id), "friends have met, and no one-time key is left" + which);
  }
  must(records_left(world) == 0 || model.has_old_installations(),
       std::to_string(records_left(world)) + " records are left on the nodes");
  until(days(15), [&] {
    return std::ranges::all_of(people, [](const auto& p) { return p.user->manager->outbox_size() == 0; });
  });
  model.check_ended();
}

/// The rows that must not be left on somebody's disk, as "OV".
std::string Rig::rows_left(const Person& who) const {
  std::string left;
  const bool gave_up =
      model.count([](const Message& m) { return m.cancel_asked || m.failed || m.expired; }) > 0;
  for (const char table : std::string("OVCIEDP")) {
    const bool may_be_for_old_ones = table != 'I' && table != 'E' && model.has_old_installations();
    const bool may_be_left = may_be_for_old_ones || (table == 'P' && gave_up);
    if (!may_be_left && who.user->rows(table) > 0) {
      left += table;
    }
  }
  return left;
}

void Rig::check_disks() {
  for (const auto& person : people) {  // what was fetched last is confirmed last
    for (int i = 0; i < 12 && !rows_left(person).empty(); ++i) {
      run(10min);
    }
    must(person.user->manager->outbox_size() == 0, "something is left in an outbox");
    must(rows_left(person).empty(), "rows are left in tables " + rows_left(person));
    if (model.has_old_installations()) {
      continue;  // keys that another disk has spent
    }
    std::set<crypto::PreKeyId> held;
    for (const auto& entry : person.user->state->load()) {
      if (entry.key[0] == 'K') {
        held.insert(id_from<crypto::PreKeyId>(ByteView(entry.key).subspan(1)));
      }
    }
    for (const auto& [owner, key] : model.spent_keys()) {
      must(owner != person.user->key || !held.contains(key),
           "the private half of a used one-time key is left");
    }
  }
}

}  // namespace toxasync::model
