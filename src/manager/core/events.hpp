// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <deque>
#include <variant>

#include "manager/core/journal.hpp"
#include "manager/core/listener.hpp"

namespace toxasync::manager {

/// Reports to the application of its own messages and its friends. They wait until the end of a tick or
/// packet, when nothing of ours is half done and the application may call anything. How a message ended stays
/// on disk until it was reported.
class Events final : public Part {
 public:
  Events(ManagerListener& listener, Journal& journal) : listener_(listener), journal_(journal) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::ended};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// The write that belongs into the transaction that ends the message; state() follows.
  [[nodiscard]] static store::StateWrite ended_write(MessageStatus status, FailReason reason);
  void state(const MessageStatus& status) { waiting_.emplace_back(status); }
  void ready(const FriendKey& key) { waiting_.emplace_back(key); }
  void request(const RequestStatus& status) { waiting_.emplace_back(status); }
  void deliver();
  [[nodiscard]] SteadyTime next_deadline() const noexcept override {
    return waiting_.empty() ? never : SteadyTime{};
  }

 private:
  ManagerListener& listener_;
  Journal& journal_;
  std::deque<std::variant<MessageStatus, FriendKey, RequestStatus>> waiting_;
  bool delivering_ = false;
};

}  // namespace toxasync::manager
