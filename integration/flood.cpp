// SPDX-License-Identifier: GPL-3.0-or-later
// Floods one storage node of this machine with junk, and asks it as an honest client meanwhile; started by
// flood.py, which tells more.
//
//     flood NODE_ADDRESS random|no-cookie|forged-cookie|own-cookie|new-sessions PACKETS_PER_SECOND
//     SECONDS REQUESTS_PER_SECOND
//
// random: bytes of any length. no-cookie, forged-cookie: frames as a client sends them, but for the cookie.
// own-cookie: frames with a cookie that the node gave to the flood, and a box that opens under no key.
// new-sessions: the same from 256 sources, each of which has tokens for key agreements.
// Prints lines of `name value`.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "adapters/addresses/node_address.hpp"
#include "adapters/clock/system_clock.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "client/client.hpp"

using namespace toxasync;

namespace {

constexpr const char* flood_address = "127.0.0.2";  // another source than the honest client
constexpr const char* honest_address = "127.0.0.3";

struct NoLog final : Log {
  [[nodiscard]] bool enabled(LogLevel /*level*/) const noexcept override { return false; }
  void write(LogLevel /*level*/, std::string_view /*area*/, std::string_view /*message*/) noexcept override {}
};

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Sends as many packets in each millisecond as the rate wants, and reads what comes back.
class Flood {
 public:
  Flood(const Endpoint& node, std::string kind, double per_second)
      : kind_(std::move(kind)), per_second_(per_second) {
    if (kind_ == "new-sessions") {
      for (std::size_t i = 0; i < packets_.size(); ++i) {  // each packet has a source of its own
        add_socket(node, "127.2." + std::to_string(i / 250) + '.' + std::to_string(1 + i % 250));
      }
    } else {
      add_socket(node, flood_address);
    }
    for (Bytes& packet : packets_) {
      make(packet);
    }
  }
  ~Flood() {
    for (const int socket : sockets_) {
      ::close(socket);
    }
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;

  [[nodiscard]] bool ready() const noexcept { return ready_; }

  /// False: the node gave no cookies, which this kind of junk needs.
  [[nodiscard]] bool run(double seconds) {
    if ((kind_ == "own-cookie" || kind_ == "new-sessions") && !get_cookies()) {
      return false;
    }
    const double begun = now_ms();
    while (now_ms() - begun < seconds * 1000) {
      const double passed = now_ms() - begun;
      const double due =
          std::min(passed * per_second_ / 1000, static_cast<double>(sent_ + 4 * batch));  // never catches up
      while (static_cast<double>(sent_) < due) {
        send_batch();
      }
      read_answers(sockets_[0]);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    took_ms_ = now_ms() - begun;
    for (int i = 0; i < 50; ++i) {  // what is still on its way
      std::ranges::for_each(sockets_, [this](int socket) { read_answers(socket); });
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  void report() const {
    std::cout << "flood_packets " << sent_ << "\nflood_rate " << static_cast<double>(sent_) * 1000 / took_ms_
              << "\nbytes_in " << bytes_sent_ << "\nbytes_out " << bytes_received_ << std::endl;
  }

 private:
  static constexpr std::size_t batch = 32;

  void add_socket(const Endpoint& node, const std::string& address) {
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    ::inet_pton(AF_INET, address.c_str(), &here.sin_addr);
    sockaddr_in there{};
    there.sin_family = AF_INET;
    std::copy_n(node.ip.begin(), 4, reinterpret_cast<std::uint8_t*>(&there.sin_addr));
    there.sin_port = htons(node.port);
    sockets_.push_back(socket);
    ready_ = ready_ && socket >= 0 && ::bind(socket, reinterpret_cast<sockaddr*>(&here), sizeof(here)) == 0 &&
             ::connect(socket, reinterpret_cast<sockaddr*>(&there), sizeof(there)) == 0;
  }
  void make(Bytes& packet) {
    const bool random = kind_ == "random";
    packet.resize(random ? 1 + random_.below(1472) : limits::frame);
    random_.fill(packet);
    if (random) {
      return;
    }
    packet[0] = random_.below(2) == 0 ? 0xa0 : 0xa2;
    packet[1] = 1;
    if (kind_ == "no-cookie") {
      std::fill_n(packet.begin() + 2, 16, 0);
    }
    packet[2 + 16 + 31] &= 0x7f;  // a point that is not refused at a glance
  }
  /// One for each of the packets, by their order.
  bool get_cookies() {
    constexpr int attempts = 20;
    constexpr int patience_ms = 500;
    for (std::size_t i = 0; i < packets_.size(); ++i) {
      Bytes& packet = packets_[i];
      pollfd socket{sockets_[i % sockets_.size()], POLLIN, 0};
      Bytes reply(limits::frame);
      bool got = false;
      for (int attempt = 0; attempt < attempts && !got; ++attempt) {
        (void)::send(socket.fd, packet.data(), packet.size(), 0);
        if (::poll(&socket, 1, patience_ms) == 1) {
          got = ::recv(socket.fd, reply.data(), reply.size(), MSG_DONTWAIT) > 18;
        }
      }
      if (!got) {
        return false;
      }
      std::copy_n(reply.begin() + 2, 16, packet.begin() + 2);
    }
    return true;
  }
  Bytes& next_packet() {
    Bytes& packet = packets_[next_++ % packets_.size()];
    if (packet.size() > 60) {  // another nonce
      store_le(++serial_, packet.data() + 50);
    }
    return packet;
  }
  void send_batch() {
    if (sockets_.size() > 1) {
      return send_from_all();
    }
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> data{};
    for (std::size_t i = 0; i < batch; ++i) {
      Bytes& packet = next_packet();
      data[i] = {packet.data(), packet.size()};
      messages[i].msg_hdr.msg_iov = &data[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = ::sendmmsg(sockets_[0], messages.data(), batch, 0);
    for (int i = 0; i < done; ++i) {
      bytes_sent_ += messages[static_cast<std::size_t>(i)].msg_len;
    }
    sent_ += static_cast<std::uint64_t>(std::max(done, 0));
  }
  void send_from_all() {
    for (std::size_t i = 0; i < batch; ++i) {
      const int socket = sockets_[next_ % sockets_.size()];
      const Bytes& packet = next_packet();
      const ssize_t answer = ::recv(socket, answers_.data(), answers_.size(), MSG_DONTWAIT);
      const ssize_t done = ::send(socket, packet.data(), packet.size(), 0);
      bytes_received_ += static_cast<std::uint64_t>(std::max<ssize_t>(answer, 0));
      bytes_sent_ += static_cast<std::uint64_t>(std::max<ssize_t>(done, 0));
      sent_ += done > 0 ? 1 : 0;
    }
  }
  void read_answers(int socket) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> data{};
    for (;;) {
      for (std::size_t i = 0; i < batch; ++i) {
        data[i] = {answers_.data() + i * 2048, 2048};
        messages[i].msg_hdr.msg_iov = &data[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      const int done = ::recvmmsg(socket, messages.data(), batch, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < done; ++i) {
        bytes_received_ += messages[static_cast<std::size_t>(i)].msg_len;
      }
      if (done < static_cast<int>(batch)) {
        return;
      }
    }
  }

  std::string kind_;
  double per_second_;
  std::vector<int> sockets_;
  bool ready_ = true;
  crypto::SystemRandom random_;
  std::array<Bytes, 256> packets_;
  std::array<std::uint8_t, batch * 2048> answers_{};
  std::size_t next_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  double took_ms_ = 1;
};

/// Stores and polls by turns, at a steady rate, whatever becomes of the others.
class Honest final : PacketReceiver, client::StoreResultListener, client::RetrieveListener {
 public:
  explicit Honest(client::KnownNode node) : node_(std::move(node)) {
    UdpOptions options;
    options.address = honest_address;
    udp_ = std::move(UdpTransport::open(io_, options, telemetry_).value());
    udp_->set_receiver(this);
    client_ = std::make_unique<client::Client>(*udp_, random_, telemetry_, nullptr);
    client_->set_node(node_);
    mailbox_ = crypto::FriendsMailbox::derive(crypto::KeyPair::generate(random_),
                                              *crypto::epoch_at(clock_.now().unix_time()))
                   ->box({});
  }

  void ask() {
    client::OperationId id{};
    if (++asked_ % 2 == 0) {
      id = client_->retrieve({node_.id, *mailbox_}, *this, clock_.now());
    } else {
      client::StoreJob job;
      job.node = node_.id;
      job.mailbox = mailbox_->mailbox.clone();
      job.payload.resize(limits::small_envelope);
      random_.fill(job.payload);
      job.payload[0] = 1;
      id = client_->store(std::move(job), *this, clock_.now());
    }
    begun_[id] = now_ms();
  }
  /// Until everything that was asked has ended, or for so long.
  void wait(double ms) {
    for (const double begun = now_ms(); now_ms() - begun < ms && !begun_.empty();) {
      work();
    }
  }
  void work() {
    udp_->poll();
    client_->tick(clock_.now());
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  [[nodiscard]] std::uint64_t asked() const noexcept { return asked_; }
  [[nodiscard]] std::uint64_t answered() const noexcept { return took_.size(); }

  void forget() {
    asked_ = 0;
    took_.clear();
    retries_before_ = metrics_.value(Counter::client_retries);
  }
  void report() {
    std::sort(took_.begin(), took_.end());
    std::cout << "honest_asked " << asked_ << "\nhonest_answered " << took_.size() << "\nhonest_retries "
              << metrics_.value(Counter::client_retries) - retries_before_ << '\n';
    if (!took_.empty()) {
      std::cout << "honest_ms " << took_[took_.size() / 2] << "\nhonest_ms_95 "
                << took_[took_.size() * 95 / 100] << std::endl;
    }
  }

 private:
  void end(client::OperationId id, bool good) noexcept {
    const auto begun = begun_.find(id);
    if (begun == begun_.end()) {
      return;
    }
    if (good) {
      took_.push_back(now_ms() - begun->second);
    }
    begun_.erase(begun);
  }
  void on_packet(const Route& from, ByteView packet) noexcept override {
    client_->on_packet(from, packet, clock_.now());
  }
  void on_stored(client::OperationId id, const client::StoreResult& result, Now) noexcept override {
    end(id, client::is_good(result.outcome));
  }
  void on_envelopes(client::OperationId id, std::vector<client::FetchedEnvelope>, Now now) noexcept override {
    client_->continue_retrieve(id, now);
  }
  void on_retrieved(client::OperationId id, const client::RetrieveResult& result, Now) noexcept override {
    end(id, result.complete);
  }

  client::KnownNode node_;
  Metrics metrics_;
  NoLog log_;
  Telemetry telemetry_{metrics_, log_};
  crypto::SystemRandom random_;
  SystemClock clock_;
  boost::asio::io_context io_{1};
  std::unique_ptr<UdpTransport> udp_;
  std::unique_ptr<client::Client> client_;
  std::optional<crypto::OwnedMailbox> mailbox_;
  std::map<client::OperationId, double> begun_;
  std::vector<double> took_;
  std::uint64_t asked_ = 0;
  std::uint64_t retries_before_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 || !crypto::initialise()) {
    return 1;
  }
  const auto node = parse_node_address(argv[1]);
  const double per_second = std::strtod(argv[3], nullptr);
  const double seconds = std::strtod(argv[4], nullptr);
  const double asked_per_second = std::strtod(argv[5], nullptr);
  if (!node || node->endpoints.empty() || node->endpoints.back().ip[0] != 127 || asked_per_second <= 0) {
    std::cerr << "flood: a node of this machine is wanted\n";
    return 1;
  }
  const Endpoint target = node->endpoints.back();
  Honest honest({node->id, {target}});
  honest.ask();
  honest.wait(10'000);
  if (honest.answered() != 1) {
    std::cerr << "flood: the node does not answer\n";
    return 1;
  }
  honest.forget();
  Flood flood(target, argv[2], per_second);
  if (!flood.ready()) {
    std::cerr << "flood: no socket\n";
    return 1;
  }
  std::cout << "ready" << std::endl;
  std::atomic<bool> flooding = true;
  bool has_run = false;
  std::thread sender([&] {
    has_run = flood.run(seconds);
    flooding = false;
  });
  for (double next = now_ms(); flooding;) {
    if (now_ms() >= next) {
      honest.ask();
      next += 1000 / asked_per_second;
    }
    honest.work();
  }
  std::cout << "flooded" << std::endl;
  sender.join();
  if (!has_run) {
    std::cerr << "flood: the node gives no cookies\n";
    return 1;
  }
  honest.wait(30'000);
  flood.report();
  honest.report();
  std::cout << "done" << std::endl;
  return 0;
}
