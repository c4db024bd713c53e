// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "crypto/envelope.hpp"

namespace toxasync::preload {

/// Accepted messages for which the client still expects a read receipt, in the order of sending to each
/// friend: some clients crash on a receipt out of order.
class ReceiptQueue {
 public:
  static constexpr std::size_t limit = 10000;  ///< As many as the outbox holds.
  /// No receipt is given earlier, so that the client has stored the number it was given, in any thread.
  static constexpr milliseconds min_age = 100ms;
  /// The same text again is the client's own resend after this time or after expect_resends(), and a message
  /// of its own before.
  static constexpr milliseconds resend_after = 20s;

  struct Receipt {
    std::uint32_t friend_number = 0;
    std::uint32_t message_number = 0;
  };

  [[nodiscard]] bool full() const noexcept { return size_ >= limit; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// `kind_and_text` identifies resends.
  void add(std::uint32_t friend_number, std::uint32_t message_number, const crypto::MessageId& id,
           std::string kind_and_text, SteadyTime now);

  /// Whether this is a client's resend of a message that waits: the first one of that text that it has not
  /// sent again lately. Its receipt will then name `message_number`.
  bool resend(std::uint32_t friend_number, const std::string& kind_and_text, std::uint32_t message_number,
              SteadyTime now);

  /// The client was told that a friend has disconnected: some clients (qTox) resend what was not confirmed as
  /// soon as the friend is back.
  void expect_resends(std::uint32_t friend_number);

  /// The message has reached the state that a receipt reports.
  void done(const crypto::MessageId& id);
  /// The message has failed: there will be no receipt.
  void drop(const crypto::MessageId& id);
  void drop_friend(std::uint32_t friend_number);

  /// Removes and returns the receipts that can be given now.
  std::vector<Receipt> take_due(SteadyTime now);
  /// When take_due() will return something that is only too young now; nothing if there is none.
  [[nodiscard]] std::optional<SteadyTime> next() const noexcept;

 private:
  struct Entry {
    std::uint32_t number = 0;
    crypto::MessageId id{};
    std::string kind_and_text;
    SteadyTime sent{};  ///< The last time, by the client.
    bool done = false;
    bool resend_expected = false;
  };

  void change(const crypto::MessageId& id, const std::function<bool(Entry&)>& keep);

  std::map<std::uint32_t, std::deque<Entry>> friends_;
  std::map<crypto::MessageId, std::uint32_t> friend_of_;
  std::size_t size_ = 0;
};

}  // namespace toxasync::preload
