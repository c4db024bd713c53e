// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/polling/poller.hpp"

#include <algorithm>

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

namespace {

struct WatermarkRecord {
  crypto::Epoch through = 0;
  std::vector<crypto::Epoch> strays;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.through, wire::bounded<Poller::most_strays>(self.strays));
  }
};

}  // namespace

bool Poller::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(protocol::NodeId) + sizeof(RootId)) {
    return false;
  }
  WatermarkRecord record;
  if (read_record(services_.telemetry, entry, record)) {
    auto& finished =
        finished_[{id_from<protocol::NodeId>(name), id_from<RootId>(name.subspan(sizeof(protocol::NodeId)))}];
    finished.through = record.through;
    finished.strays = {record.strays.begin(), record.strays.end()};
  }
  return true;
}

const Root* Poller::root_of(const RootId& id) const noexcept {
  const auto found = std::ranges::find_if(keys_.roots(), [&id](const Root& root) { return root.id() == id; });
  return found == keys_.roots().end() ? nullptr : &*found;
}

const crypto::KeyPair* Poller::keys_of(const RootId& id) const noexcept {
  for (const Root& root : keys_.roots()) {
    if (root.id() == id) {
      return &root.pair;
    }
    if (id_from<RootId>(root.cover.public_key) == id) {
      return &root.cover;
    }
  }
  return nullptr;
}

const crypto::OwnedMailbox* Poller::mailbox(const crypto::KeyPair& root, crypto::Epoch epoch) {
  const std::pair key{id_from<RootId>(root.public_key), epoch};
  const auto found = mailboxes_.find(key);
  if (found != mailboxes_.end()) {
    return &found->second;
  }
  auto made = crypto::own_friends_mailbox(root, epoch);
  return made ? &mailboxes_.emplace(key, std::move(*made)).first->second : nullptr;
}

const crypto::OwnedMailbox* Poller::find_mailbox(crypto::Epoch epoch, const crypto::MailboxAddress& address) {
  const auto now = crypto::epoch_at(services_.clock.now().unix_time());
  if (!now || epoch > *now + 1 || epoch + epochs_back < *now) {
    return nullptr;
  }
  for (const Root& root : keys_.roots()) {
    const auto* const owned = mailbox(root.pair, epoch);
    if (owned != nullptr && owned->mailbox.address == address) {
      return owned;
    }
  }
  return nullptr;
}

crypto::Epoch Poller::first_epoch(const Source& source, const OwnHomeNode& node, const Root& root,
                                  crypto::Epoch now_epoch) {
  // Marks in the future are a wrong clock's, and say nothing.
  const UnixTime since = std::max(node.added, root.created);
  const crypto::Epoch begun = crypto::epoch_at(since).value_or(0);
  crypto::Epoch first = begun > 0 && begun <= now_epoch ? begun - 1 : 0;  // a sender's clock may be behind
  first = std::max(first, now_epoch > epochs_back ? now_epoch - epochs_back : 0);
  const auto found = finished_.find(source);
  if (found != finished_.end() && found->second.through != 0 && found->second.through < now_epoch) {
    first = std::max(first, found->second.through + 1);
  }
  return first;
}

/// Forgets home nodes that nobody uses any longer, and their watermarks.
void Poller::forget_retired() {
  store::StateBatch batch;
  for (const auto& id : home_nodes_.forget_retired(services_.clock.for_good(), batch)) {
    std::erase_if(finished_, [&](const auto& entry) {
      const auto& [node, root] = entry.first;
      if (node != id) {
        return false;
      }
      batch.push_back(erase_record(state_key(Table::watermark, {node, root})));
      return true;
    });
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

void Poller::want(Polls& wanted, const Key& key, bool is_cover, Now now) {
  const auto old = polls_.find(key);
  Poll& poll = wanted[key];
  poll = old == polls_.end() ? Poll{} : old->second;
  poll.is_cover = is_cover;
  poll.is_stray = false;
  if (!poll.operation && !due_.contains(key)) {
    due_.set(key, now.steady + random_delay(services_.random, first_polls_within));
  } else if (!poll.operation) {  // its epoch may be the present one now
    due_.set_earlier(key, now.steady + until_next_poll(std::get<2>(key), now));
  }
}

void Poller::want_strays(Polls& wanted, const Source& source, crypto::Epoch first, Now now) {
  const auto epoch = crypto::epoch_at(now.unix_time()).value_or(0);
  std::set<crypto::Epoch> epochs;
  for (const crypto::Epoch other : services_.clock.other_epochs(source.first)) {
    epochs.insert({other - std::min<crypto::Epoch>(other, 1), other, other + 1});
  }
  if (const auto found = finished_.find(source); found != finished_.end()) {
    epochs.insert(found->second.strays.begin(), found->second.strays.end());
  }
  for (const crypto::Epoch e : epochs) {
    const Key key{source.first, source.second, e};
    if (e < first || e > epoch + 1) {
      want(wanted, key, false, now);
      wanted[key].is_stray = true;
    }
  }
}

/// A node takes mail by its own clock: what it may take now is read to its end, even if its clock is set
/// right before that.
void Poller::note_stray(const Key& key, UnixTime node_time) {
  const auto& [node, root, epoch] = key;
  const auto theirs = crypto::epoch_at(node_time).value_or(0);
  if (root_of(root) == nullptr || epoch + 1 < theirs || epoch > theirs + 1) {
    return;
  }
  auto& strays = finished_[{node, root}].strays;
  if (strays.insert(epoch).second) {
    if (strays.size() > most_strays) {
      strays.erase(strays.begin());
    }
    save({node, root});
  }
}

void Poller::save(const Source& source) {
  const Finished& finished = finished_[source];
  services_.state.keep(
      {put_record(state_key(Table::watermark, {source.first, source.second}),
                  WatermarkRecord{finished.through, {finished.strays.begin(), finished.strays.end()}})});
}

void Poller::follow_clock(Now now) {
  update_polls(now);
  if (!services_.clock.checked()) {
    poll_soon(now);  // so that nodes say what time it is
  }
}

milliseconds Poller::until_next_poll(crypto::Epoch epoch, Now now) const {
  const milliseconds often = services_.config.poll_interval;
  const UnixTimeMs near_from = crypto::epoch_start(epoch) - edge;
  const UnixTimeMs near_until = crypto::epoch_start(epoch + 1) + edge;
  if (now.wall >= near_from && now.wall < near_until) {
    return random_delay(services_.random, often);
  }
  const milliseconds seldom = std::max(often, std::min(seldom_factor * often, longest_seldom));
  const milliseconds wait = random_delay(services_.random, seldom);
  const milliseconds to_near = near_from - now.wall;
  return to_near > 0ms && wait > to_near ? to_near + random_delay(services_.random, often) : wait;
}

/// Like the root that it belongs to, from whose watermark it begins. What has begun goes on after the root or
/// the node has retired, until it is final.
void Poller::want_cover(Polls& wanted, const OwnHomeNode& node, const Root& root, crypto::Epoch first,
                        Now now) {
  const auto epoch = crypto::epoch_at(now.unix_time()).value_or(0);
  crypto::Epoch last = epoch + 1;
  for (const UnixTime retired : {root.retired, node.retired}) {
    if (retired != UnixTime{}) {
      last = std::min(last, crypto::epoch_at(retired).value_or(0) + 1);
    }
  }
  for (auto e = first; e <= last; ++e) {
    if (e < first + cover_epochs || e + cover_epochs > epoch + 1) {
      want(wanted, {node.known.id, id_from<RootId>(root.cover.public_key), e}, true, now);
    }
  }
}

void Poller::update_polls(Now now) {
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (!epoch) {
    next_epoch_ = limits::epoch_origin;
    return;
  }
  next_epoch_ = crypto::epoch_start(*epoch + 1);
  forget_retired();
  Polls wanted;
  for (const auto& [id, node] : home_nodes_.all()) {
    for (const Root& root : keys_.roots()) {
      const Source source{id, root.id()};
      const auto finished = finished_.find(source);
      const auto first = first_epoch(source, node, root, *epoch);
      for (auto e = first; e <= *epoch + 1; ++e) {
        if (finished == finished_.end() || !finished->second.beyond.contains(e)) {
          want(wanted, {id, root.id(), e}, false, now);
        }
      }
      want_strays(wanted, source, first, now);
      if (services_.config.cover) {
        want_cover(wanted, node, root, first, now);
      }
    }
  }
  for (const auto& [key, poll] : polls_) {
    // The watermark is not about cover: what was begun of it goes on until it is final.
    const auto& [node, root, e] = key;
    const bool goes_on = poll.is_cover && home_nodes_.all().contains(node) && keys_of(root) != nullptr &&
                         e + epochs_back >= *epoch;
    if (poll.operation || goes_on) {
      wanted.try_emplace(key, poll);
    } else if (!wanted.contains(key)) {
      due_.erase(key);
      last_operations_.erase(poll.last_operation);
    }
  }
  polls_ = std::move(wanted);
  std::erase_if(mailboxes_, [&](const auto& entry) { return entry.first.second + epochs_back + 1 < *epoch; });
}

void Poller::start(const Key& key, Now now) {
  const auto found = polls_.find(key);
  const auto& [node, root_id, epoch] = key;
  const auto* const root = keys_of(root_id);
  const auto* const owned = root != nullptr ? mailbox(*root, epoch) : nullptr;
  if (found == polls_.end() || found->second.operation || owned == nullptr) {
    return;
  }
  if (inbox_.full()) {  // what came would be left there
    due_.set(key, now.steady + until_next_poll(epoch, now));
    return;
  }
  found->second.started = now.steady;
  found->second.started_date = now.unix_time();
  // Nothing is stored any longer in what is older.
  const bool subscribe = services_.config.push && epoch + 1 >= crypto::epoch_at(now.unix_time()).value_or(0);
  found->second.operation = services_.client.retrieve({node, owned->clone(), subscribe}, *this, now);
  operations_[*found->second.operation] = key;
}

void Poller::on_envelopes(client::OperationId operation, std::vector<Bytes> envelopes, Now now) noexcept {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Key key = found->second;
  const auto poll = polls_.find(key);
  if (poll != polls_.end() && poll->second.is_cover) {
    services_.telemetry.count(Counter::cover_fetched, envelopes.size());
    // Deleted after a write to disk, as all that is fetched is: the delay must not show that it is cover.
    services_.state.commit({}, [this, operation](bool /*durable*/) {
      services_.client.continue_retrieve(operation, services_.clock.now());
    });
    return;
  }
  const auto* const root = keys_of(std::get<1>(key));
  const auto* const owned = root != nullptr ? mailbox(*root, std::get<2>(key)) : nullptr;
  if (owned == nullptr) {
    services_.client.abandon(operation, now);
    return on_retrieved(operation, {}, now);
  }
  inbox_.receive(*owned, envelopes, nullptr, [this, operation](bool durable) {
    const Now later = services_.clock.now();
    if (durable) {
      services_.client.continue_retrieve(operation, later);
    } else {  // our disk failed: the node must keep them
      services_.client.abandon(operation, later);
      on_retrieved(operation, {}, later);
    }
  });
}

void Poller::on_retrieved(client::OperationId operation, const client::RetrieveResult& result,
                          Now now) noexcept {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Key key = found->second;
  operations_.erase(found);
  const auto poll = polls_.find(key);
  if (poll == polls_.end()) {
    return;
  }
  poll->second.operation.reset();
  last_operations_.erase(poll->second.last_operation);
  // A node that answers other requests, but not this one, is busy: the mailbox was neither read nor failed.
  const auto status = services_.client.node_status(std::get<0>(key));
  const bool alive = result.reachable || (status && status->last_answer >= poll->second.started_date);
  const bool unserved = !result.complete && alive;
  if (!unserved) {
    poll->second.last_begun = poll->second.started;
  }
  if (result.reachable && poll->second.is_stray) {
    note_stray(key, result.node_time);
  }
  const UnixTime closed = closed_at(std::get<2>(key));
  const UnixTime date =
      poll->second.is_stray ? result.node_time : std::min(result.node_time, now.unix_time());
  if (result.complete && closed <= date) {
    if (poll->second.is_stray) {
      end_stray(key);
    } else if (!poll->second.is_cover) {
      mark_final(key);
    }
    polls_.erase(poll);
    return;
  }
  poll->second.last_operation = operation;
  last_operations_[operation] = key;
  const bool soon = poll->second.started < soon_asked_at_;
  const milliseconds mean = soon ? first_polls_within : services_.config.poll_interval;
  milliseconds wait = std::min(mean, unserved_again);
  if (!unserved) {
    wait = soon || !result.complete ? random_delay(services_.random, mean)
                                    : until_next_poll(std::get<2>(key), now);
  }
  const milliseconds asked = result.retry_after;
  // Apart from other clients that it turned away.
  const milliseconds apart = services_.random.below(asked / 4 + 1ms);
  due_.set(key, now.steady + std::max(wait, asked + apart));
}

void Poller::on_announced(client::OperationId operation, Now now) noexcept {
  const auto last = last_operations_.find(operation);
  const auto found = last == last_operations_.end() ? polls_.end() : polls_.find(last->second);
  if (found == polls_.end() || found->second.operation) {
    return;
  }
  auto& [key, poll] = *found;
  poll.announced = std::max(now.steady + random_delay(services_.random, announced_poll_mean),
                            poll.announced + announced_poll_every);
  due_.set_earlier(key, poll.announced);
}

void Poller::mark_final(const Key& key) {
  const auto& [node, root_id, epoch] = key;
  Finished& finished = finished_[{node, root_id}];
  finished.beyond.insert(epoch);
  const Root* const root = root_of(root_id);
  const auto owner = home_nodes_.all().find(node);
  if (root == nullptr || owner == home_nodes_.all().end()) {
    return;
  }
  const auto now_epoch = crypto::epoch_at(services_.clock.now().unix_time()).value_or(0);
  if (finished.through >= now_epoch) {
    finished.through = 0;  // a wrong clock said so
  }
  crypto::Epoch next = first_epoch({node, root_id}, owner->second, *root, now_epoch);
  const crypto::Epoch before = finished.through;
  const UnixTime passed = services_.clock.for_good().passed();
  while (finished.beyond.contains(next) && closed_at(next) <= passed) {
    finished.through = next++;
  }
  std::erase_if(finished.beyond,
                [&](crypto::Epoch e) { return e <= finished.through || e + epochs_back < now_epoch; });
  if (finished.through != before) {
    save({node, root_id});
  }
}

void Poller::end_stray(const Key& key) {
  const auto& [node, root, epoch] = key;
  const auto found = finished_.find({node, root});
  if (found != finished_.end() && found->second.strays.erase(epoch) != 0) {
    save({node, root});
  }
}

void Poller::poll_soon(Now now) {
  soon_asked_at_ = now.steady;
  for (const auto& [key, poll] : polls_) {
    if (!poll.operation) {
      due_.set_earlier(key, now.steady + services_.random.below(soon_polls_within));
    }
  }
}

bool Poller::swept_since(SteadyTime since) const {
  return std::ranges::all_of(polls_, [since](const auto& entry) {
    return entry.second.is_cover || (entry.second.last_begun && *entry.second.last_begun >= since);
  });
}

void Poller::tick(Now now) {
  const bool clock_set_back = now.unix_time() < next_epoch_ - limits::epoch_length;
  if (now.unix_time() >= next_epoch_ || (clock_set_back && next_epoch_ != limits::epoch_origin)) {
    update_polls(now);
  }
  while (const auto key = due_.pop_due(now.steady)) {
    start(*key, now);
  }
}

SteadyTime Poller::next_deadline() const noexcept {
  const Now now = services_.clock.now();
  return std::min(due_.next(), now.steady + std::max<milliseconds>(next_epoch_ - now.wall, 0ms));
}

}  // namespace toxasync::manager
