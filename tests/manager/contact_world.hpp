// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/contact/first_contact.hpp"
#include "world.hpp"

namespace toxasync::test {

class ContactWorld;

/// FirstContact with a client, a journal and a disk below it; what the manager would be to it is played here.
class Person final : public PacketReceiver,
                     public client::StoreResultListener,
                     public manager::ContactNodes,
                     public manager::BundleExchange,
                     public manager::ContactListener {
 public:
  Person(ContactWorld& world, std::uint32_t number);

  /// The program starts, with what is on its disk.
  void start();
  /// It ends at once; what was not durable is gone.
  void crash();
  [[nodiscard]] bool running() const noexcept { return contact != nullptr; }
  void tick();
  [[nodiscard]] SteadyTime next() const;

  void befriend(const Person& other) {
    friends.insert(other.key);
    if (running()) {
      contact->on_friend_added(other.key, clock_now());
    }
  }
  void unfriend(const Person& other) {
    friends.erase(other.key);
    store::StateBatch batch;
    contact->on_friend_removed(other.key, batch, clock_now());
    services->state.keep(std::move(batch));
  }
  void set_nospam(std::uint8_t first) {
    nospam = {first, 2, 3, 4};
    if (running()) {
      contact->set_nospam(nospam, clock_now());
    }
  }
  [[nodiscard]] manager::ToxAddress address() const {
    manager::ToxAddress address{};
    std::ranges::copy(key, address.begin());
    std::ranges::copy(nospam, address.begin() + 32);
    for (std::size_t i = 0; i < 36; ++i) {
      address[36 + i % 2] ^= address[i];
    }
    return address;
  }
  auto request(const Person& to, std::string_view text = "Hello, it is me") {
    return contact->send_request(to.address(), as_bytes(text), clock_now());
  }
  /// States told of requests, as "queued stored:1/3 answered".
  [[nodiscard]] std::string told() const;
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const auto& request : taken) {
      all.emplace_back(request.text.begin(), request.text.end());
    }
    return all;
  }
  /// Whether a friend's bundle is on our disk.
  [[nodiscard]] bool has_bundle_of(const Person& other) const { return has_bundle_of(other.key); }
  [[nodiscard]] bool has_bundle_of(const manager::FriendKey& other) const {
    const auto entries = state->load();
    return std::ranges::any_of(entries, [&](const auto& entry) {
      return entry.key == manager::state_key(manager::Table::friend_keys, {other});
    });
  }
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return metrics.value(counter); }
  [[nodiscard]] std::size_t rows(char table) const {
    const auto entries = state->load();
    return static_cast<std::size_t>(std::ranges::count_if(
        entries, [&](const auto& entry) { return static_cast<char>(entry.key[0]) == table; }));
  }
  [[nodiscard]] Now clock_now() const;
  [[nodiscard]] crypto::KeyPair pair() const {
    return crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(secret));
  }

  void on_packet(const Route& from, ByteView packet) noexcept override {
    if (client) {
      client->on_packet(from, packet, clock_now());
    }
  }
  void on_stored(client::OperationId /*id*/, const client::StoreResult& result,
                 Now /*now*/) noexcept override {
    by_hand.push_back(result);
  }

  ByteArray<32> secret{};
  manager::FriendKey key{};
  manager::Nospam nospam{1, 2, 3, 4};
  std::set<manager::FriendKey> friends;
  std::vector<StorageNode*> home;   ///< Home nodes.
  std::vector<StorageNode*> known;  ///< Nodes that it knows of.
  std::map<manager::FriendKey, std::vector<StorageNode*>> home_of;
  std::map<manager::FriendKey, protocol::WholeBundle> to_post;
  bool takes = true;    ///< Requests that it is shown.
  bool watches = true;  ///< Looks for requests: the host has told its nospam.

  std::vector<manager::ReceivedRequest> shown;
  std::vector<manager::ReceivedRequest> taken;
  std::vector<manager::RequestStatus> states;
  std::vector<manager::FriendKey> contacts;
  std::vector<std::pair<manager::FriendKey, protocol::WholeBundle>> bundles;
  std::size_t asked_for_bundle = 0;
  std::vector<client::StoreResult> by_hand;  ///< Of stores that a test made itself.

  QuietLog log;
  Metrics metrics;
  std::unique_ptr<SeededRandom> random;
  manager::ManagerConfig config;
  std::unique_ptr<store::MemoryState> state;
  std::unique_ptr<client::Client> client;
  std::unique_ptr<manager::Journal> journal;
  std::unique_ptr<manager::TrustedClock> trusted;
  std::unique_ptr<manager::Services> services;
  std::unique_ptr<manager::FirstContact> contact;

 private:
  struct NoChannel final : manager::FriendChannel {
    manager::ChannelSend send(const manager::FriendKey& /*to*/, ByteView /*packet*/) noexcept override {
      return manager::ChannelSend::offline;
    }
  };
  struct NoListener final : manager::ManagerListener {
    bool on_message(const manager::ReceivedMessage& /*message*/) noexcept override { return false; }
    void on_message_state(const manager::MessageStatus& /*status*/) noexcept override {}
    void on_friend_ready(const manager::FriendKey& /*key*/) noexcept override {}
  };
  // ContactNodes
  [[nodiscard]] std::vector<protocol::NodeId> nearest(const crypto::Point& p,
                                                      std::size_t count) const override;
  [[nodiscard]] std::vector<protocol::NodeId> home_nodes() const override { return ids(home); }
  [[nodiscard]] std::vector<protocol::NodeId> named_home_nodes() const override { return ids(home); }
  [[nodiscard]] bool has_answered(const protocol::NodeId& /*node*/) const override { return true; }
  [[nodiscard]] std::vector<protocol::NodeId> home_nodes_of(const manager::FriendKey& whom) const override {
    const auto found = home_of.find(whom);
    return found == home_of.end() ? std::vector<protocol::NodeId>{} : ids(found->second);
  }
  // BundleExchange
  [[nodiscard]] bool has_keys_of(const manager::FriendKey& whom) const override {
    return has_bundle_of(whom);
  }
  [[nodiscard]] bool wants_bundle_of(const manager::FriendKey& whom) const override {
    return !has_bundle_of(whom);
  }
  std::optional<protocol::WholeBundle> bundle_for(const manager::FriendKey& whom,
                                                  manager::BundleReadyListener& asker) override;
  void accept_bundle(const manager::FriendKey& from, const protocol::WholeBundle& bundle) override;
  // ContactListener
  bool on_request(const manager::ReceivedRequest& request) override;
  void on_contact(const manager::FriendKey& from) override { contacts.push_back(from); }
  void on_request_state(const manager::RequestStatus& status) override { states.push_back(status); }

  static std::vector<protocol::NodeId> ids(const std::vector<StorageNode*>& nodes) {
    std::vector<protocol::NodeId> all;
    all.reserve(nodes.size());
    for (const auto* node : nodes) {
      all.push_back(node->keys.id());
    }
    return all;
  }

  ContactWorld& world_;
  MockTransport& transport_;
  crypto::KeyPair self_;
  NoChannel channel_;
  NoListener listener_;
  std::unique_ptr<manager::Events> events_;
  SteadyTime next_housekeeping_{};
};

/// People and nodes in virtual time. Each is called at its deadlines and when a packet comes.
class ContactWorld : public World {
 public:
  explicit ContactWorld(std::size_t node_count = 3, std::uint64_t seed = 1) : World(seed) {
    for (std::size_t i = 0; i < node_count; ++i) {
      add_node();
    }
  }

  /// Somebody who knows all nodes and has no home nodes.
  Person& add_person() {
    people.push_back(std::make_unique<Person>(*this, static_cast<std::uint32_t>(people.size() + 1)));
    for (const auto& node : nodes) {
      people.back()->known.push_back(node.get());
    }
    people.back()->start();
    return *people.back();
  }
  [[nodiscard]] crypto::Epoch epoch() const { return crypto::epoch_at(clock.unix_time()).value(); }

  void run(milliseconds time) { (void)run_until(time, nullptr); }
  [[nodiscard]] bool run(milliseconds limit, const std::function<bool()>& until) {
    return run_until(limit, until);
  }

  std::vector<std::unique_ptr<Person>> people;

 private:
  bool run_until(milliseconds limit, const std::function<bool()>& until) {
    const SteadyTime end = clock.steady() + limit;
    for (unsigned turns = 0;;) {
      while (network.next_delivery().value_or(never) <= clock.steady() || somebody_is_due()) {
        if (until && until()) {
          return true;
        }
        if (++turns > 100'000) {
          throw std::runtime_error("somebody's deadline does not move on");
        }
        network.deliver_due();
        event();
        tick_due();
      }
      if (clock.steady() >= end) {
        return until && until();
      }
      turns = 0;
      clock.advance_to(std::min(next(), end));
    }
  }
  void event() {
    if (after_event) {
      after_event();
    }
  }
  [[nodiscard]] SteadyTime next() const {
    SteadyTime next = network.next_delivery().value_or(never);
    for (const auto& node : nodes) {
      next = std::min(next, node->next());
    }
    for (const auto& person : people) {
      next = std::min(next, person->next());
    }
    return next;
  }
  [[nodiscard]] bool somebody_is_due() const { return next() <= clock.steady(); }
  void tick_due() {
    for (const auto& node : nodes) {
      if (node->next() <= clock.steady()) {
        node->tick();
      }
    }
    for (const auto& person : people) {
      if (person->next() <= clock.steady()) {
        person->tick();
        event();
      }
    }
  }
};

inline Person::Person(ContactWorld& world, std::uint32_t number)
    : random(std::make_unique<SeededRandom>(world.seed() * 15485863 + number)),
      state(std::make_unique<store::MemoryState>()),
      world_(world),
      transport_(world.network.add(ipv4(number))),
      self_(crypto::KeyPair::generate(*random)) {
  secret = self_.secret.bytes();
  key = self_.friend_key();
  config.allow_local_addresses = true;
  transport_.set_receiver(this);
}

inline Now Person::clock_now() const {
  return world_.clock.now();
}

inline std::vector<protocol::NodeId> Person::nearest(const crypto::Point& p, std::size_t count) const {
  auto all = ids(known);
  std::ranges::sort(all, {}, [&](const auto& id) { return crypto::h256({}, {p, id}); });
  all.resize(std::min(all.size(), count));
  return all;
}

inline std::optional<protocol::WholeBundle> Person::bundle_for(const manager::FriendKey& whom,
                                                               manager::BundleReadyListener& /*asker*/) {
  ++asked_for_bundle;
  const auto found = to_post.find(whom);
  return found == to_post.end() ? std::nullopt : std::optional(found->second);
}

inline void Person::accept_bundle(const manager::FriendKey& from, const protocol::WholeBundle& bundle) {
  bundles.emplace_back(from, bundle);
  services->state.commit({{manager::state_key(manager::Table::friend_keys, {from}), Bytes{1}}}, nullptr);
}

inline bool Person::on_request(const manager::ReceivedRequest& request) {
  shown.push_back(request);
  if (takes) {
    taken.push_back(request);
  }
  return takes;
}

inline void Person::start() {
  const Telemetry telemetry(metrics, log);
  client = std::make_unique<client::Client>(transport_, *random, telemetry, nullptr);
  for (const auto& node : world_.nodes) {
    client->set_node(node->known());
  }
  journal = std::make_unique<manager::Journal>(*state, world_.clock, telemetry);
  events_ = std::make_unique<manager::Events>(listener_, *journal);
  trusted = std::make_unique<manager::TrustedClock>(world_.clock, telemetry);
  services = std::make_unique<manager::Services>(manager::Services{
      self_, *client, channel_, *journal, *trusted, *random, telemetry, listener_, *events_, config});
  contact = std::make_unique<manager::FirstContact>(*services, *this, *this, *this);
  for (const auto& entry : journal->entries()) {
    if (entry.key[0] != 'T' && !contact->load(entry)) {
      throw std::runtime_error("a row that nobody knows");
    }
  }
  for (const auto& whom : friends) {
    contact->on_friend_added(whom, clock_now());
  }
  if (watches) {
    contact->set_nospam(nospam, clock_now());
  }
}

inline void Person::crash() {
  auto durable = state->crash_copy();
  contact.reset();
  services.reset();
  trusted.reset();
  journal.reset();
  client.reset();
  state = std::move(durable);
}

inline void Person::tick() {
  const Now now = clock_now();
  for (const std::uint8_t node : {std::uint8_t{1}, std::uint8_t{2}}) {  // two nodes agree with the clock
    protocol::NodeId id;
    id[0] = node;
    trusted->on_node_time(id, now.unix_time(), now.steady);
  }
  journal->tick(now);
  if (now.steady >= next_housekeeping_) {
    next_housekeeping_ = now.steady + 1h;
    store::StateBatch batch;
    contact->drop_expired(trusted->for_good(), batch);
    journal->keep(std::move(batch));
  }
  contact->tick(now);
  client->tick(now);
  contact->deliver_next(now);
}

inline SteadyTime Person::next() const {
  return running() ? std::min({next_housekeeping_, journal->next_deadline(), contact->next_deadline(),
                               client->next_deadline()})
                   : never;
}

inline std::string Person::told() const {
  static constexpr std::array names = {"queued", "stored", "answered", "expired", "cancelled", "failed"};
  std::string all;
  for (const auto& status : states) {
    all += (all.empty() ? "" : " ") + std::string(names.at(static_cast<std::size_t>(status.state)));
    if (status.state == manager::RequestState::stored) {
      all += ":" + std::to_string(status.stored) + "/" + std::to_string(status.wanted);
    }
  }
  return all;
}

}  // namespace toxasync::test

namespace toxasync::manager {
inline std::ostream& operator<<(std::ostream& out, RequestError error) {
  return out << "request error " << static_cast<int>(error);
}
}  // namespace toxasync::manager
