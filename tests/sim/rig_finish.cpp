// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/inbox/delivery_order.hpp"
#include "rig.hpp"

// The end of a sequence: what must have come of everything, once nothing is in its way any longer.

namespace toxasync::sim {

namespace {

/// Polls come at a mean of half an hour, and five times that at most.
constexpr milliseconds polled_by = 3h;
constexpr milliseconds receipt_by = 2 * polled_by + 1h;
/// After a start with nobody hostile; with hostile nodes, friends, strangers; after wrong clocks.
constexpr milliseconds fetched_by = 15min;
constexpr milliseconds fetched_beside_attackers_by = 1h;
constexpr milliseconds fetched_after_wrong_clocks_by = 24h;
constexpr milliseconds requests_seen_by = 24h;
constexpr crypto::Epoch epochs_back = 15 * 4;

void must(bool holds, Fault fault, const std::string& what) {
  if (!holds) {
    throw Broken(fault, what);
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

/// First with everybody hostile as they are, only what is honest is put right; then without them.
void Rig::finish(SeededRandom& random) {
  repair();
  go_on();
  const bool disturbed = disturb_clocks(random);
  settle_apart(random, disturbed);
  if (disturbed) {
    calm_clocks();
  }
  settle_together();
  const auto last_ones = send_last_ones();
  wait_for_the_last_ones(last_ones);
  wait_for_requests();
  bounds_.check_traffic();
  for (const auto* thief : thieves_) {
    must(thief->opened() == 0, Fault::revealed, "a thief of a Tox key opened messages");
  }
  silence();
  wait_for_the_end();
  check_disks();
  totals_.shown += model.count([](const Message& m) { return m.shown > 0; });
  totals_.expired += model.count([](const Message& m) { return m.expired && m.shown == 0; });
  totals_.cancelled += model.count([](const Message& m) { return m.cancelled; });
  totals_.failed += model.count([](const Message& m) { return m.failed; });
  totals_.envelopes += tap_.envelopes();
}

void Rig::repair() {
  crashing_ = false;
  for (auto& person : people) {
    person.crash_in_events = 0;
    person.crash_in_callback = false;
    person.at_crash.reset();
    set_slow_disk(person, false);
    person.user->state->fail_next(0);
    person.user->takes_messages = true;
    set_clock(person, 0ms);
  }
  for (const auto& node : world.nodes) {
    node->switch_on();
    node->ahead = 0ms;
    node->store.set_disk_full(false);
    node->store.fail_next(0);
    node->store.hold_completions(false);
  }
  world.network.set_conditions({0, 0, 10ms, 5ms});
  cut_.clear();
  disconnect_all();
}

/// Those who have done all that they wanted to do are there all the same.
void Rig::go_on() {
  std::ranges::for_each(hostile_friends, [](auto* actor) { actor->go_on(); });
  std::ranges::for_each(strangers_, [](auto* actor) { actor->go_on(); });
  std::ranges::for_each(thieves_, [](auto* actor) { actor->go_on(); });
}

void Rig::silence() {
  std::ranges::for_each(hostile_nodes_, [](auto* actor) { actor->stop(); });
  std::ranges::for_each(hostile_friends, [](auto* actor) { actor->stop(); });
  std::ranges::for_each(strangers_, [](auto* actor) { actor->stop(); });
  std::ranges::for_each(thieves_, [](auto* actor) { actor->stop(); });
}

/// Nobody meets anybody, and one may be gone for good: what nodes have is fetched all the same.
void Rig::settle_apart(SeededRandom& random, bool clocks_were_disturbed) {
  std::set<FriendKey> absent;
  if (random.chance(500)) {
    Person& gone = people[random.below(people.size())];
    stop(gone);
    absent.insert(gone.user->key);
  }
  // A program that starts asks its nodes soon, and has forgotten what it believed.
  const bool anew = random.chance(clocks_were_disturbed ? 100 : 500);
  for (auto& person : people) {
    if (!absent.contains(person.user->key)) {
      if (anew) {
        stop(person);
      }
      if (weather[Kind::clocks] > 0 && !nodes_keep_clocks_ && random.chance(500)) {
        static constexpr milliseconds wrong[] = {days(20), -days(20), days(31), days(400), 6h};
        set_clock(person, wrong[random.below(std::size(wrong))]);  // and nodes tell it better
      }
      start(person);
      add_all_nodes(person);  // their present addresses
    }
  }
  const bool after_wrong_clocks = model.clocks_were_wrong() || clocks_were_disturbed;
  const milliseconds time = (after_wrong_clocks     ? fetched_after_wrong_clocks_by
                             : weather.is_hostile() ? fetched_beside_attackers_by
                                                    : fetched_by) +
                            (anew ? 0ms : polled_by);
  const UnixTimeMs then = world.clock.now().wall + time;
  run(time);
  check_bounds();
  model.check_stored_was_shown(absent, then, late());
  model.check_accepted_was_stored(absent, then, late());
  for (auto& person : people) {
    set_clock(person, 0ms);
    start(person);
    add_all_nodes(person);
  }
}

void Rig::settle_together() {
  std::vector<std::pair<FriendKey, FriendKey>> together;  // who becomes friends meanwhile is not
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a < &b && friends(a, b)) {
        connect(a, b);
        together.emplace_back(a.user->key, b.user->key);
      }
    }
  }
  run(manager::DeliveryOrder::longest_gap + 3min);  // one that was cancelled may be waited for
  check_bounds();
  for (const auto& [a, b] : together) {
    model.met(a, b);
  }
  model.check_queued_was_shown(world.clock.now().wall);
  disconnect_all();
}

bool Rig::run_until(milliseconds limit, const std::function<bool()>& holds) {
  for (milliseconds spent = 0ms; !holds() && spent < limit; spent += 10min) {
    run(10min);
  }
  return holds();
}

/// A message to each friend, for which there must be a one-time key.
std::vector<Id> Rig::send_last_ones() {
  std::vector<Id> sent;
  for (auto& a : people) {
    for (auto& b : people) {
      if (&a != &b && friends(a, b) && model.keys_are_good(a.user->key, b.user->key)) {
        note.clear();
        const auto id = send(a, b.user->key, "the last one");
        must(id.has_value(), Fault::stuck,
             "a message between friends who have just met is not accepted" + note);
        sent.push_back(*id);
      }
    }
  }
  return sent;
}

void Rig::wait_for_the_last_ones(const std::vector<Id>& last_ones) {
  const auto shown = [&](const Id& id) { return model.find(id)->shown > 0; };
  const auto delivered = [&](const Id& id) { return model.find(id)->delivered; };
  run_until(polled_by, [&] { return std::ranges::all_of(last_ones, shown); });
  for (const auto& id : last_ones) {
    const std::string which = " (" + to_hex(ByteView(id).first(4)) + ")";
    must(shown(id), late(), "a message between friends who have just met is not shown" + which);
    must(model.had_one_time_key(id), Fault::revealed,
         "friends have met, and no one-time key is left" + which);
  }
  run_until(receipt_by, [&] {
    return std::ranges::all_of(last_ones, delivered) && (weather.is_hostile() || records_left(world) == 0);
  });
  for (const auto& id : last_ones) {
    must(delivered(id), late(),
         "a message that was shown is not reported delivered though both fetch their mail (" +
             to_hex(ByteView(id).first(4)) + ")");
  }
  must(weather.is_hostile() || records_left(world) == 0 || model.has_old_installations() ||
           model.friends_were_removed() || model.clocks_were_wrong() || weather[Kind::node_clocks] > 0,
       Fault::stuck, std::to_string(records_left(world)) + " records are left on the nodes");
}

/// Stored requests are shown to their recipients. (A thief of the recipient's Tox key may have deleted them.)
void Rig::wait_for_requests() {
  std::set<Direction> listed;
  for (const auto& person : people) {
    for (const auto& other : person.user->friends) {
      listed.emplace(person.user->key, other);
    }
  }
  const auto nodes = static_cast<std::uint8_t>(weather.hostile_nodes + 1);
  const bool excused = model.clocks_were_wrong() || model.nodes_failed() || weather.thieves > 0;
  must(excused || run_until(requests_seen_by, [&] { return requests.unseen(nodes, listed).empty(); }), late(),
       "a friend request that was stored is not shown");
}

void Rig::wait_for_the_end() {
  run_until(days(17), [&] {  // a request is first stored within a day
    return requests.all_ended() &&
           std::ranges::all_of(people, [](const auto& p) { return p.user->manager->outbox_size() == 0; });
  });
  model.check_ended();
  requests.check_ended();
}

/// Rows of texts in a table. (Those of a bundle may stay for their time, if another one has taken its place.)
bool Rig::has_rows_of_texts(const Person& who, char table) const {
  const auto entries = who.user->state->load();
  const std::size_t id_at = table == 'P' ? 1 + sizeof(FriendKey) : 1;  // docs/state.md
  return std::ranges::any_of(entries, [&](const store::StateEntry& entry) {
    return entry.key[0] == static_cast<std::uint8_t>(table) &&
           model.find(id_from<Id>(ByteView(entry.key).subspan(id_at))) != nullptr;
  });
}

/// The rows that must not be left on somebody's disk, as "OV".
std::string Rig::rows_left(const Person& who) const {
  std::string left;
  const bool gave_up =
      model.count([](const Message& m) { return m.cancel_asked || m.failed || m.expired; }) > 0;
  for (const char table : std::string("OVCIED")) {
    const bool may_be_for_old_ones =
        table != 'I' && table != 'E' && (model.has_old_installations() || model.friends_were_removed());
    if (!may_be_for_old_ones && who.user->rows(table) > 0) {
      left += table;
    }
  }
  if (!gave_up && !model.has_old_installations() && has_rows_of_texts(who, 'P')) {
    left += 'P';
  }
  return left;
}

void Rig::check_disks() {
  for (const auto& person : people) {  // what was fetched last is confirmed last
    must(person.user->manager->outbox_size() == 0, Fault::stuck, "something is left in an outbox");
    must(!has_rows_of_texts(person, 'O'), Fault::stuck, "a message that has ended is left on a disk");
    if (model.clocks_were_wrong()) {
      continue;
    }
    if (!weather.is_hostile()) {  // what hostile friends sent is kept for as long as it may be
      for (int i = 0; i < 12 && !rows_left(person).empty(); ++i) {
        run(10min);
      }
      must(rows_left(person).empty(), Fault::stuck, "rows are left in tables " + rows_left(person));
    }
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
      must(owner != person.user->key || !held.contains(key), Fault::revealed,
           "the private half of a used one-time key is left");
    }
  }
}

}  // namespace toxasync::sim
