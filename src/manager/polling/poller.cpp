// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/polling/poller.hpp"

#include <algorithm>

#include "manager/core/random_delay.hpp"
#include "manager/polling/cover.hpp"

namespace toxasync::manager {

/// Cover has one writer, us, and as many lists as the root that it is cover for.
const Poller::Boxes& Poller::boxes_of(const crypto::FriendsMailbox& mailbox, const Key& key, bool is_cover) {
  Boxes& boxes = boxes_[{std::get<1>(key), std::get<2>(key)}];
  if (boxes.version == friends_.writers_version()) {
    return boxes;
  }
  boxes = {{}, nullptr, friends_.writers_version()};
  const auto friends = friends_.writers();
  std::vector<crypto::Point> points;
  for (const auto& writer : is_cover ? std::vector{Cover::writer} : friends) {
    points.push_back(mailbox.write_point(writer));
    boxes.writers[points.back()] = writer;
  }
  boxes.lists =
      protocol::box_lists(mailbox.owner(), mailbox.p(), points, protocol::lists_for(friends.size()));
  return boxes;
}

void Poller::follow_clock(Now now) {
  update_polls(now);  // the epoch may be an earlier one, too
  if (!services_.clock.checked() && now.steady >= asks_date_from_) {
    asks_date_from_ = now.steady + date_asked_every;
    poll_soon(now);  // so that nodes say what time it is
  }
}

milliseconds Poller::until_next_poll(crypto::Epoch epoch, Now now) const {
  const milliseconds often = services_.config.poll_interval;
  if (is_near(epoch, now)) {
    return random_delay(services_.random, often);
  }
  const milliseconds seldom = std::max(often, std::min(seldom_factor * often, longest_seldom));
  const milliseconds wait = random_delay(services_.random, seldom);
  const milliseconds to_near = crypto::epoch_start(epoch) - edge - now.wall;
  return to_near > 0ms && wait > to_near ? to_near + random_delay(services_.random, often) : wait;
}

void Poller::start(const Key& key, Now now) {
  const auto found = polls_.find(key);
  const auto& [node, root_id, epoch] = key;
  const auto* const root = keys_of(root_id);
  const auto* const owned = root != nullptr ? mailbox(*root, epoch) : nullptr;
  if (found == polls_.end() || found->second.operation || owned == nullptr) {
    return;
  }
  Poll& poll = found->second;
  if (const auto until = left_alone(node, now)) {
    poll.last_begun = now.steady;  // as if it had failed
    due_.set(key, *until + random_delay(services_.random, services_.config.poll_interval));
    return;
  }
  const Boxes& boxes = boxes_of(*owned, key, poll.is_cover);
  if (poll.reopened != inbox_.reopened() || poll.boxes_version != boxes.version) {
    poll.reopened = inbox_.reopened();
    poll.boxes_version = boxes.version;
    poll.left = false;
    poll.skipped = false;
    poll.cursors.clear();
  }
  poll.started = now.steady;
  poll.started_date = now.unix_time();
  poll.taken = 0;
  // Nothing is stored any longer in what is older.
  const bool subscribe = services_.config.push && epoch + 1 >= crypto::epoch_at(now.unix_time()).value_or(0);
  poll.operation = services_.client.retrieve(
      {node, owned->p(), owned->owner().clone(), boxes.lists, subscribe, poll.cursors}, *this, now);
  operations_[*poll.operation] = key;
  if (const auto endless = endless_.find(node); endless != endless_.end()) {
    endless->second.reading = true;
  }
}

std::optional<SteadyTime> Poller::left_alone(const protocol::NodeId& node, Now now) {
  const auto found = endless_.find(node);
  if (found == endless_.end() || (now.steady >= found->second.until && !found->second.reading)) {
    return std::nullopt;
  }
  return std::max(found->second.until, now.steady);
}

void Poller::on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                          Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Key key = found->second;
  const auto poll = polls_.find(key);
  const SteadyTime delete_from = now.steady + deletion_least + random_delay(services_.random, deletion_mean);
  auto done = [this, operation, delete_from](bool durable, std::vector<crypto::EnvelopeId> left) {
    written(operation, delete_from, durable, std::move(left));
  };
  if (poll != polls_.end() && poll->second.is_cover) {
    services_.telemetry.count(Counter::cover_fetched, envelopes.size());
    std::vector<std::size_t> sizes(envelopes.size());
    std::ranges::transform(envelopes, sizes.begin(), [](const auto& one) { return one.bytes.size(); });
    inbox_.receive_cover(sizes, std::move(done));
    return;
  }
  const auto* const root = keys_of(std::get<1>(key));
  const auto* const owned = root != nullptr ? mailbox(*root, std::get<2>(key)) : nullptr;
  if (owned == nullptr) {
    services_.client.abandon(operation, now);
    return on_retrieved(operation, {}, now);
  }
  std::vector<Inbox::Written> written;
  const auto& writers = boxes_of(*owned, key, false).writers;
  for (auto& envelope : envelopes) {
    if (const auto writer = writers.find(envelope.w); writer != writers.end()) {  // else removed meanwhile
      written.push_back({writer->second, std::move(envelope.bytes)});
    }
  }
  const std::size_t taken = inbox_.receive(*owned, written, std::move(done));
  if (poll != polls_.end()) {
    poll->second.taken += taken;
  }
}

void Poller::written(client::OperationId operation, SteadyTime delete_from, bool durable,
                     std::vector<crypto::EnvelopeId> left) {
  const Now now = services_.clock.now();
  if (durable) {
    deletions_.set(operation, std::max(delete_from, now.steady));
    left_[operation] = std::move(left);
  } else {  // the node must keep them
    services_.client.abandon(operation, now);
    on_retrieved(operation, {}, now);
  }
}

/// A friend who writes while we read can make a mailbox long, but not fill it with what no friend has sealed.
void Poller::note_end(const Key& key, const Poll& poll, const client::RetrieveResult& result, Now now) {
  const protocol::NodeId& node = std::get<0>(key);
  const auto known = endless_.find(node);
  if (result.complete && known != endless_.end() && known->second.mailbox == key) {
    endless_.erase(known);
  }
  if (!result.endless || 2 * poll.taken > result.read) {
    return;
  }
  services_.telemetry.refuse(Counter::refused_answer);
  services_.telemetry.log(LogLevel::debug, "polling", "a mailbox on a storage node does not end");
  Endless& endless = endless_[node];
  if (now.steady < endless.until) {
    return;  // it was read together with another one that did not
  }
  endless.mailbox = key;
  milliseconds pause = endless_pause;
  for (unsigned i = 0; i < endless.in_a_row && pause < longest_endless_pause; ++i) {
    pause *= 4;
  }
  endless.until = now.steady + std::min(pause, longest_endless_pause);
  ++endless.in_a_row;
  if (endless.in_a_row >= endless_to_demote) {
    home_nodes_.demote(node);
  }
}

void Poller::on_retrieved(client::OperationId operation, const client::RetrieveResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Key key = found->second;
  operations_.erase(found);
  if (const auto endless = endless_.find(std::get<0>(key)); endless != endless_.end()) {
    endless->second.reading = false;
  }
  const auto poll = polls_.find(key);
  if (poll == polls_.end()) {
    return;
  }
  poll->second.operation.reset();
  last_operations_.erase(poll->second.last_operation);
  // A node that answers other requests, but not this one, is busy: the mailbox was neither read nor failed.
  const auto status = services_.client.node_status(std::get<0>(key));
  const bool alive = result.reachable || (status && status->last_answer >= poll->second.started_date);
  note_end(key, poll->second, result, now);
  const bool unserved = !result.complete && !result.endless && alive;
  if (!unserved) {
    poll->second.last_begun = poll->second.started;
  }
  if (result.reachable && poll->second.is_stray) {
    note_stray(key, result.node_time);
  }
  if (result.complete || result.endless) {
    poll->second.left = poll->second.left || result.left;
    poll->second.skipped = poll->second.skipped || result.skipped || result.endless;
    const bool behind = poll->second.left || poll->second.skipped;
    poll->second.cursors = behind ? result.cursors : std::vector<std::uint64_t>{};
  }
  const UnixTime closed = closed_at(std::get<2>(key));
  const UnixTime date =
      poll->second.is_stray ? result.node_time : std::min(result.node_time, now.unix_time());
  if (result.complete && closed <= date && !poll->second.left) {
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
    wait = soon || (!result.complete && !result.endless) ? random_delay(services_.random, mean)
                                                         : until_next_poll(std::get<2>(key), now);
  }
  const milliseconds asked = result.retry_after;
  // Apart from other clients that it turned away.
  const milliseconds apart = services_.random.below(asked / 4 + 1ms);
  due_.set(key, now.steady + std::max(wait, asked + apart));
  const bool has_room = poll->second.left && poll->second.reopened != inbox_.reopened();
  if (has_room || (result.complete && lacks_boxes(key, poll->second, now))) {
    ask_again(key, poll->second, now);
  }
}

void Poller::on_announced(client::OperationId operation, Now now) {
  const auto last = last_operations_.find(operation);
  const auto found = last == last_operations_.end() ? polls_.end() : polls_.find(last->second);
  if (found == polls_.end() || found->second.operation) {
    return;
  }
  ask_again(found->first, found->second, now);
}

void Poller::ask_again(const Key& key, Poll& poll, Now now) {
  poll.announced = std::max(now.steady + random_delay(services_.random, announced_poll_mean),
                            poll.announced + announced_poll_every);
  due_.set_earlier(key, poll.announced);
}

bool Poller::lacks_boxes(const Key& key, const Poll& poll, Now now) const {
  return services_.config.push && poll.boxes_version != friends_.writers_version() &&
         std::get<2>(key) + 1 >= crypto::epoch_at(now.unix_time()).value_or(0);
}

void Poller::follow_writers(Now now) {
  writers_version_ = friends_.writers_version();
  for (auto& [key, poll] : polls_) {
    if (!poll.operation && lacks_boxes(key, poll, now)) {
      ask_again(key, poll, now);
    }
  }
}

void Poller::fetch_left(Now now) {
  reopened_ = inbox_.reopened();
  for (auto& [key, poll] : polls_) {
    if (poll.left && !poll.operation) {
      ask_again(key, poll, now);
    }
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
  if (now.unix_time() >= next_epoch_) {
    update_polls(now);
  }
  if (reopened_ != inbox_.reopened()) {
    fetch_left(now);
  }
  if (writers_version_ != friends_.writers_version()) {
    follow_writers(now);
  }
  while (const auto operation = deletions_.pop_due(now.steady)) {
    const auto left = left_.extract(*operation);
    services_.client.continue_retrieve(*operation, now,
                                       left ? left.mapped() : std::vector<crypto::EnvelopeId>{});
  }
  while (const auto key = due_.pop_due(now.steady)) {
    start(*key, now);
  }
}

SteadyTime Poller::next_deadline() const noexcept {
  const Now now = services_.clock.now();
  if (reopened_ != inbox_.reopened() || writers_version_ != friends_.writers_version()) {
    return now.steady;
  }
  return std::min(
      {due_.next(), deletions_.next(), now.steady + std::max<milliseconds>(next_epoch_ - now.wall, 0ms)});
}

}  // namespace toxasync::manager
