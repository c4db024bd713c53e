// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "ledger.hpp"
#include "machine.hpp"
#include "node/node.hpp"
#include "plugin/tox_async.h"
#include "store/memory/memory_store.hpp"
#include "tests/support/quiet_log.hpp"

// The programs of a simulation, each on a host of its own: Tox instances without toxasync, which make up the
// DHT; clients, Tox instances with a Tox_Async; and storage nodes. A program runs when a packet has come for
// it, and when it asked to.

namespace toxasync::live {

using ToxPointer = std::unique_ptr<Tox, decltype(&tox_kill)>;

class Program {
 public:
  Program(Machine& machine, std::uint32_t host) noexcept : machine_(machine), host_(host) {}
  virtual ~Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] virtual bool running() const noexcept { return true; }
  /// Does what there is to do now.
  void run();
  [[nodiscard]] bool is_due() const { return running() && (next_ <= now() || machine_.has_mail(host_)); }
  [[nodiscard]] SteadyTime next() const noexcept { return running() ? next_ : never; }
  [[nodiscard]] std::uint32_t host() const noexcept { return host_; }

 protected:
  /// Returns when it should run again.
  virtual SteadyTime turn() = 0;
  [[nodiscard]] SteadyTime now() const noexcept { return machine_.clock.steady(); }

  Machine& machine_;
  std::uint32_t host_;
  SteadyTime next_{};
};

/// A Tox instance of the DHT.
class Peer final : public Program {
 public:
  static constexpr std::uint16_t port = 33445;

  Peer(Machine& machine, std::uint32_t host);

  /// Gets into the DHT by `other`, again and again until it is in it.
  void use(const Peer& other) noexcept { other_ = &other; }
  /// The same for any Tox instance.
  void introduce(Tox& tox) const;

 protected:
  SteadyTime turn() override;

 private:
  ToxPointer tox_;
  const Peer* other_ = nullptr;
  SteadyTime next_introduction_{};
};

/// A node on a disk that is its memory, with the UDP transport that toxasyncd has.
class StorageNode final : public Program, private PacketReceiver {
 public:
  StorageNode(Machine& machine, std::uint32_t host);

  [[nodiscard]] std::string address_line() const;
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return metrics_.value(counter); }

 protected:
  SteadyTime turn() override;

 private:
  void on_packet(const Route& from, ByteView packet) noexcept override;

  SystemClock clock_;
  crypto::SystemRandom random_;
  test::QuietLog log_;
  Metrics metrics_;
  store::MemoryStore store_;
  node::NodeKeys keys_;
  boost::asio::io_context io_{1};
  std::unique_ptr<UdpTransport> transport_;
  node::Node node_;
};

/// A client with its files, which outlive its runs.
class Client final : public Program {
 public:
  Client(Machine& machine, std::uint32_t host, std::string name, std::filesystem::path directory,
         Ledger& ledger, const std::vector<std::unique_ptr<Peer>>& peers);
  ~Client() override;

  /// The program starts, at `host`, with what it left.
  void start(std::uint32_t host);
  /// The program is killed: what it finds when it starts is what was on its disk at this moment.
  void kill();
  [[nodiscard]] bool running() const noexcept override { return async_ != nullptr; }

  void befriend(const Client& other);
  void add_node(const StorageNode& node);
  [[nodiscard]] bool ready_for(const Client& other) const;
  [[nodiscard]] bool sees(const Client& other) const;
  void send(const Client& other, std::string text);
  /// A counter, over all runs.
  [[nodiscard]] std::uint64_t count(const char* counter) const;
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 protected:
  SteadyTime turn() override;

 private:
  using AsyncPointer = std::unique_ptr<Tox_Async, decltype(&tox_async_kill)>;

  [[nodiscard]] std::uint32_t number_of(const Client& other) const;
  void wait_for_disk();
  void start_toxasync();
  static void on_message(Tox_Async* async, std::uint32_t friend_number, Tox_Message_Type type,
                         const std::uint8_t* message, std::size_t length, std::uint64_t sent_at_ms,
                         const std::uint8_t* message_id, bool late, void* self);
  static void on_state(Tox_Async* async, const std::uint8_t* message_id, std::uint32_t friend_number,
                       Tox_Async_Message_State state, std::uint8_t stored, std::uint8_t wanted,
                       Tox_Async_Fail_Reason reason, void* self);

  std::string name_;
  std::filesystem::path directory_;
  Ledger& ledger_;
  const std::vector<std::unique_ptr<Peer>>& peers_;
  std::map<std::uint32_t, std::string> friends_;  ///< By friend number.
  Bytes savedata_;
  ByteArray<TOX_PUBLIC_KEY_SIZE> key_{};
  ToxPointer tox_{nullptr, tox_kill};
  AsyncPointer async_{nullptr, tox_async_kill};
  SteadyTime next_introduction_{};
  std::map<std::string, std::uint64_t> counted_;  ///< In earlier runs.
};

}  // namespace toxasync::live
