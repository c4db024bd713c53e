// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "instances.hpp"

namespace toxasync::live {

/// What happened in a run, or in several.
struct Totals {
  std::uint64_t messages = 0;
  std::uint64_t late = 0;     ///< Of these, shown after later ones, and marked.
  std::uint64_t live = 0;     ///< Envelopes that came over the friend channel,
  std::uint64_t stored = 0;   ///< and that storage nodes took.
  std::uint64_t deleted = 0;  ///< Of these, fetched and deleted by their recipients.
  std::uint64_t kills = 0;
  std::uint64_t moves = 0;
  std::uint64_t cuts = 0;
  std::uint64_t packets = 0;
  seconds virtual_time = 0s;

  Totals& operator+=(const Totals& other) noexcept;
};

/// Three friends, whose clients are killed, cut off and started again, on a network that the seed draws. When
/// all is well again, everything that was sent must be shown.
class Scenario {
 public:
  /// Writes into `directory`. `story` and `packets`, if any, get what happens, and what is sent.
  Scenario(std::uint64_t seed, const std::filesystem::path& directory, std::ostream* story,
           std::ostream* packets);

  /// Throws Broken.
  void play();

  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  /// Of every packet that was sent.
  [[nodiscard]] std::string trace() const { return machine_.trace(); }

 private:
  static constexpr std::size_t peer_count = 4;
  static constexpr std::size_t node_count = 2;
  static constexpr std::size_t client_count = 3;

  void meet();
  void act();
  void heal();

  void draw_weather();
  void send(Client& from);
  void cut(std::uint32_t host);
  void return_or_kill(Client& client);
  void start(Client& client, bool move);

  /// Lets time pass until `until` holds; whether it did within `limit`.
  bool run(milliseconds limit, const std::function<bool()>& until = nullptr);
  [[nodiscard]] bool all_clients(const std::function<bool(const Client&, const Client&)>& holds) const;
  void tell(const std::string& what);

  std::ostream* story_;
  Machine machine_;
  test::SeededRandom random_;  ///< For what happens.
  Ledger ledger_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<StorageNode>> nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Program*> programs_;
  std::uint32_t hosts_ = 0;    ///< Given away.
  std::uint64_t numbers_ = 0;  ///< Of messages.
  Totals totals_;
};

}  // namespace toxasync::live
