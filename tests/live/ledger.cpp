// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger.hpp"

#include <algorithm>

namespace toxasync::live {

namespace {

std::string shortened(const std::string& text) {
  return "\"" + text.substr(0, 24) + (text.size() > 24 ? "...\"" : "\"");
}

}  // namespace

std::string Ledger::describe(const Message& message) {
  return message.between.first + " to " + message.between.second + ", " + shortened(message.text);
}

void Ledger::note(std::string wrong) {
  if (wrong_.empty()) {
    wrong_ = std::move(wrong);
  }
}

void Ledger::on_sent(const Pair& between, std::string text, Bytes id) {
  orders_[between].push_back(id);
  messages_[std::move(id)] = {between, std::move(text)};
}

void Ledger::on_shown(const Pair& between, const std::string& text, bool late) {
  const auto& order = orders_[between];
  const auto sent =
      std::ranges::find_if(order, [&](const Bytes& id) { return messages_.at(id).text == text; });
  const std::string what = between.first + " to " + between.second + ", " + shortened(text);
  if (sent == order.end()) {
    return note("never sent: " + what);
  }
  Message& message = messages_.at(*sent);
  if (message.shown) {
    return note("shown twice: " + what);
  }
  message.shown = true;
  ++shown_;
  // A message that is missing is waited for until every node was asked once (docs/protocol.md, "Gaps").
  const auto number = static_cast<std::size_t>(sent - order.begin());
  std::size_t& next = next_[between];
  if (late != (number < next)) {
    note((late ? "marked as late, and is not: " : "out of order, and not marked as late: ") + what);
  }
  late_ += late ? 1 : 0;
  next = std::max(next, number + 1);
}

void Ledger::on_state(const Bytes& id, Tox_Async_Message_State state) {
  const auto found = messages_.find(id);
  if (found == messages_.end()) {
    note("a state of an unknown message: " + std::string(tox_async_message_state_to_string(state)));
    return;
  }
  Message& message = found->second;
  if (state == TOX_ASYNC_MESSAGE_STATE_QUEUED || state == TOX_ASYNC_MESSAGE_STATE_STORED) {
    if (message.delivered) {
      note("a state after the final one: " + describe(message));
    }
  } else if (state != TOX_ASYNC_MESSAGE_STATE_DELIVERED) {
    note(std::string(tox_async_message_state_to_string(state)) + ": " + describe(message));
  } else if (message.delivered || !message.shown) {
    note((message.shown ? "delivered twice: " : "delivered before it was shown: ") + describe(message));
  } else {
    message.delivered = true;
    ++delivered_;
  }
}

void Ledger::check() const {
  if (!wrong_.empty()) {
    throw Broken(wrong_);
  }
}

std::string Ledger::missing() const {
  std::string all = std::to_string(messages_.size() - shown_) + " messages not shown, " +
                    std::to_string(messages_.size() - delivered_) + " without a receipt";
  for (const auto& [id, message] : messages_) {
    if (!message.delivered) {
      return all + "; " + (message.shown ? "shown" : "not shown") + ": " + describe(message);
    }
  }
  return all;
}

}  // namespace toxasync::live
