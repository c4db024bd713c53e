// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/polling/cover.hpp"

#include "manager/core/random_delay.hpp"

namespace toxasync::manager {

void Cover::tick(Now now) {
  if (!services_.config.cover || (next_ && now.steady < *next_)) {
    return;
  }
  if (next_) {
    send_loop(now);
  }
  next_ = now.steady + random_delay(services_.random, loop_interval);
}

void Cover::send_loop(Now now) {
  const auto homes = home_nodes_.in_use();
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (homes.empty() || !epoch || operations_.size() >= operations_under_way) {
    return;
  }
  const auto mailbox = crypto::friends_mailbox(crypto::friends_root(keys_.root().cover, writer), *epoch);
  const auto envelope = mailbox ? seal(*mailbox, now) : Bytes{};
  if (envelope.empty()) {
    return;  // not reached: our own keys are valid
  }
  for (const auto& home : homes) {
    operations_.insert(services_.client.store(
        {home.id, mailbox->clone(), protocol::StoreOp::store, services_.config.ttl, envelope}, *this, now));
  }
}

/// From nobody to nobody: all keys are made for it and forgotten.
Bytes Cover::seal(const crypto::WritableMailbox& mailbox, Now now) const {
  Random& random = services_.random;
  const bool large = random.below(large_one_in) == 0;
  const std::size_t shortest = large ? limits::small_text + 1 : 1;
  const std::size_t longest = large ? limits::large_text : limits::small_text;
  const auto sender = crypto::KeyPair::generate(random);
  const auto recipient = crypto::KeyPair::generate(random);
  const auto pre_key = crypto::KeyPair::generate(random);
  const crypto::EnvelopeHeader header{sender.friend_key(), crypto::Instance{random.u64()},
                                      crypto::pre_key_id(pre_key.public_key), random.id<crypto::MessageId>()};
  const crypto::EnvelopeBody body{1,
                                  1,
                                  since_1970_ms(now.wall),
                                  clamped_count<std::uint32_t, seconds>(services_.config.ttl),
                                  crypto::MessageKind::normal,
                                  0,
                                  1,
                                  Bytes(shortest + random.below(longest - shortest + 1), 'x')};
  auto sealed = crypto::seal_envelope(sender, recipient.friend_key(), pre_key.public_key, mailbox, header,
                                      body, random.id<crypto::CancelSecret>(), random);
  return sealed ? std::move(*sealed) : Bytes{};
}

void Cover::on_stored(client::OperationId operation, const client::StoreResult& result, Now /*now*/) {
  operations_.erase(operation);
  services_.telemetry.count(Counter::cover_stored, client::is_good(result.outcome) ? 1 : 0);
}

}  // namespace toxasync::manager
