// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "plugin/tox_async.h"

namespace toxasync::live {

/// A promise was not kept.
struct Broken final : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What was sent, shown and told, by each sender for each recipient: everything that was sent is shown once,
/// in order or marked as late, and reported as delivered, once, after that. Callbacks write here and must not
/// throw: what is wrong, check() says.
class Ledger {
 public:
  using Pair = std::pair<std::string, std::string>;  ///< The names of sender and recipient.

  void on_sent(const Pair& between, std::string text, Bytes id);
  void on_shown(const Pair& between, const std::string& text, bool late);
  void on_state(const Bytes& id, Tox_Async_Message_State state);

  /// Throws Broken.
  void check() const;
  /// Whether all that was sent is shown and reported.
  [[nodiscard]] bool is_settled() const noexcept {
    return shown_ == messages_.size() && delivered_ == shown_;
  }
  /// What is missing, for people.
  [[nodiscard]] std::string missing() const;
  [[nodiscard]] std::size_t sent() const noexcept { return messages_.size(); }
  [[nodiscard]] std::size_t late() const noexcept { return late_; }

 private:
  struct Message {
    Pair between;
    std::string text;
    bool shown = false;
    bool delivered = false;
  };

  void note(std::string wrong);
  [[nodiscard]] static std::string describe(const Message& message);

  std::map<Bytes, Message> messages_;          ///< By id.
  std::map<Pair, std::vector<Bytes>> orders_;  ///< Ids in the order of sending.
  std::map<Pair, std::size_t> next_;           ///< The number behind the highest one that was shown.
  std::size_t shown_ = 0;
  std::size_t delivered_ = 0;
  std::size_t late_ = 0;
  std::string wrong_;
};

}  // namespace toxasync::live
