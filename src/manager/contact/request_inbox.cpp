// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/request_inbox.hpp"

#include <algorithm>
#include <memory>

#include "manager/core/random_delay.hpp"
#include "manager/core/utf8.hpp"

namespace toxasync::manager {

namespace {

constexpr seconds day = 24h;

/// `H` sender 32
Bytes sender_key(const FriendKey& sender) {
  return state_key(Table::request_in, {sender});
}

/// `H`
struct WatchRecord {
  Nospam nospam{};
  std::vector<crypto::Epoch> finished;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.nospam, wire::bounded<MailboxWatch::most_finished>(self.finished));
  }
};

}  // namespace

RequestInbox::RequestInbox(const Services& services, const ContactNodes& nodes, const PairMail& pairs,
                           RequestOutbox& outgoing, ContactListener& listener)
    : services_(services),
      nodes_(nodes),
      pairs_(pairs),
      outgoing_(outgoing),
      listener_(listener),
      watch_(1, watch_in_polls * services.config.poll_interval) {}

bool RequestInbox::load(const store::StateEntry& entry) {
  if (static_cast<Table>(entry.key[0]) != Table::request_in) {
    return false;
  }
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.empty()) {
    WatchRecord record;
    if (read_record(services_.telemetry, entry, record)) {
      watched_ = record.nospam;
      watch_.restore(record.finished);
    }
    return true;
  }
  if (name.size() != sizeof(FriendKey)) {
    return false;
  }
  Sender sender;
  if (read_record(services_.telemetry, entry, sender)) {
    if (sender.shown == UnixTime{}) {
      next_show_ = SteadyTime{};
    }
    senders_.insert_or_assign(id_from<FriendKey>(name), std::move(sender));
  }
  return true;
}

void RequestInbox::set_nospam(const Nospam& nospam, Now now) {
  if (nospam_ == nospam) {
    return;
  }
  for (const auto& [operation, what] : operations_) {
    services_.client.abandon(operation, now);
  }
  operations_.clear();
  nospam_ = nospam;
  if (watched_ == nospam) {
    watch_.abandoned();
  } else {
    watched_ = nospam;
    watch_.reset();
  }
  // Not together with what else is asked for at the start.
  look_from_ =
      now.steady + random_delay(services_.random, first_look_in_polls * services_.config.poll_interval);
  rate_limiter_.schedule_soon(look_from_, services_.random);
}

void RequestInbox::on_removed(const FriendKey& key, store::StateBatch& batch) {
  const auto found = senders_.find(key);
  if (found != senders_.end() && found->second.shown != UnixTime{}) {
    found->second.may_ask = 1;
    batch.push_back(put_record(sender_key(key), found->second));
  }
}

// --- Looking ---

std::optional<crypto::OwnedMailbox> RequestInbox::mailbox(crypto::Epoch epoch) const {
  const auto& self = services_.self;
  return nospam_ ? crypto::own_public_mailbox(self, *nospam_, epoch) : std::nullopt;
}

void RequestInbox::tick(Now now) {
  while (looks() && rate_limiter_.due(now.steady)) {
    if (now.steady >= look_from_ && rate_limiter_.allows(now.steady) && visit(now)) {
      services_.telemetry.count(Counter::contact_operations);
      rate_limiter_.spend(now.steady, services_.random);
    } else {
      rate_limiter_.rest(now.steady, services_.random);
    }
  }
}

/// Whoever has our Tox id can recognise this mailbox, and so learns from a node of theirs when and where we
/// are: it is asked for only where our user or a friend of theirs has chosen to.
std::vector<protocol::NodeId> RequestInbox::nodes_to_look_on(crypto::Epoch epoch) const {
  const auto owned = mailbox(epoch);
  if (!owned) {
    return {};
  }
  auto nodes = nodes_.nearest(owned->mailbox.address.p, nearest_used);
  for (const auto& named : nodes_.named_home_nodes()) {
    if (nodes_.has_answered(named)) {
      nodes.push_back(named);
    }
  }
  drop_repeated(nodes);
  return nodes;
}

bool RequestInbox::visit(Now now) {
  const auto nodes = [this](crypto::Epoch epoch) { return nodes_to_look_on(epoch); };
  const auto visit = watch_.next(now, nodes, health_, services_.random);
  auto owned = visit ? mailbox(visit->epoch) : std::nullopt;
  if (!owned) {
    if (visit) {
      watch_.abandoned();
    }
    return false;
  }
  const auto operation = services_.client.retrieve({visit->node, *owned}, *this, now);
  operations_[operation] = {visit->node, visit->epoch};
  return true;
}

void RequestInbox::on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                                Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const auto owned = mailbox(found->second.epoch);
  auto intake = std::make_shared<Intake>();
  store::StateBatch batch;
  for (const auto& envelope : envelopes) {
    if (owned) {
      open(*owned, envelope.bytes, now, *intake);
    }
  }
  for (const auto& [key, sender] : *intake) {
    committing_.insert(key);
    batch.push_back(put_record(sender_key(key), sender));
  }
  // Also when there is nothing to write: a copy of one that is on its way to the disk waits for it.
  services_.state.commit(std::move(batch), [this, operation, intake](bool durable) {
    intake_written(operation, *intake, durable);
  });
}

void RequestInbox::intake_written(client::OperationId operation, const Intake& intake, bool durable) {
  const Now now = services_.clock.now();
  for (const auto& [key, sender] : intake) {
    committing_.erase(key);
    if (durable) {
      services_.telemetry.count(Counter::requests_received);
      senders_.insert_or_assign(key, sender);
      next_show_ = std::min(next_show_, now.steady);
    }
  }
  if (durable) {
    services_.client.continue_retrieve(operation, now);
  } else {  // the node must keep them
    services_.client.abandon(operation, now);
    on_retrieved(operation, {}, now);
  }
}

void RequestInbox::on_retrieved(client::OperationId operation, const client::RetrieveResult& result,
                                Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return;
  }
  const Operation done = found->second;
  operations_.erase(found);
  health_.retrieved(done.node, result, now.steady);
  if (watch_.ended(result, now, services_.random)) {
    services_.state.keep(
        {put_record(state_key(Table::request_in), WatchRecord{*watched_, watch_.finished()})});
  }
}

// --- Envelopes that were found ---

bool RequestInbox::is_new(const crypto::EnvelopeHeader& header) const {
  const auto found = senders_.find(header.sender);
  if (committing_.contains(header.sender)) {
    return false;
  }
  return found == senders_.end() || (found->second.may_ask != 0 && found->second.id != header.message_id);
}

void RequestInbox::open(const crypto::OwnedMailbox& mailbox, ByteView envelope, Now now, Intake& intake) {
  const auto& telemetry = services_.telemetry;
  const auto header = crypto::open_header(mailbox, envelope);
  if (!header) {
    telemetry.refuse(Counter::refused_envelope_header);
    return;
  }
  if (header->sender == services_.self.friend_key()) {
    telemetry.refuse(Counter::refused_sender_unknown);
    return;
  }
  const bool from_friend = pairs_.is_friend(header->sender);
  if (!from_friend) {
    if (!is_new(*header) || intake.contains(header->sender)) {
      telemetry.count(Counter::duplicates_dropped);
      return;
    }
    if (pending() + committing_.size() + intake.size() >= most_pending) {
      telemetry.refuse(Counter::refused_request_quota);  // they will offer it again tomorrow
      return;
    }
  }
  auto body = crypto::open_body(mailbox, services_.self, services_.self, *header, envelope);
  if (!body) {
    telemetry.refuse(Counter::refused_envelope_body);
    return;
  }
  if (body->parts != 1 || body->sequence != 0 || body->floor != 0 || body->text.empty() ||
      body->text.size() > limits::friend_request_text || !is_utf8(body->text)) {
    telemetry.refuse(Counter::refused_request_text);
    return;
  }
  if (from_friend) {
    telemetry.refuse(Counter::refused_request_known);
    outgoing_.on_contact(header->sender);  // who asks has answered what we asked
    listener_.on_contact(header->sender);
    return;
  }
  const UnixTimeMs sent_at = unix_time_ms(body->sent_at_ms);
  const UnixTimeMs show_until = sent_at + seconds{body->lifetime_s};
  if (UnixTimeMs{services_.clock.for_good().passed()} >= show_until) {  // its sender says that it has expired
    telemetry.refuse(Counter::refused_lifetime);
    return;
  }
  intake[header->sender] = {header->message_id, now.unix_time(),       {}, 0, sent_at,
                            show_until,         std::move(body->text), {}};
}

// --- Showing ---

std::size_t RequestInbox::pending() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(senders_, [](const auto& entry) { return entry.second.shown == UnixTime{}; }));
}

std::size_t RequestInbox::shown_today(UnixTime now) const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(senders_, [now](const auto& entry) {
    const UnixTime shown = entry.second.shown;
    return shown > now - day && shown < now + day;
  }));
}

RequestInbox::Senders::iterator RequestInbox::next_to_show(Now now) {
  auto first = senders_.end();
  for (auto at = senders_.begin(); at != senders_.end(); ++at) {
    const Sender& sender = at->second;
    if (sender.shown == UnixTime{} && sender.offer <= now.steady &&
        (first == senders_.end() || sender.received < first->second.received)) {
      first = at;
    }
  }
  return first;
}

void RequestInbox::deliver_next(Now now) {
  if (showing_ || now.steady < next_show_) {
    return;
  }
  next_show_ = pending() == 0 ? never : now.steady + offer_again;
  const auto next = next_to_show(now);
  if (next == senders_.end() || shown_today(now.unix_time()) >= shown_per_day) {
    return;
  }
  const FriendKey key = next->first;
  const bool expired = UnixTimeMs{services_.clock.for_good().passed()} >= next->second.show_until;
  if (expired || pairs_.is_friend(key)) {  // by now
    services_.telemetry.count(Counter::refused_lifetime, expired ? 1 : 0);
    services_.state.keep({erase_record(sender_key(key))});
    senders_.erase(next);
    next_show_ = now.steady;
    return;
  }
  if (UnixTimeMs{now.wall} >= next->second.show_until) {  // perhaps, by a date that is not certain
    next->second.offer = now.steady + offer_again;
    next_show_ = now.steady;
    return;
  }
  const Sender& sender = next->second;
  const ReceivedRequest request{key, sender.id, sender.text, std::min(sender.sent_at, now.wall)};
  const bool accepted = listener_.on_request(request);
  const auto shown = senders_.find(key);
  if (shown == senders_.end()) {
    return;
  }
  next_show_ = now.steady;
  if (accepted) {
    remember(key, now);
  } else {
    shown->second.offer = now.steady + offer_again;
  }
}

/// It was shown, and is not shown again. The next one waits until that is on disk.
void RequestInbox::remember(const FriendKey& key, Now now) {
  Sender& sender = senders_[key];
  services_.telemetry.count(Counter::requests_shown);
  sender.shown = now.unix_time();
  sender.text.clear();
  store::StateBatch batch{put_record(sender_key(key), sender)};
  forget_oldest(batch);
  showing_ = true;
  services_.state.keep(std::move(batch), [this] { showing_ = false; });
}

void RequestInbox::forget_oldest(store::StateBatch& batch) {
  if (senders_.size() - pending() <= most_remembered) {
    return;
  }
  const auto oldest = std::ranges::min_element(senders_, {}, [](const auto& entry) {
    return entry.second.shown == UnixTime{} ? UnixTime::max() : entry.second.shown;
  });
  batch.push_back(erase_record(sender_key(oldest->first)));
  senders_.erase(oldest);
}

void RequestInbox::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  for (auto& [key, sender] : senders_) {
    sender.shown = date.clamped(sender.shown);
  }
  std::erase_if(senders_, [&](const auto& entry) {
    const auto& [key, sender] = entry;
    if (sender.shown == UnixTime{} || sender.shown + remembered >= date.passed()) {
      return false;
    }
    batch.push_back(erase_record(sender_key(key)));
    return true;
  });
}

SteadyTime RequestInbox::next_deadline() const noexcept {
  return std::min(looks() ? rate_limiter_.next() : never, showing_ ? never : next_show_);
}

}  // namespace toxasync::manager
