// SPDX-License-Identifier: GPL-3.0-or-later
// Which mailboxes are asked for, and until when.
#include <algorithm>

#include "manager/core/random_delay.hpp"
#include "manager/polling/poller.hpp"

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

const crypto::FriendsMailbox* Poller::mailbox(const crypto::KeyPair& root, crypto::Epoch epoch) {
  const std::pair key{id_from<RootId>(root.public_key), epoch};
  const auto found = mailboxes_.find(key);
  if (found != mailboxes_.end()) {
    return &found->second;
  }
  auto made = crypto::FriendsMailbox::derive(root, epoch);
  return made ? &mailboxes_.emplace(key, std::move(*made)).first->second : nullptr;
}

const crypto::FriendsMailbox* Poller::find_mailbox(crypto::Epoch epoch, const crypto::Point& p) {
  const auto now = crypto::epoch_at(services_.clock.now().unix_time());
  if (!now || epoch > *now + 1 || epoch + epochs_back < *now) {
    return nullptr;
  }
  for (const Root& root : keys_.roots()) {
    const auto* const owned = mailbox(root.pair, epoch);
    if (owned != nullptr && owned->p() == p) {
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
    endless_.erase(id);
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
  } else if (!poll.operation && is_near(std::get<2>(key), now) && !poll.is_near) {
    due_.set_earlier(key, now.steady + until_next_poll(std::get<2>(key), now));
  }
  poll.is_near = is_near(std::get<2>(key), now);
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
  for (auto& [source, finished] : finished_) {  // a wrong clock said so
    std::erase_if(finished.beyond, [now](crypto::Epoch e) { return closed_at(e) > now.unix_time(); });
  }
  Polls wanted;
  for (const auto& [id, node] : home_nodes_.all()) {
    for (const Root& root : keys_.roots()) {
      const Source source{id, root.id()};
      const auto finished = finished_.find(source);
      auto first = first_epoch(source, node, root, *epoch);
      if (services_.clock.in_doubt_at(id)) {  // what may have come before the jump waits
        first = std::max(first, *epoch - std::min<crypto::Epoch>(*epoch, 1));
      }
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
  forget_unused(*epoch, now);
}

/// What was kept for mailboxes that are not polled any longer: a node can name any number of dates.
void Poller::forget_unused(crypto::Epoch epoch, Now now) {
  std::set<std::pair<RootId, crypto::Epoch>> polled;
  for (const auto& [key, poll] : polls_) {
    polled.emplace(std::get<1>(key), std::get<2>(key));
  }
  const auto is_unused = [&](const auto& entry) {
    const auto e = entry.first.second;
    return (e + epochs_back + 1 < epoch || e > epoch + 1) && !polled.contains(entry.first);
  };
  std::erase_if(mailboxes_, is_unused);
  std::erase_if(boxes_, is_unused);
  std::erase_if(endless_, [&](const auto& entry) {
    return entry.second.until <= now.steady && !polls_.contains(entry.second.mailbox);
  });
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

}  // namespace toxasync::manager
