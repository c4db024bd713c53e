// SPDX-License-Identifier: GPL-3.0-or-later
#include "scenario.hpp"

#include <algorithm>

namespace toxasync::live {

namespace {

constexpr std::size_t actions = 40;
// Liveness: no more than that, in virtual time, however bad the network was.
constexpr milliseconds meeting_limit = 30min;
constexpr milliseconds settling_limit = 2h;

constexpr test::LinkConditions fine_weather{0, 0, 20ms, 10ms};

}  // namespace

Totals& Totals::operator+=(const Totals& other) noexcept {
  messages += other.messages;
  late += other.late;
  live += other.live;
  stored += other.stored;
  deleted += other.deleted;
  kills += other.kills;
  moves += other.moves;
  cuts += other.cuts;
  packets += other.packets;
  virtual_time += other.virtual_time;
  return *this;
}

Scenario::Scenario(std::uint64_t seed, const std::filesystem::path& directory, std::ostream* story,
                   std::ostream* packets)
    : story_(story), machine_(seed), random_(seed) {
  machine_.write_packets_to(packets);
  for (std::size_t i = 0; i < peer_count; ++i) {
    peers_.push_back(std::make_unique<Peer>(machine_, ++hosts_));
    peers_.back()->use(*peers_[i == 0 ? 0 : i - 1]);
    programs_.push_back(peers_.back().get());
  }
  peers_.front()->use(*peers_.back());
  for (std::size_t i = 0; i < node_count; ++i) {
    nodes_.push_back(std::make_unique<StorageNode>(machine_, ++hosts_));
    programs_.push_back(nodes_.back().get());
  }
  for (std::size_t i = 0; i < client_count; ++i) {
    const std::string name(1, static_cast<char>('A' + i));
    clients_.push_back(std::make_unique<Client>(machine_, ++hosts_, name, directory / name, ledger_, peers_));
    programs_.push_back(clients_.back().get());
  }
}

void Scenario::play() {
  meet();
  for (std::size_t i = 0; i < actions; ++i) {
    act();
    run(1s + random_.below(milliseconds(8s)));
  }
  heal();
  totals_.messages = ledger_.sent();
  totals_.late = ledger_.late();
  for (const auto& client : clients_) {
    totals_.live += client->count("live.envelopes_received");
  }
  for (const auto& node : nodes_) {
    totals_.stored += (*node)[Counter::node_stored];
    totals_.deleted += (*node)[Counter::node_deleted];
  }
  totals_.packets = machine_.packets();
  totals_.virtual_time =
      std::chrono::floor<seconds>(machine_.clock.steady() - test::ManualClock::start_steady);
}

void Scenario::meet() {
  for (const auto& one : clients_) {
    for (const auto& other : clients_) {
      if (one != other) {
        one->befriend(*other);
      }
    }
    std::ranges::for_each(nodes_, [&](const auto& node) { one->add_node(*node); });
  }
  draw_weather();
  const bool met = run(meeting_limit, [this] {
    return all_clients([](const Client& one, const Client& other) { return one.ready_for(other); });
  });
  if (!met) {
    throw Broken("the friends did not get each other's keys");
  }
  tell("all have met");
}

void Scenario::act() {
  Client& client = *clients_[random_.below(client_count)];
  switch (random_.below(8)) {
    case 0:
      return draw_weather();
    case 1:
      return cut(client.host());
    case 2:
      return cut(nodes_[random_.below(node_count)]->host());
    case 3:
    case 4:
      return return_or_kill(client);
    default:
      return send(client);
  }
}

void Scenario::heal() {
  for (const Program* const program : programs_) {
    machine_.set_cut_off(program->host(), false, false);
  }
  machine_.network.set_conditions(fine_weather);
  for (const auto& client : clients_) {
    if (!client->running()) {
      start(*client, false);
    }
  }
  tell("all is well");
  if (!run(settling_limit, [this] { return ledger_.is_settled(); })) {
    throw Broken(ledger_.missing());
  }
  run(30s);  // Nothing more is shown.
}

void Scenario::draw_weather() {
  test::LinkConditions conditions;
  conditions.loss_per_mille = static_cast<std::uint32_t>(random_.below(random_.chance(300) ? 300 : 60));
  conditions.duplicate_per_mille = static_cast<std::uint32_t>(random_.below(100));
  conditions.delay = 5ms + random_.below(200ms);
  conditions.jitter = random_.below(200ms);
  machine_.network.set_conditions(conditions);
  tell("loss " + std::to_string(conditions.loss_per_mille) + ", duplicates " +
       std::to_string(conditions.duplicate_per_mille) + " in 1000, delay " +
       std::to_string(conditions.delay.count()) + " ms + " + std::to_string(conditions.jitter.count()) +
       " ms");
}

void Scenario::send(Client& from) {
  if (!from.running()) {
    return;
  }
  for (auto left = 1 + random_.below(6); left > 0; --left) {
    Client& to = *clients_[random_.below(client_count)];
    if (&to == &from) {
      continue;
    }
    std::string text = "message " + std::to_string(++numbers_) + " ";
    text.append(random_.chance(150) ? random_.below(20'000) : random_.below(300), 'x');
    tell(from.name() + " to " + to.name() + ": " + std::to_string(numbers_) + ", " +
         std::to_string(text.size()) + " bytes");
    from.send(to, std::move(text));
  }
}

void Scenario::cut(std::uint32_t host) {
  const bool outbound = random_.chance(500);
  const bool inbound = random_.chance(500);
  machine_.set_cut_off(host, outbound, inbound);
  totals_.cuts += outbound || inbound ? 1 : 0;
  tell("host " + std::to_string(host) + (outbound ? " sends nothing" : " sends") +
       (inbound ? " and receives nothing" : " and receives"));
}

void Scenario::return_or_kill(Client& client) {
  if (client.running()) {
    tell(client.name() + " is killed");
    client.kill();
    ++totals_.kills;
  } else {
    start(client, random_.chance(300));
  }
}

void Scenario::start(Client& client, bool move) {
  totals_.moves += move ? 1 : 0;
  client.start(move ? ++hosts_ : client.host());
  tell(client.name() + " starts at host " + std::to_string(client.host()));
}

bool Scenario::run(milliseconds limit, const std::function<bool()>& until) {
  const SteadyTime end = machine_.clock.steady() + limit;
  for (;;) {
    machine_.network.deliver_due();
    for (Program* const program : programs_) {
      if (program->is_due()) {
        program->run();
      }
    }
    ledger_.check();
    if (until && until()) {
      return true;
    }
    if (machine_.clock.steady() >= end) {
      return false;
    }
    SteadyTime next = std::min(end, machine_.network.next_delivery().value_or(never));
    for (const Program* const program : programs_) {
      next = std::min(next, program->next());
    }
    machine_.clock.advance_to(std::max(next, machine_.clock.steady() + 1ms));
  }
}

bool Scenario::all_clients(const std::function<bool(const Client&, const Client&)>& holds) const {
  return std::ranges::all_of(clients_, [&](const auto& one) {
    return std::ranges::all_of(clients_,
                               [&](const auto& other) { return one == other || holds(*one, *other); });
  });
}

void Scenario::tell(const std::string& what) {
  if (story_ != nullptr) {
    const auto time = machine_.clock.steady() - test::ManualClock::start_steady;
    *story_ << "  " << time.count() / 1000 << " s: " << what << "\n";
  }
}

}  // namespace toxasync::live
