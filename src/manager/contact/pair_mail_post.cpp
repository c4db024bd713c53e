// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/contact/pair_mail.hpp"

// PairMail, the sending side: our bundles into the pair mailboxes. What is found there is in pair_mail.cpp.

namespace toxasync::manager {

std::vector<protocol::NodeId> PairMail::nodes_to_post_on(const crypto::Point& p) const {
  auto nodes = nodes_.nearest(p, nearest_used);
  auto home = nodes_.home_nodes();
  home.resize(std::min(home.size(), home_nodes_used));
  nodes.insert(nodes.end(), home.begin(), home.end());
  drop_repeated(nodes);
  return nodes;
}

PairMail::Step PairMail::post_step(const FriendKey& key, Pair& pair, Now now) {
  if (!pair.post) {
    return make_post(key, pair, now);
  }
  const auto epoch = crypto::epoch_at(now.unix_time());
  const auto ended = [&](const Target& target) {
    return target.under_way.none() &&
           (target.done.count() == pair.post->envelopes.size() || target.failures >= attempts_per_node);
  };
  if (!epoch || MailboxWatch::slot(*epoch, epoch_step) != pair.post->mailbox.epoch ||
      std::ranges::all_of(pair.post->targets, ended)) {
    end_post(pair, now);
    return Step::none;
  }
  return pair.post->durable && store_next(key, *pair.post, now) ? Step::begun : Step::none;
}

/// Asks for our bundle, and seals it. It leaves when what it promises is on disk.
PairMail::Step PairMail::make_post(const FriendKey& key, Pair& pair, Now now) {
  const auto epoch = crypto::epoch_at(now.unix_time());
  const seconds age = now.unix_time() - pair.posted;
  if (!epoch || (age < post_every && age > -post_every) || now.steady < std::max(pair.ask_at, post_from_) ||
      posts_ >= posts_under_way) {
    return Step::none;
  }
  pair.ask_at = now.steady + ask_again;
  auto mailbox = mailbox_to(key, MailboxWatch::slot(*epoch, epoch_step));
  if (!mailbox) {
    return Step::none;
  }
  Post post{++last_serial_, now.unix_time(), std::move(mailbox->mailbox), {}, {}, false, false};
  for (const auto& node : nodes_to_post_on(post.mailbox.address.p)) {
    post.targets.push_back({node, {}, {}, 0});
  }
  const auto bundle = post.targets.empty() ? std::nullopt : bundles_.bundle_for(key, *this);
  if (!bundle || !seal(key, *bundle, post, now)) {
    return Step::none;
  }
  pair.post = std::move(post);
  ++posts_;
  services_.state.commit({}, [this, key, serial = pair.post->serial](bool durable) {
    Pair* const whose = find(key);
    if (whose == nullptr || !whose->post || whose->post->serial != serial) {
      return;
    }
    const Now later = services_.clock.now();
    whose->post->durable = durable;
    if (!durable) {
      end_post(*whose, later);
    }
    rate_limiter_.schedule_soon(later.steady, services_.random);
  });
  return Step::made;
}

bool PairMail::seal(const FriendKey& key, const protocol::WholeBundle& bundle, Post& post, Now now) {
  Bytes text(limits::whole_bundle);
  const auto size = wire::encode(bundle, text);
  if (!size) {
    crypto::wipe(text);
    return false;
  }
  text.resize(*size);
  const auto count = static_cast<std::uint8_t>(limits::parts_needed(text.size()));
  const auto pre_key = crypto::point_of(key);  // the friend's Tox key is their pre-key too
  const crypto::EnvelopeHeader header{services_.self.friend_key(), bundle.head.version.instance,
                                      crypto::pre_key_id(pre_key), services_.random.id<crypto::MessageId>()};
  const auto cancel = services_.random.id<crypto::CancelSecret>();
  bool sealed = true;
  for (std::uint8_t part = 0; part < count && sealed; ++part) {
    const auto from = text.begin() + part * static_cast<std::ptrdiff_t>(limits::large_text);
    const auto left = text.end() - from;
    crypto::EnvelopeBody body{0,
                              0,
                              since_1970_ms(now.wall),
                              clamped_count<std::uint32_t, seconds>(ttl),
                              crypto::MessageKind::bundle,
                              part,
                              count,
                              {}};
    body.text.assign(from, from + std::min<std::ptrdiff_t>(left, limits::large_text));
    auto envelope = crypto::seal_envelope(services_.self, key, pre_key, post.mailbox, header, body, cancel,
                                          services_.random);
    crypto::wipe(body.text);
    sealed = envelope.has_value();
    if (sealed) {
      post.envelopes.push_back(std::move(*envelope));
    }
  }
  crypto::wipe(text);
  return sealed;
}

/// Starts one store: the next part that a usable node has not.
bool PairMail::store_next(const FriendKey& key, Post& post, Now now) {
  for (Target& target : post.targets) {
    const bool has_session = target.done.any() || target.under_way.any();
    if (target.failures >= attempts_per_node || !health_.usable(target.node, now.steady) ||
        (!has_session && !health_.affords(target.node, now.steady, false))) {
      continue;
    }
    for (std::size_t part = 0; part < post.envelopes.size(); ++part) {
      if (target.done.test(part) || target.under_way.test(part)) {
        continue;
      }
      const auto operation = services_.client.store(
          {target.node, post.mailbox.clone(), protocol::StoreOp::store, ttl, post.envelopes[part]}, *this,
          now);
      if (!has_session) {
        health_.charge(target.node, now.steady);
      }
      target.under_way.set(part);
      operations_[operation] = {key, target.node, post.mailbox.epoch, post.serial, part};
      return true;
    }
  }
  return false;
}

void PairMail::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Operation done = found->second;
  operations_.erase(found);
  const bool answered = result.outcome < client::StoreOutcome::unreachable;
  if (is_good(result.outcome)) {
    health_.worked(done.node);
  } else if (answered && result.outcome != client::StoreOutcome::wrong_epoch) {
    health_.busy(done.node, now.steady, result.retry_after);
  } else if (!answered) {
    health_.failed(done.node, now.steady);
  }
  Pair* const pair = find(done.who);
  if (pair == nullptr || !pair->post || pair->post->serial != done.serial) {
    return;
  }
  Post& post = *pair->post;
  if (result.outcome == client::StoreOutcome::wrong_epoch) {
    services_.telemetry.refuse(Counter::refused_clock);  // the edge of an epoch, or a clock that is wrong
  }
  const auto target = std::ranges::find(post.targets, done.node, &Target::node);
  if (target == post.targets.end()) {
    return;
  }
  target->under_way.reset(done.part);
  if (!is_good(result.outcome)) {
    ++target->failures;
    return;
  }
  target->done.set(done.part);
  if (target->done.count() == post.envelopes.size()) {
    count_posted(done.who, *pair);
  }
}

void PairMail::count_posted(const FriendKey& key, Pair& pair) {
  if (!pair.post->placed) {
    pair.post->placed = true;
    pair.posted = pair.post->made;
    pair.ask_backoff = ask_again;
    services_.telemetry.count(Counter::pair_bundles_posted);
    save(key, pair);
  }
}

void PairMail::end_post(Pair& pair, Now now) {
  if (!pair.post) {
    return;
  }
  if (!pair.post->placed) {
    pair.ask_at = now.steady + pair.ask_backoff;
    pair.ask_backoff = std::min(2 * pair.ask_backoff, longest_ask_again);
  }
  pair.post.reset();
  --posts_;
}

}  // namespace toxasync::manager
