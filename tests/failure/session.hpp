// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "backing.hpp"

namespace toxasync::failure {

/// A promise was not kept.
struct Broken final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Two friends and their storage nodes: they meet, talk, part, leave each other messages, take one back, and
/// are started again. A manager that has failed is made again from its state, as after a crash; what was
/// promised before must hold. Allocations of the product may fail at any point of run().
class Session {
 public:
  explicit Session(std::unique_ptr<Backing> backing);

  void run();
  /// Throws Broken. Nothing fails any more.
  void check();

 private:
  static constexpr std::size_t node_count = 2;

  struct Sent {
    const test::User* from;
    const test::User* to;
    std::string text;
    crypto::MessageId id{};
    std::size_t start = 0;  ///< Of the sender's program, which one that was.
    bool accepted = false;  ///< Else send() threw.
  };

  test::User& add_user();
  void give_nodes(test::User& user);
  void send(test::User& from, const test::User& to, std::string text);
  void cancel_last(test::User& user);
  void run_for(milliseconds time, const std::function<bool()>& until = nullptr);
  void start(test::User& user);
  void restart(test::User& user);
  void end(test::User& user);
  void restart_failed();
  [[nodiscard]] std::size_t number_of(const test::User& user) const;
  /// Calls a manager as its host does: if it fails, it is started again. False: the call failed.
  bool call(const std::function<void()>& function);

  [[nodiscard]] bool settled() const;
  void check_shown(const test::User& user) const;
  void check_message(const Sent& message) const;

  std::unique_ptr<Backing> backing_;
  test::World world_;
  std::vector<Sent> sent_;
  std::set<crypto::MessageId> cancelled_;
  /// How many messages a user had been shown at each start of their program.
  std::map<const test::User*, std::vector<std::size_t>> starts_;
};

}  // namespace toxasync::failure
