// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/polling/poller.hpp"

#include <algorithm>

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

namespace {

struct WatermarkRecord {
  crypto::Epoch through = 0;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.through); }
};

}  // namespace

bool Poller::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(protocol::NodeId) + sizeof(RootId)) {
    return false;
  }
  WatermarkRecord record;
  if (read_record(services_.telemetry, entry, record)) {
    finished_[{id_from<protocol::NodeId>(name), id_from<RootId>(name.subspan(sizeof(protocol::NodeId)))}]
        .through = record.through;
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
  const auto now = crypto::epoch_at(services_.clock.now().unix_s());
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
  const std::int64_t since_s = std::max(node.added_s, root.created_s);
  const crypto::Epoch begun = crypto::epoch_at(since_s).value_or(0);
  crypto::Epoch first = begun > 0 ? begun - 1 : 0;  // a sender's clock may be behind
  first = std::max(first, now_epoch > epochs_back ? now_epoch - epochs_back : 0);
  const auto found = finished_.find(source);
  if (found != finished_.end() && found->second.through != 0) {
    first = std::max(first, found->second.through + 1);
  }
  return first;
}

/// Forgets home nodes that nobody uses any longer, and their watermarks.
void Poller::forget_retired(Now now) {
  store::StateBatch batch;
  for (const auto& id : home_nodes_.forget_retired(now.unix_s(), batch)) {
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
  if (!poll.operation && !due_.contains(key)) {
    due_.set(key, now.steady_ms + random_delay_ms(services_.random, first_polls_within_ms));
  } else if (!poll.operation) {  // its epoch may be the present one now
    due_.set_earlier(key, now.steady_ms + wait_ms(std::get<2>(key), now));
  }
}

std::int64_t Poller::wait_ms(crypto::Epoch epoch, Now now) const {
  const std::int64_t often = services_.config.poll_interval_ms;
  const std::int64_t near_from_ms = (crypto::epoch_start_s(epoch) - edge_s) * 1000;
  const std::int64_t near_until_ms = (crypto::epoch_start_s(epoch + 1) + edge_s) * 1000;
  if (now.unix_ms >= near_from_ms && now.unix_ms < near_until_ms) {
    return random_delay_ms(services_.random, often);
  }
  const std::int64_t seldom = std::max(often, std::min(seldom_factor * often, longest_seldom_ms));
  const std::int64_t wait = random_delay_ms(services_.random, seldom);
  const std::int64_t to_near = near_from_ms - now.unix_ms;
  return to_near > 0 && wait > to_near ? to_near + random_delay_ms(services_.random, often) : wait;
}

/// Like the root that it belongs to, from whose watermark it begins. What has begun goes on after the root or
/// the node has retired, until it is final.
void Poller::want_cover(Polls& wanted, const OwnHomeNode& node, const Root& root, crypto::Epoch first,
                        Now now) {
  const auto epoch = crypto::epoch_at(now.unix_s()).value_or(0);
  crypto::Epoch last = epoch + 1;
  for (const std::int64_t retired_s : {root.retired_s, node.retired_s}) {
    if (retired_s != 0) {
      last = std::min(last, crypto::epoch_at(retired_s).value_or(0) + 1);
    }
  }
  for (auto e = first; e <= last; ++e) {
    if (e < first + cover_epochs || e + cover_epochs > epoch + 1) {
      want(wanted, {node.known.id, id_from<RootId>(root.cover.public_key), e}, true, now);
    }
  }
}

void Poller::update_polls(Now now) {
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch) {
    next_epoch_s_ = limits::epoch_origin_s;
    return;
  }
  next_epoch_s_ = crypto::epoch_start_s(*epoch + 1);
  forget_retired(now);
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
    due_.set(key, now.steady_ms + wait_ms(epoch, now));
    return;
  }
  found->second.started_ms = now.steady_ms;
  found->second.started_s = now.unix_s();
  // Nothing is stored any longer in what is older.
  const bool subscribe = services_.config.push && epoch + 1 >= crypto::epoch_at(now.unix_s()).value_or(0);
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
  inbox_.take(*owned, envelopes, nullptr, [this, operation](bool durable) {
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
  const bool alive = result.reachable || (status && status->last_answer_unix_s >= poll->second.started_s);
  const bool unserved = !result.complete && alive;
  if (!unserved) {
    poll->second.last_begun_ms = poll->second.started_ms;
  }
  const std::int64_t end_s = crypto::epoch_start_s(std::get<2>(key) + 2);
  const bool beyond_doubt = end_s + limits::late_store_grace_s <= std::min(result.node_time_s, now.unix_s());
  if (result.complete && beyond_doubt) {
    if (!poll->second.is_cover) {
      mark_final(key);
    }
    polls_.erase(poll);
    return;
  }
  poll->second.last_operation = operation;
  last_operations_[operation] = key;
  const bool soon = poll->second.started_ms < poll_soon_ms_;
  const std::int64_t mean = soon ? first_polls_within_ms : services_.config.poll_interval_ms;
  std::int64_t wait = std::min(mean, unserved_again_ms);
  if (!unserved) {
    wait =
        soon || !result.complete ? random_delay_ms(services_.random, mean) : wait_ms(std::get<2>(key), now);
  }
  const std::int64_t asked_ms = std::int64_t{result.retry_after_s} * 1000;
  const auto apart_ms = static_cast<std::int64_t>(services_.random.below(
      static_cast<std::uint64_t>(asked_ms / 4) + 1));  // apart from other clients that it turned away
  due_.set(key, now.steady_ms + std::max(wait, asked_ms + apart_ms));
}

void Poller::on_announced(client::OperationId operation, Now now) noexcept {
  const auto last = last_operations_.find(operation);
  const auto found = last == last_operations_.end() ? polls_.end() : polls_.find(last->second);
  if (found == polls_.end() || found->second.operation) {
    return;
  }
  auto& [key, poll] = *found;
  poll.announced_ms = std::max(now.steady_ms + random_delay_ms(services_.random, announced_poll_mean_ms),
                               poll.announced_ms + announced_poll_every_ms);
  due_.set_earlier(key, poll.announced_ms);
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
  const auto now_epoch = crypto::epoch_at(services_.clock.now().unix_s()).value_or(0);
  crypto::Epoch next = first_epoch({node, root_id}, owner->second, *root, now_epoch);
  const crypto::Epoch before = finished.through;
  while (finished.beyond.contains(next)) {
    finished.through = next++;
  }
  std::erase_if(finished.beyond, [&](crypto::Epoch e) { return e <= finished.through; });
  if (finished.through != before) {
    services_.state.keep(
        {put_record(state_key(Table::watermark, {node, root_id}), WatermarkRecord{finished.through})});
  }
}

void Poller::poll_soon(Now now) {
  poll_soon_ms_ = now.steady_ms;
  for (const auto& [key, poll] : polls_) {
    if (!poll.operation) {
      const auto within = static_cast<std::uint64_t>(soon_polls_within_ms);
      due_.set_earlier(key, now.steady_ms + static_cast<std::int64_t>(services_.random.below(within)));
    }
  }
}

bool Poller::swept_since(std::int64_t steady_ms) const {
  return std::ranges::all_of(polls_, [steady_ms](const auto& entry) {
    return entry.second.is_cover || (entry.second.last_begun_ms && *entry.second.last_begun_ms >= steady_ms);
  });
}

void Poller::tick(Now now) {
  const bool clock_set_back = now.unix_s() < next_epoch_s_ - limits::epoch_length_s;
  if (now.unix_s() >= next_epoch_s_ || (clock_set_back && next_epoch_s_ != limits::epoch_origin_s)) {
    update_polls(now);
  }
  while (const auto key = due_.pop_due(now.steady_ms)) {
    start(*key, now);
  }
}

std::int64_t Poller::next_deadline_ms() const noexcept {
  const Now now = services_.clock.now();
  return std::min(due_.next_ms(),
                  now.steady_ms + std::max<std::int64_t>(next_epoch_s_ * 1000 - now.unix_ms, 0));
}

}  // namespace toxasync::manager
