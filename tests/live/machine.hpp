// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "tests/support/manual_clock.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/seeded_random.hpp"

// What libtoxcore and libtoxasync see of the system: clocks, random numbers and UDP sockets, all of them
// simulated. The program defines these functions of the C library and of libsodium itself (system_calls.cpp);
// the dynamic linker gives them to both libraries, which are the ones that are shipped, unchanged.

namespace toxasync::live {

/// A UDP socket of a host. Its descriptor is a real one, that of an eventfd.
class Socket final : public PacketReceiver {
 public:
  /// As a system's receive buffer: what comes when it is full is lost.
  static constexpr std::size_t inbox_limit = 512;

  struct Datagram {
    Endpoint from;
    Bytes bytes;
  };

  explicit Socket(std::uint32_t host) noexcept : host(host) {}
  void on_packet(const Route& from, ByteView packet) noexcept override;

  std::uint32_t host;
  test::MockTransport* bound = nullptr;
  std::deque<Datagram> inbox;
};

/// One simulation at a time. Only the thread that made it lives in it: other threads (which write to the
/// disk) see its clocks, have no sockets, and their writes become durable in settle() only.
class Machine {
 public:
  explicit Machine(std::uint64_t seed);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// That of the calling thread; null: the system's own functions are called.
  [[nodiscard]] static Machine* here() noexcept;
  /// The one that exists.
  [[nodiscard]] static Machine* any() noexcept;
  /// Before anything else uses libsodium.
  static void replace_random_generator();

  /// Sockets that are opened now belong to that host, 10.x.y.z for x.y.z.
  void act_as(std::uint32_t host) noexcept { acting_ = host; }
  /// Every packet that is sent, a line each: to find where two runs part.
  void write_packets_to(std::ostream* out) noexcept { packet_log_ = out; }
  /// Lets `wait`, which waits for threads that write to the disk, do so.
  void settle(const std::function<void()>& wait);

  /// Everything that was sent so far, with its time: equal for equal runs.
  [[nodiscard]] std::string trace() const { return to_hex(ByteView(trace_).first(16)); }
  [[nodiscard]] std::uint64_t packets() const noexcept { return packets_; }
  [[nodiscard]] bool has_mail(std::uint32_t host) const;
  /// Packets from or to the host are lost.
  void set_cut_off(std::uint32_t host, bool outbound, bool inbound) { cuts_[host] = {outbound, inbound}; }

  // The system calls.
  int open_socket();
  [[nodiscard]] Socket* find(int descriptor);
  bool bind(Socket& socket, std::uint16_t port);
  void close(int descriptor);

  test::ManualClock clock;
  test::SeededRandom random;  ///< What the libraries get.
  test::MockNetwork network;

 private:
  struct Cut {
    bool outbound = false;
    bool inbound = false;
  };

  bool on_sent(const test::MockNetwork::Packet& packet);

  std::uint32_t acting_ = 0;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  std::map<Endpoint, Socket*> bound_;
  std::map<std::uint32_t, Cut> cuts_;
  ByteArray<64> trace_{};
  std::uint64_t packets_ = 0;
  std::ostream* packet_log_ = nullptr;
};

}  // namespace toxasync::live
