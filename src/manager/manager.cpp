// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/manager.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include "protocol/frame.hpp"
#include "protocol/live.hpp"

namespace toxasync::manager {

namespace {
constexpr milliseconds housekeeping = 1h;
constexpr milliseconds shortest_housekeeping = 1s;
/// Nodes can change what is believed as often as they answer; it is followed no more often than that.
/// Another date is followed once in so long, and a few times at once: the first answers change much.
constexpr milliseconds follow_clock_every = 5s;
constexpr std::int64_t follow_clock_burst = 3;
}  // namespace

Manager::Manager(crypto::KeyPair self, Transport& transport, FriendChannel& channel, store::StateStore& state,
                 const Clock& clock, Random& random, Telemetry telemetry, ManagerListener& listener,
                 ManagerConfig config)
    : self_(std::move(self)),
      clock_(clock, telemetry),
      transport_(transport),
      config_(config),
      client_(transport, random, telemetry, this, config_.client),
      journal_(state, clock_, telemetry),
      events_(listener, journal_),
      services_{self_, client_, channel, journal_, clock_, random, telemetry, listener, events_, config_},
      nodes_(services_),
      home_nodes_(services_, nodes_, *this),
      discovery_(services_, nodes_),
      keys_(services_),
      friends_(services_, keys_, home_nodes_, *this),
      outbox_(services_, friends_, *this),
      receipts_(services_, friends_, *this),
      inbox_(services_, friends_, keys_, receipts_, *this, *this),
      poller_(services_, keys_, friends_, inbox_, home_nodes_),
      cover_(services_, keys_, home_nodes_),
      home_selector_(services_, nodes_, home_nodes_, discovery_),
      contact_nodes_(nodes_, home_nodes_, friends_),
      contact_bundles_(friends_, journal_),
      contact_(services_, contact_nodes_, contact_bundles_, *this) {
  client_.use(nodes_);
  load();
  transport.set_receiver(this);
}

Manager::~Manager() {
  transport_.set_receiver(nullptr);
}

void Manager::serve(store::Store& store, node::NodeKeys& keys, node::NodeConfig config) {
  node_ = std::make_unique<node::Node>(store, keys, services_.random, services_.telemetry, std::move(config),
                                       services_.clock.now());
  node_part_.emplace(*node_);
  parts_.push_back(&*node_part_);
  nodes_.set_self(keys.id());
}

void Manager::find_nodes(NodeFinder& finder) {
  discovery_.use(&finder);
}

/// For what was thrown: to be called from its handler.
void Manager::fail() noexcept {
  failed_ = true;
  const auto log = [this](std::string_view what) {
    services_.telemetry.log(LogLevel::error, "manager", what);
  };
  try {
    throw;
  } catch (const std::bad_alloc&) {
    log("out of memory");
  } catch (const std::exception& fault) {
    log("a fault in toxasync, please report it:");
    log(fault.what());
  } catch (...) {
    log("a fault in toxasync, please report it");
  }
  log("nothing is sent or received until the program is started again; what was queued is on disk");
}

template <class Function>
auto Manager::checked(Function&& function) {
  if (failed_) {
    throw std::bad_alloc();
  }
  try {
    return function();
  } catch (...) {
    fail();
    throw;
  }
}

template <class Function>
void Manager::guarded(Function&& function) noexcept {
  if (failed_) {
    return;
  }
  try {
    function();
  } catch (...) {
    fail();
  }
}

Result<crypto::MessageId, SendError> Manager::send(const FriendKey& to, crypto::MessageKind kind,
                                                   ByteView text, seconds ttl) {
  return checked([&] { return outbox_.send(to, kind, text, ttl, services_.clock.now()); });
}
Result<bool, CancelError> Manager::cancel(const crypto::MessageId& id) {
  return checked([&] { return outbox_.cancel(id, services_.clock.now()); });
}
std::optional<MessageStatus> Manager::status(const crypto::MessageId& id) const {
  return outbox_.status(id);
}
std::vector<MessageStatus> Manager::outgoing() const {
  return outbox_.all();
}

Result<crypto::MessageId, RequestError> Manager::send_friend_request(const ToxAddress& to, ByteView text) {
  return checked([&] { return contact_.send_request(to, text, services_.clock.now()); });
}
bool Manager::cancel_friend_request(const FriendKey& to) {
  return checked([&] { return contact_.cancel_request(to, services_.clock.now()); });
}
void Manager::set_nospam(const Nospam& nospam) {
  checked([&] { contact_.set_nospam(nospam, services_.clock.now()); });
}

Result<bool, NodeError> Manager::add_home_node(const client::KnownNode& node) {
  return checked([&] {
    const auto added = home_nodes_.add(node);
    home_nodes_.announce();
    return added;
  });
}
Result<bool, NodeError> Manager::remove_home_node(const protocol::NodeId& id) {
  return checked([&] {
    const auto removed = home_nodes_.remove(id);
    home_nodes_.announce();
    return removed;
  });
}
std::vector<HomeNodeStatus> Manager::home_nodes() const {
  return home_nodes_.status();
}

bool Manager::friend_ready(const FriendKey& key) const {
  const Friend* const who = friends_.find(key);
  return who != nullptr && friends_.can_seal(*who);
}
std::size_t Manager::outbox_size() const noexcept {
  return outbox_.size();
}

void Manager::tick() noexcept {
  guarded([this] { tick_parts(); });
}

void Manager::tick_parts() {
  clock_.tick(clock_.now());
  client_.trust_date(clock_.checked());
  const Now now = services_.clock.now();
  if (!resumed_) {
    resumed_ = true;
    outbox_.resume(now);
    receipts_.resume(now);
    inbox_.resume();
    poller_.update_polls(now);
  }
  follow_clock(now);
  for (Part* const part : parts_) {
    part->tick(now);
  }
  inbox_.deliver_next();
  contact_.deliver_next(now);
  events_.deliver();
}

SteadyTime Manager::next_deadline() const noexcept {
  if (failed_) {
    return never;
  }
  SteadyTime next = resumed_ ? never : SteadyTime{};
  if (clock_seen_ != clock_.generation()) {
    next = std::min(next, follow_clock_from_);
  }
  for (const Part* const part : parts_) {
    next = std::min(next, part->next_deadline());
  }
  return next;
}

void Manager::on_packet(const Route& from, ByteView packet) noexcept {
  guarded([&] { handle_packet(from, packet); });
}
void Manager::on_friend_added(const FriendKey& key) noexcept {
  guarded([&] { add_friend(key); });
}
void Manager::on_friend_removed(const FriendKey& key) noexcept {
  guarded([&] { remove_friend(key); });
}
void Manager::on_friend_presence(const FriendKey& key, bool online) noexcept {
  guarded([&] { set_presence(key, online); });
}
void Manager::on_friend_packet(const FriendKey& from, ByteView packet) noexcept {
  guarded([&] { handle_friend_packet(from, packet); });
}

void Manager::handle_packet(const Route& from, ByteView packet) {
  const Now now = services_.clock.now();
  const bool for_node = !packet.empty() && protocol::is_request(static_cast<protocol::FrameKind>(packet[0]));
  if (for_node && node_) {
    node_->on_packet(transport_, from, packet, now);  // counts it
    return;
  }
  services_.telemetry.count(Counter::frames_in);
  services_.telemetry.count(Counter::bytes_in, packet.size());
  if (for_node) {
    services_.telemetry.refuse(Counter::refused_kind);
  } else {
    client_.on_packet(from, packet, now);
  }
}

void Manager::add_friend(const FriendKey& key) {
  Friend& who = friends_.add(key);
  claim_nodes(who);
  inbox_.on_added(key);
  contact_.on_friend_added(key, services_.clock.now());
  outbox_.on_bundle(key, services_.clock.now());
}

void Manager::remove_friend(const FriendKey& key) {
  store::StateBatch batch;
  outbox_.on_removed(key, batch);
  receipts_.on_removed(key, batch);
  inbox_.on_removed(key, batch);
  contact_.on_friend_removed(key, batch, services_.clock.now());
  if (friends_.remove(key, batch)) {
    keys_.replace_root_soon(clock_.for_good(), batch);
    housekeeping_.run_at(services_.clock.now().steady);  // sets the time of the next one
  }
  services_.state.keep(std::move(batch));
  nodes_.claim(key, {});
}

void Manager::set_presence(const FriendKey& key, bool online) {
  if (Friend* const who = friends_.find(key); who != nullptr && who->online != online) {
    friends_.set_online(*who, online);
    if (online) {
      contact_.on_contact(key);
    } else {
      contact_.look_again(key, services_.clock.now());
    }
    outbox_.on_presence(key, services_.clock.now());
    receipts_.on_presence(key, services_.clock.now());
  }
}

void Manager::handle_friend_packet(const FriendKey& key, ByteView bytes) {
  Friend* const from = friends_.find(key);
  const auto packet = protocol::read_friend_packet(bytes);
  if (from == nullptr || !packet) {
    services_.telemetry.refuse(Counter::refused_friend_packet);
  } else if (packet->type == protocol::FriendPacketType::envelope) {
    on_live_envelope(key, packet->message);
  } else if (packet->type == protocol::FriendPacketType::receipt ||
             packet->type == protocol::FriendPacketType::nack) {
    on_live_receipt(key, *packet);
  } else {
    friends_.on_packet(*from, *packet);
  }
}

void Manager::on_node_time(const protocol::NodeId& node, UnixTime node_time, SteadyTime asked) {
  clock_.on_node_time(node, node_time, asked);
}

void Manager::on_node_news(const client::NodeNews& news, Now now) {
  nodes_.on_news(news, now);
  if (news.answered) {
    home_selector_.on_answer(now);
    outbox_.on_node_answer(news.node, now);
  }
}

void Manager::load() {
  std::array<Part*, 256> owners{};
  for (Part* const part : parts_) {
    for (const Table table : part->tables()) {
      if (std::exchange(owners.at(static_cast<std::size_t>(table)), part) != nullptr) {
        throw std::logic_error("two parts of the manager name the same table");
      }
    }
  }
  for (auto& entry : services_.state.entries()) {
    Part* const owner = entry.key.empty() ? nullptr : owners.at(entry.key.front());
    if (owner == nullptr || !owner->load(entry)) {
      services_.telemetry.refuse(Counter::state_record_damaged);
    }
    crypto::wipe(entry.value);
  }
  outbox_.join_loaded();
  clock_.tick(clock_.now());  // what is not on the disk begins now
  clock_.set_home_nodes(home_nodes_.ids_in_use());
  store::StateBatch batch;
  keys_.renew(clock_.for_good(), batch);
  services_.state.keep(std::move(batch));
}

/// What waited for a date that is certain is done when it is.
void Manager::follow_clock(Now now) {
  if (clock_seen_ == clock_.generation() || now.steady < follow_clock_from_) {
    return;
  }
  clock_seen_ = clock_.generation();
  follow_clock_from_ =
      std::max(follow_clock_from_, now.steady - (follow_clock_burst - 1) * follow_clock_every) +
      follow_clock_every;
  client_.trust_date(clock_.checked());
  store::StateBatch batch;
  drop_expired(batch);
  services_.state.keep(std::move(batch));
  if (std::exchange(beliefs_seen_, clock_.beliefs()) != clock_.beliefs()) {
    inbox_.follow_clock();
  }
  poller_.follow_clock(now);
  outbox_.follow_clock(now);
  friends_.bundle_changed();
}

void Manager::drop_expired(store::StateBatch& batch) {
  const CertainDate date = clock_.for_good();
  contact_.drop_expired(date, batch);
  if (keys_.renew(date, batch)) {
    poller_.update_polls(clock_.now());
  }
  inbox_.drop_expired(date, batch);
  receipts_.drop_expired(date, batch);
  home_nodes_.clamp(date);
  nodes_.clamp(date);
  clock_.save(batch);
}

void Manager::run_housekeeping(bool again) {
  if (again) {  // the host has named its friends by now: the others were removed without us
    for (const auto& key : friends_.unlisted()) {
      remove_friend(key);
    }
  }
  store::StateBatch batch;
  if (again) {
    contact_.forget_unlisted(batch);
  }
  drop_expired(batch);
  services_.state.keep(std::move(batch));
  friends_.bundle_changed();
  if (node_) {
    node_->set_peers(nodes_.descriptors_to_share(node::Node::peers_kept));
  }
}

// --- HomeNodesListener ---
void Manager::on_home_nodes_changed() {
  const Now now = services_.clock.now();
  clock_.set_home_nodes(home_nodes_.ids_in_use());
  poller_.update_polls(now);
  friends_.home_nodes_changed();
  contact_.nodes_changed(now);
}

void Manager::claim_nodes(const Friend& who) {
  std::vector<protocol::HomeNode> homes;
  for (const auto& installation : who.theirs) {
    homes.insert(homes.end(), installation.home_nodes.begin(), installation.home_nodes.end());
  }
  if (!homes.empty()) {
    nodes_.claim(who.key, homes);
  }
}

// --- ContactListener ---
bool Manager::on_request(const ReceivedRequest& request) {
  return services_.listener.on_friend_request(request);
}
void Manager::on_contact(const FriendKey& key) {
  contact_.look_again(key, services_.clock.now());
}
void Manager::on_request_state(const RequestStatus& status) {
  events_.request(status);
}

// --- FriendBookListener ---
void Manager::on_friend_bundle(Friend& who) {
  claim_nodes(who);
  services_.events.ready(who.key);
  contact_.on_contact(who.key);
  outbox_.on_bundle(who.key, services_.clock.now());
}

void Manager::on_live_envelope(const FriendKey& from, ByteView message) {
  protocol::LiveEnvelope live;
  if (wire::decode(message, live) != wire::Error::none) {
    services_.telemetry.refuse(Counter::refused_friend_packet);
    return;
  }
  const auto* const mailbox = poller_.find_mailbox(live.epoch, live.mailbox);
  if (mailbox == nullptr) {
    services_.telemetry.refuse(Counter::refused_envelope_header);
    return;
  }
  services_.telemetry.count(Counter::live_received);
  inbox_.receive_live(*mailbox, from, live.envelope);
}

void Manager::on_live_receipt(const FriendKey& from, const protocol::FriendPacket& packet) {
  protocol::LiveReceipt receipt;
  if (wire::decode(packet.message, receipt) != wire::Error::none) {
    services_.telemetry.refuse(Counter::refused_friend_packet);
    return;
  }
  const bool is_nack = packet.type == protocol::FriendPacketType::nack;
  const auto kind = is_nack ? crypto::MessageKind::nack : crypto::MessageKind::receipt;
  store::StateBatch batch;
  std::vector<ReceiptFrom> receipts;
  for (const auto& id : receipt.ids) {
    services_.telemetry.count(Counter::receipts_received, is_nack ? 0 : 1);
    receipts.push_back({from, receipt.instance, id, kind});
    on_receipt(receipts.back(), batch);
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch), [this, receipts = std::move(receipts)] {
      for (const auto& one : receipts) {
        on_receipt_written(one, true);
      }
    });
  }
}

// --- InboxListener ---
void Manager::on_receipt(const ReceiptFrom& receipt, store::StateBatch& batch) {
  outbox_.prepare(receipt, batch);
}
void Manager::on_receipt_written(const ReceiptFrom& receipt, bool durable) {
  if (Friend* const who = durable ? friends_.find(receipt.from) : nullptr) {
    friends_.heard_of(*who, receipt.instance);
  }
  outbox_.settle(receipt, durable);
}

// --- MailSource ---
void Manager::poll_soon() {
  poller_.poll_soon(services_.clock.now());
}
bool Manager::swept_since(SteadyTime since) const {
  return poller_.swept_since(since);
}

// --- ReceiptMailer ---
bool Manager::mail_receipts(const FriendKey& to, crypto::Instance instance, crypto::MessageKind kind,
                            Bytes ids, store::StateBatch batch) {
  return outbox_.send_service(to, kind, std::move(ids), instance, 0, std::move(batch), services_.clock.now());
}

void Manager::drop_mailed_bundle(const Friend& who, crypto::Instance instance) {
  outbox_.drop_bundles(who.key, instance);
}
bool Manager::mail_bundle(const Friend& who, const Installation& to, const protocol::WholeBundle& bundle) {
  Bytes text(limits::whole_bundle);
  const auto size = wire::encode(bundle, text);
  if (!size) {
    return false;  // not reached: see limits.hpp
  }
  text.resize(*size);
  const bool mailed =
      outbox_.send_service(who.key, crypto::MessageKind::bundle, std::move(text), to.instance(),
                           bundle.head.version.version, {}, services_.clock.now());
  services_.telemetry.count(Counter::bundles_mailed, mailed ? 1 : 0);
  return mailed;
}

// --- OutboxListener ---
void Manager::on_bundle_confirmed(const FriendKey& from, std::uint64_t version, crypto::Instance instance) {
  if (Friend* const who = friends_.find(from)) {
    friends_.bundle_confirmed(*who, version, instance);
  }
}
void Manager::on_message_lost(const protocol::NodeId& node) {
  nodes_.on_message_lost(node);
}

void Manager::Housekeeping::tick(Now now) {
  if (now.steady < next_) {
    return;
  }
  manager_.run_housekeeping(std::exchange(ran_, true));
  const milliseconds root_due = manager_.keys_.root_replaced_at() - manager_.clock_.for_good().passed();
  next_ = now.steady + std::clamp<milliseconds>(root_due, shortest_housekeeping, housekeeping);
}

}  // namespace toxasync::manager
