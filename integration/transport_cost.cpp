// SPDX-License-Identifier: GPL-3.0-or-later
// Times stores and retrieves at one storage node over one transport; started by transport_cost.py, which
// tells more.
//
//     transport_cost udp|courier|relay NODE_ADDRESS HOST:PORT:KEY COUNT
//
// The last one is a node of the Tox network, or, for `relay`, a TCP relay of the same port. Prints lines of
// `name value` and waits for an end of line on stdin after "ready" and after each part.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "adapters/addresses/node_address.hpp"
#include "adapters/toxcore_courier/courier.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "client/client.hpp"
#include "tests/support/quiet_log.hpp"

using namespace toxasync;

namespace {

class Bench final : PacketReceiver, client::StoreResultListener, client::RetrieveListener {
 public:
  Bench(const std::string& transport_name, const client::KnownNode& node, const std::string& join)
      : node_(node) {
    const auto port_at = join.find(':') + 1;
    const auto key = id_from_hex<crypto::Point>(join.substr(join.rfind(':') + 1)).value();
    const auto port = static_cast<std::uint16_t>(std::stoul(join.substr(port_at)));
    if (transport_name == "udp") {
      udp_ = std::move(UdpTransport::open(io_, {}, telemetry_).value());
      poll_ = [this] { return udp_->poll(); };
    } else {
      CourierSettings settings;
      settings.local_discovery = false;
      settings.udp = transport_name == "courier";
      courier_ = std::move(*Courier::start(settings, telemetry_));
      courier_->add_bootstrap_node({join.substr(0, port_at - 1), port, key, false});
      if (!settings.udp) {
        courier_->add_bootstrap_node({join.substr(0, port_at - 1), port, key, true});
      }
      poll_ = [this] { return courier_->poll(); };
    }
    Transport& transport = udp_ ? static_cast<Transport&>(*udp_) : *courier_;
    transport.set_receiver(this);
    client_ = std::make_unique<client::Client>(transport, random_, telemetry_, nullptr);
    client_->set_node(node);
    mailbox_ = crypto::FriendsMailbox::derive(crypto::KeyPair::generate(random_),
                                              *crypto::epoch_at(clock_.now().unix_time()))
                   ->box({});
  }

  /// False: the node did not answer in all attempts.
  bool store() {
    client::StoreJob job;
    job.node = node_.id;
    job.mailbox = mailbox_->mailbox.clone();
    job.payload.resize(limits::small_envelope);
    random_.fill(job.payload);
    job.payload[0] = 1;
    client_->store(std::move(job), *this, clock_.now());
    return wait();
  }
  bool retrieve() {
    client_->retrieve({node_.id, *mailbox_}, *this, clock_.now());
    return wait();
  }
  [[nodiscard]] std::size_t fetched() const noexcept { return fetched_; }

 private:
  /// As a client whose loop looks often.
  bool wait() {
    done_ = false;
    while (!done_) {
      poll_();
      client_->tick(clock_.now());
      if (!done_) {
        std::this_thread::sleep_for(std::chrono::microseconds(500));
      }
    }
    return good_;
  }
  void end(bool good) noexcept {
    done_ = true;
    good_ = good;
  }
  void on_packet(const Route& from, ByteView packet) noexcept override {
    client_->on_packet(from, packet, clock_.now());
  }
  void on_stored(client::OperationId, const client::StoreResult& result, Now) noexcept override {
    end(client::is_good(result.outcome));
  }
  void on_envelopes(client::OperationId id, std::vector<client::FetchedEnvelope> envelopes,
                    Now now) noexcept override {
    fetched_ += envelopes.size();
    client_->continue_retrieve(id, now);
  }
  void on_retrieved(client::OperationId, const client::RetrieveResult& result, Now) noexcept override {
    end(result.complete);
  }

  client::KnownNode node_;
  Metrics metrics_;
  test::QuietLog log_;
  Telemetry telemetry_{metrics_, log_};
  crypto::SystemRandom random_;
  SystemClock clock_;
  boost::asio::io_context io_{1};
  std::unique_ptr<UdpTransport> udp_;
  std::unique_ptr<Courier> courier_;
  std::function<std::size_t()> poll_;
  std::unique_ptr<client::Client> client_;
  std::optional<crypto::OwnedMailbox> mailbox_;
  std::size_t fetched_ = 0;
  bool done_ = false;
  bool good_ = false;
};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool measure(const char* name, std::size_t count, const std::function<bool()>& what) {
  std::vector<double> took;
  for (std::size_t i = 0; i < count; ++i) {
    const double begun = now_ms();
    if (!what()) {
      std::cout << "failed " << name << std::endl;
      return false;
    }
    took.push_back(now_ms() - begun);
  }
  std::sort(took.begin(), took.end());
  std::cout << name << ' ' << took[took.size() / 2] << ' ' << took[took.size() * 95 / 100] << std::endl;
  return true;
}

void wait_for_line() {
  std::string line;
  std::getline(std::cin, line);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 || !crypto::initialise()) {
    return 1;
  }
  const auto node = parse_node_address(argv[2]);
  const auto count = static_cast<std::size_t>(std::strtoul(argv[4], nullptr, 10));
  if (!node || count == 0) {
    return 1;
  }
  const double begun = now_ms();
  Bench bench(argv[1], *node, argv[3]);
  while (!bench.store()) {
  }
  std::cout << "first_store " << now_ms() - begun << std::endl;
  bench.retrieve();
  std::cout << "ready" << std::endl;
  wait_for_line();
  bool good = measure("store", count, [&] { return bench.store(); });
  wait_for_line();
  good = good && measure("retrieve_all", 1, [&] { return bench.retrieve(); });
  wait_for_line();
  good = good && measure("retrieve_empty", count, [&] { return bench.retrieve(); });
  wait_for_line();
  std::cout << "fetched " << bench.fetched() << std::endl;
  return good ? 0 : 1;
}
