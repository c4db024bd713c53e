// SPDX-License-Identifier: GPL-3.0-or-later
#include "session.hpp"

#include <algorithm>
#include <new>

namespace toxasync::failure {

using test::ProductCode;
using test::User;

namespace {

constexpr int most_attempts = 1000;  // more than fail in a row
constexpr milliseconds patience = 6h;

bool was_told(const User& user, const crypto::MessageId& id, manager::MessageState state) {
  return std::ranges::any_of(user.states,
                             [&](const auto& status) { return status.id == id && status.state == state; });
}

bool has_final_state(const User& user, const crypto::MessageId& id) {
  return std::ranges::any_of(
      user.states, [&](const auto& status) { return status.id == id && manager::is_final(status.state); });
}

std::string text_of(const manager::ReceivedMessage& message) {
  return {message.text.begin(), message.text.end()};
}

}  // namespace

Session::Session(std::unique_ptr<Backing> backing) : backing_(std::move(backing)) {
  for (std::size_t i = 0; i < node_count; ++i) {
    test::StorageNode& node = world_.add_node();
    node.use(backing_->open_store(node, i));
  }
  world_.after_event = [this] { restart_failed(); };
}

User& Session::add_user() {
  world_.users.push_back(std::make_unique<User>(world_, static_cast<std::uint32_t>(world_.users.size() + 1)));
  User& user = *world_.users.back();
  user.config.receipt_delay = 10s;
  start(user);
  return user;
}

void Session::start(User& user) {
  starts_[&user].push_back(user.shown.size());
  for (int attempt = 0; attempt < most_attempts && !user.running(); ++attempt) {
    user.disk = backing_->open_state(user, number_of(user));
    if (user.disk == nullptr) {
      continue;
    }
    try {
      user.start();
    } catch (const std::bad_alloc&) {
      end(user);  // It may have been made, but not told all.
    }
  }
  if (!user.running()) {
    throw Broken("a program does not start");
  }
}

void Session::end(User& user) {
  user.crash();
  backing_->close_state(number_of(user));
}

void Session::restart(User& user) {
  if (user.running()) {
    end(user);
  }
  start(user);
}

std::size_t Session::number_of(const User& user) const {
  const auto found = std::ranges::find_if(world_.users, [&](const auto& one) { return one.get() == &user; });
  return static_cast<std::size_t>(found - world_.users.begin());
}

void Session::restart_failed() {
  for (const auto& user : world_.users) {
    if (user->running() && user->manager->failed()) {
      restart(*user);
    }
  }
}

bool Session::call(const std::function<void()>& function) {
  bool done = true;
  try {
    const ProductCode product;
    function();
  } catch (const std::bad_alloc&) {
    done = false;
  }
  restart_failed();
  return done;
}

void Session::give_nodes(User& user) {
  for (const auto& node : world_.nodes) {
    const auto known = node->known();
    while (!call([&] { static_cast<void>(user.manager->add_home_node(known)); })) {
    }
  }
}

void Session::send(User& from, const User& to, std::string text) {
  sent_.push_back({&from, &to, std::move(text)});
  Sent& message = sent_.back();
  message.start = starts_[&from].size();
  message.accepted = call([&] {
    const auto id = from.manager->send(to.key, crypto::MessageKind::normal, as_bytes(message.text));
    const test::TestCode test;
    if (!id) {
      throw Broken("a message was refused: " + std::to_string(static_cast<int>(id.error())));
    }
    message.id = *id;
  });
}

void Session::cancel_last(User& user) {
  const crypto::MessageId id = sent_.back().id;
  bool cancelling = false;
  if (call([&] { cancelling = user.manager->cancel(id).has_value(); }) && cancelling) {
    cancelled_.insert(id);
  }
}

void Session::run_for(milliseconds time, const std::function<bool()>& until) {
  static_cast<void>(world_.run(time, until));  // what is missing then, check() says
}

void Session::run() {
  User& alice = add_user();
  User& bob = add_user();
  call([&] {
    const test::TestCode test;
    world_.befriend(alice, bob);
  });
  restart_failed();
  give_nodes(alice);
  give_nodes(bob);
  const auto ready = [&] {
    return alice.manager->friend_ready(bob.key) && bob.manager->friend_ready(alice.key);
  };
  for (int attempt = 0; attempt < most_attempts && !ready(); ++attempt) {  // a restart parts them
    world_.connect(alice, bob);
    restart_failed();
    run_for(10s, ready);
  }
  send(alice, bob, "both are online");
  run_for(2s);
  world_.disconnect(alice, bob);
  restart_failed();
  send(bob, alice, "left on the nodes");
  send(alice, bob, "long " + std::string(2500, 'p'));
  run_for(20s);

  end(bob);
  send(alice, bob, "while bob is away");
  send(alice, bob, "taken back");
  run_for(5s);
  cancel_last(alice);
  run_for(20s);
  restart(alice);
  start(bob);
  run_for(1min);

  world_.connect(alice, bob);
  restart_failed();
  send(bob, alice, "online again");
  run_for(10s);
  send(alice, bob, "the last one");
  run_for(patience, [this] { return settled(); });
  run_for(10s);  // What has ended is reported.
}

bool Session::settled() const {
  return std::ranges::all_of(sent_, [](const Sent& message) {
    return !message.accepted || has_final_state(*message.from, message.id) ||
           (message.from->running() && !message.from->manager->status(message.id));
  });
}

void Session::check() {
  if (const std::size_t lost = backing_->lost_by_nodes(); lost != 0) {
    throw Broken("nodes have lost " + std::to_string(lost) + " records that they had confirmed");
  }
  for (const auto& user : world_.users) {
    check_shown(*user);
  }
  std::ranges::for_each(sent_, [this](const Sent& message) { check_message(message); });
}

void Session::check_shown(const User& user) const {
  const auto& starts = starts_.at(&user);
  std::map<crypto::MessageId, std::size_t> places;
  std::size_t last = 0;  // The highest place in sent_ that was shown.
  for (std::size_t i = 0; i < user.shown.size(); ++i) {
    const auto& shown = user.shown[i];
    const std::string text = text_of(shown);
    const auto sent = std::ranges::find_if(sent_, [&](const Sent& message) {
      return message.to == &user && message.from->key == shown.from && message.text == text;
    });
    if (sent == sent_.end()) {
      throw Broken("shown, but never sent: " + text.substr(0, 40));
    }
    const auto [place, first] = places.emplace(shown.id, i);
    if (!first) {  // the program ended before it had noted that the first was shown
      if (std::ranges::find(starts, place->second + 1) == starts.end()) {
        throw Broken("shown twice: " + text.substr(0, 40));
      }
      continue;
    }
    const auto number = static_cast<std::size_t>(sent - sent_.begin());
    if (number < last && !shown.late) {
      throw Broken("out of order: " + text.substr(0, 40));
    }
    last = std::max(last, number);
  }
}

void Session::check_message(const Sent& message) const {
  const std::string text = message.text.substr(0, 40);
  const auto shown = std::ranges::count_if(message.to->shown, [&](const auto& other) {
    return other.from == message.from->key && text_of(other) == message.text;
  });
  if (!message.accepted) {
    if (shown != 0) {
      throw Broken("shown, but reported as not sent: " + text);
    }
    return;
  }
  const User& from = *message.from;
  if (was_told(from, message.id, manager::MessageState::cancelled)) {
    if (shown != 0 || !cancelled_.contains(message.id)) {
      throw Broken("cancelled: " + text);
    }
    return;
  }
  if (was_told(from, message.id, manager::MessageState::failed)) {
    if (shown != 0 || was_told(from, message.id, manager::MessageState::queued)) {
      throw Broken("failed, but shown or queued: " + text);
    }
    return;
  }
  if (was_told(from, message.id, manager::MessageState::expired)) {
    throw Broken("expired: " + text);
  }
  const bool delivered = was_told(from, message.id, manager::MessageState::delivered);
  if (delivered && shown == 0) {
    throw Broken("delivered, but not shown: " + text);
  }
  const bool queued = was_told(from, message.id, manager::MessageState::queued);
  if (queued && (shown == 0 || !delivered)) {
    throw Broken(std::string(shown == 0 ? "queued, but never shown: " : "shown, but never delivered: ") +
                 text);
  }
  if (!queued && starts_.at(&from).size() == message.start) {
    throw Broken("accepted by a program that goes on, but never reported as queued or failed: " + text);
  }
}

}  // namespace toxasync::failure
