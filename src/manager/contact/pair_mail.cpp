// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/pair_mail.hpp"

#include <algorithm>
#include <memory>

namespace toxasync::manager {

namespace {

/// `G` friend 32 | 'p'
constexpr std::uint8_t pair_row = 'p';
constexpr std::size_t pair_name = sizeof(FriendKey) + 1;
/// `H` friend 32 | message id 16 | part 1
constexpr std::size_t part_name = sizeof(FriendKey) + sizeof(crypto::MessageId) + 1;

Bytes pair_key(const FriendKey& who) {
  return state_key(Table::request_out, {who, ByteView(&pair_row, 1)});
}

Bytes part_key(const FriendKey& who, const crypto::MessageId& id, std::uint8_t part) {
  return state_key(Table::request_in, {who, id, ByteView(&part, 1)});
}

struct PairRecord {
  UnixTime posted{};
  std::vector<crypto::Epoch> finished;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.posted, wire::bounded<MailboxWatch::most_finished>(self.finished));
  }
};

struct PartRecord {
  std::uint8_t parts = 0;
  UnixTime since{};
  UnixTimeMs sent_at{};
  Bytes text;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.parts, self.since, self.sent_at, wire::bounded<limits::large_text>(self.text));
  }
};

}  // namespace

PairMail::PairMail(const Services& services, const ContactNodes& nodes, BundleExchange& bundles,
                   NodeHealth& health)
    : services_(services), nodes_(nodes), bundles_(bundles), health_(health) {}

// --- Friends ---

PairMail::Pair& PairMail::pair_of(const FriendKey& key) {
  return pairs_.try_emplace(key, watch_in_polls * services_.config.poll_interval).first->second;
}

PairMail::Pair* PairMail::find(const FriendKey& key) noexcept {
  const auto found = pairs_.find(key);
  return found != pairs_.end() && found->second.listed ? &found->second : nullptr;
}

bool PairMail::is_friend(const FriendKey& key) const noexcept {
  const auto found = pairs_.find(key);
  return found != pairs_.end() && found->second.listed;
}

bool PairMail::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  const auto table = static_cast<Table>(entry.key[0]);
  if (table == Table::request_out && name.size() == pair_name && name.back() == pair_row) {
    PairRecord record;
    if (read_record(services_.telemetry, entry, record)) {
      Pair& pair = pair_of(id_from<FriendKey>(name));
      pair.posted = record.posted;
      pair.watch.restore(record.finished);
    }
    return true;
  }
  if (table == Table::request_in && name.size() == part_name) {
    PartRecord record;
    if (read_record(services_.telemetry, entry, record) && name.back() < record.parts &&
        record.parts <= parts) {
      Assembly& assembly = pair_of(id_from<FriendKey>(name)).assembly;
      const auto id = id_from<crypto::MessageId>(name.subspan(sizeof(FriendKey)));
      if (!assembly.texts.empty() && assembly.id != id) {
        orphans_.push_back(entry.key);  // a failed write has left parts of two bundles: one is dropped
        return true;
      }
      assembly.id = id;
      assembly.parts = record.parts;
      assembly.since = record.since;
      assembly.sent_at = record.sent_at;
      assembly.texts[name.back()] = std::move(record.text);
    }
    return true;
  }
  return false;
}

void PairMail::save(const FriendKey& key, const Pair& pair) {
  services_.state.keep({put_record(pair_key(key), PairRecord{pair.posted, pair.watch.finished()})});
}

void PairMail::add(const FriendKey& key, Now now) {
  Pair& pair = pair_of(key);
  if (!pair.listed) {
    pair.listed = true;
    post_from_ = now.steady + post_after;
    rate_limiter_.schedule_soon(now.steady, services_.random);
  }
}

void PairMail::remove(const FriendKey& key, store::StateBatch& batch) {
  const auto found = pairs_.find(key);
  if (found == pairs_.end()) {
    return;
  }
  end_post(found->second, services_.clock.now());
  drop_parts(key, found->second, batch);
  batch.push_back(erase_record(pair_key(key)));
  pairs_.erase(found);
}

void PairMail::forget_unlisted(store::StateBatch& batch) {
  std::vector<FriendKey> unlisted;
  for (const auto& [key, pair] : pairs_) {
    if (!pair.listed) {
      unlisted.push_back(key);
    }
  }
  for (const auto& key : unlisted) {
    remove(key, batch);
  }
}

void PairMail::look_again(const FriendKey& key, Now now) {
  if (Pair* const pair = find(key)) {
    pair->ask_at = now.steady;
    pair->watch.poll_soon(now);
    rate_limiter_.schedule_soon(now.steady, services_.random);
  }
}

void PairMail::look_again_at_all(Now now) {
  for (auto& [key, pair] : pairs_) {
    pair.ask_at = now.steady;
  }
  rate_limiter_.schedule_soon(now.steady, services_.random);
}

// --- Mailboxes ---

std::optional<crypto::OwnedMailbox> PairMail::mailbox_to(const FriendKey& key, crypto::Epoch e) const {
  const auto& self = services_.self;
  return crypto::pair_mailbox(self.secret, key, self.friend_key(), key, e);
}

std::optional<crypto::OwnedMailbox> PairMail::mailbox_from(const FriendKey& key, crypto::Epoch e) const {
  const auto& self = services_.self;
  return crypto::pair_mailbox(self.secret, key, key, self.friend_key(), e);
}

std::vector<protocol::NodeId> PairMail::nodes_to_look_on(const FriendKey& key, const crypto::Point& p) const {
  auto nodes = nodes_.nearest(p, nearest_used);
  for (const auto& more : {nodes_.home_nodes(), nodes_.home_nodes_of(key)}) {
    nodes.insert(nodes.end(), more.begin(), more.end());
  }
  drop_repeated(nodes);
  return nodes;
}

// --- Steps, at a limited rate ---

void PairMail::tick(Now now) {
  while (rate_limiter_.due(now.steady)) {
    const bool may =
        !pairs_.empty() && operations_.size() < operations_under_way && rate_limiter_.allows(now.steady);
    switch (may ? step(now) : Step::none) {
      case Step::begun:
        services_.telemetry.count(Counter::contact_operations);
        rate_limiter_.spend(now.steady, services_.random);
        break;
      case Step::made:
        rate_limiter_.step(now.steady, services_.random);
        break;
      case Step::none:
        rate_limiter_.rest(now.steady, services_.random);
        if (now.steady < post_from_) {
          rate_limiter_.schedule_soon(post_from_, services_.random);
        }
        break;
    }
  }
}

/// The next friend who needs something, after the one whose turn it was last.
PairMail::Step PairMail::step(Now now) {
  auto at = pairs_.upper_bound(turn_);
  for (std::size_t left = pairs_.size(); left > 0; --left, ++at) {
    if (at == pairs_.end()) {
      at = pairs_.begin();
    }
    auto& [key, pair] = *at;
    if (!pair.listed) {
      continue;
    }
    Step done = post_step(key, pair, now);
    if (done == Step::none && visit(key, pair, now)) {
      done = Step::begun;
    }
    if (done != Step::none) {
      turn_ = key;
      return done;
    }
  }
  return Step::none;
}

bool PairMail::visit(const FriendKey& key, Pair& pair, Now now) {
  if (!bundles_.wants_bundle_of(key)) {
    return false;
  }
  const auto nodes = [&](crypto::Epoch epoch) {
    const auto mailbox = mailbox_from(key, epoch);
    return mailbox ? nodes_to_look_on(key, mailbox->mailbox.address.p) : std::vector<protocol::NodeId>{};
  };
  const auto visit = pair.watch.next(now, nodes, health_, services_.random);
  if (!visit) {
    return false;
  }
  auto mailbox = mailbox_from(key, visit->epoch);
  if (!mailbox) {  // the key is not a point on the curve: nobody has its private half
    pair.watch.abandoned();
    return false;
  }
  const auto operation = services_.client.retrieve({visit->node, *mailbox}, *this, now);
  operations_[operation] = {key, visit->node, visit->epoch, 0, 0};
  return true;
}

void PairMail::on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                            Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const FriendKey key = found->second.who;
  Pair* const pair = find(key);
  const auto mailbox = mailbox_from(key, found->second.epoch);
  if (pair == nullptr || !mailbox) {
    services_.client.abandon(operation, now);
    operations_.erase(found);
    return;
  }
  auto intake = std::make_shared<Intake>();
  for (const auto& envelope : envelopes) {
    open(key, *pair, *mailbox, envelope.bytes, *intake);
  }
  // Also when there is nothing to write: what accept_bundle() has written comes before it.
  services_.state.commit(std::move(intake->batch), [this, operation, key, intake](bool durable) {
    intake_written(operation, key, *intake, durable);
  });
}

void PairMail::intake_written(client::OperationId operation, const FriendKey& key, const Intake& intake,
                              bool durable) {
  const Now now = services_.clock.now();
  Pair* const pair = find(key);
  if (durable) {
    if (pair != nullptr && intake.accepted) {
      pair->last_accepted = intake.accepted;
    }
    if (pair != nullptr && intake.ended && pair->assembly.id == *intake.ended) {
      pair->assembly = {};
    }
    services_.client.continue_retrieve(operation, now);
    return;
  }
  // Our disk failed: the node must keep them, and what we have of them is dropped.
  for (const auto& [id, part] : intake.parts) {
    if (pair != nullptr && pair->assembly.id == id) {
      pair->assembly.texts.erase(part);
    }
  }
  services_.client.abandon(operation, now);
  on_retrieved(operation, {}, now);
}

void PairMail::on_retrieved(client::OperationId operation, const client::RetrieveResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Operation done = found->second;
  operations_.erase(found);
  health_.retrieved(done.node, result, now.steady);
  Pair* const pair = find(done.who);
  if (pair != nullptr && pair->watch.ended(result, now, services_.random)) {
    save(done.who, *pair);
  }
}

// --- Envelopes that were found ---

void PairMail::open(const FriendKey& key, Pair& pair, const crypto::OwnedMailbox& mailbox, ByteView envelope,
                    Intake& intake) {
  const auto& telemetry = services_.telemetry;
  const auto header = crypto::open_header(mailbox, envelope);
  if (!header) {
    telemetry.refuse(Counter::refused_envelope_header);
    return;
  }
  if (pair.last_accepted == header->message_id || intake.accepted == header->message_id) {
    telemetry.count(Counter::duplicates_dropped);
    return;
  }
  auto body = crypto::open_body(mailbox, services_.self, services_.self, *header, envelope);
  if (!body) {
    telemetry.refuse(Counter::refused_envelope_body);
    return;
  }
  if (body->sequence != 0 || body->floor != 0 || body->parts > parts) {
    telemetry.refuse(Counter::refused_bundle);
    return;
  }
  if (body->parts == 1) {
    accept_whole(key, header->message_id, body->text, intake);
  } else {
    add_part(key, pair, header->message_id, std::move(*body), intake);
  }
}

/// One bundle of a friend is put together at a time: the one that was sent last.
void PairMail::add_part(const FriendKey& key, Pair& pair, const crypto::MessageId& id,
                        crypto::EnvelopeBody body, Intake& intake) {
  const auto& telemetry = services_.telemetry;
  Assembly& assembly = pair.assembly;
  const UnixTimeMs sent_at = unix_time_ms(body.sent_at_ms);
  const bool other = !assembly.texts.empty() && assembly.id != id;
  if (other && sent_at <= assembly.sent_at) {
    telemetry.count(Counter::duplicates_dropped);  // an older one
    return;
  }
  if (other || assembly.texts.empty()) {
    drop_parts(key, pair, intake.batch);
    assembly = {id, body.parts, services_.clock.stamp(), sent_at, {}};
  }
  if (assembly.parts != body.parts || assembly.sent_at != sent_at) {
    telemetry.refuse(Counter::refused_parts);
    return;
  }
  if (assembly.texts.contains(body.part)) {
    telemetry.count(Counter::duplicates_dropped);
    return;
  }
  if (assembly.texts.size() + 1 < assembly.parts) {
    intake.batch.push_back(put_record(part_key(key, id, body.part),
                                      PartRecord{body.parts, assembly.since, assembly.sent_at, body.text}));
    intake.parts.emplace_back(id, body.part);
    assembly.texts[body.part] = std::move(body.text);
    return;
  }
  // The last one: the bundle's own record takes the place of the parts' rows, in this order.
  Bytes whole;
  assembly.texts[body.part] = std::move(body.text);
  for (const auto& [part, text] : assembly.texts) {
    whole.insert(whole.end(), text.begin(), text.end());
  }
  assembly.texts.erase(body.part);
  accept_whole(key, id, whole, intake);
  for (const auto& [part, text] : assembly.texts) {
    intake.batch.push_back(erase_record(part_key(key, id, part)));
  }
  intake.ended = id;
}

void PairMail::accept_whole(const FriendKey& key, const crypto::MessageId& id, ByteView text,
                            Intake& intake) {
  protocol::WholeBundle bundle;
  if (wire::decode(text, bundle) != wire::Error::none || bundle.head.one_time_count != bundle.keys.size()) {
    services_.telemetry.refuse(Counter::refused_bundle);
    return;
  }
  services_.telemetry.count(Counter::pair_bundles_found);
  bundles_.accept_bundle(key, bundle);
  intake.accepted = id;
}

void PairMail::drop_parts(const FriendKey& key, Pair& pair, store::StateBatch& batch) {
  for (const auto& [part, text] : pair.assembly.texts) {
    batch.push_back(erase_record(part_key(key, pair.assembly.id, part)));
  }
  pair.assembly = {};
}

void PairMail::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  for (auto& key : orphans_) {
    batch.push_back(erase_record(std::move(key)));
  }
  orphans_.clear();
  for (auto& [key, pair] : pairs_) {
    if (const UnixTime since = date.clamped(pair.assembly.since); since != pair.assembly.since) {
      pair.assembly.since = since;
      for (const auto& [part, text] : pair.assembly.texts) {
        batch.push_back(put_record(part_key(key, pair.assembly.id, part),
                                   PartRecord{pair.assembly.parts, since, pair.assembly.sent_at, text}));
      }
    }
    if (!pair.assembly.texts.empty() && date.passed() - pair.assembly.since > parts_kept) {
      services_.telemetry.refuse(Counter::refused_parts);
      drop_parts(key, pair, batch);
    }
  }
}

}  // namespace toxasync::manager
