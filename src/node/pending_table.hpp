// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "base/transport.hpp"
#include "protocol/frame.hpp"
#include "store/store.hpp"

namespace toxasync::node {

/// How the answer gets back to the client.
struct ReplyPath {
  Transport* via = nullptr;  ///< Null: the transport is gone.
  Route route{};
  protocol::FrameKind kind{};  ///< Of the request.
  crypto::Point session{};     ///< X
  std::uint64_t session_serial = 0;
  std::uint64_t counter = 0;  ///< Of the request.
};

/// A request that waits for the disk.
struct Pending {
  ReplyPath path;
  SteadyTime received{};
  store::Box box{};  ///< Of a retrieve only the mailbox.
  // Of a store:
  store::RecordId id{};
  std::uint16_t value_bytes = 0;
  UnixTime charged_until{};
  // Of a retrieve:
  std::vector<store::RecordId> deletes{};
  bool subscribes = false;
  std::vector<crypto::BoxTag> boxes{};  ///< That are subscribed to.
  std::uint64_t cursor = 0;
  std::uint8_t window = 1;
  std::uint8_t awaited = 1;                      ///< Completions that are still to come.
  store::OpStatus status = store::OpStatus::ok;  ///< The first one that was not ok.
  std::vector<store::Record> records{};
  bool more = false;
  std::uint64_t reached = 0;  ///< With `more`: the last sequence that was read.
};

/// Requests that wait for the disk, by the token that the store gives back. A token is never used twice in
/// 2^32 uses of its place, so the completion of a request that was dropped finds nothing.
class PendingTable {
 public:
  explicit PendingTable(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool full() const noexcept { return size() >= capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size() - free_.size(); }

  /// The table must not be full.
  store::Token add(Pending&& pending);
  /// Null when nothing waits under this token. Holds until the next add().
  [[nodiscard]] Pending* find(store::Token token) noexcept;
  void remove(store::Token token) noexcept;

  /// Requests that wait for an answer by `transport` will get none.
  void drop(const Transport& transport) noexcept;

 private:
  struct Place {
    std::uint32_t generation = 0;
    std::optional<Pending> pending;
  };

  std::size_t capacity_;
  std::vector<Place> places_;  // Grows to what was needed at once, at most capacity_.
  std::vector<std::uint32_t> free_;
};

}  // namespace toxasync::node
