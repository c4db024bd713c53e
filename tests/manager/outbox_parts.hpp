// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "manager/outbox/canceller.hpp"
#include "manager/outbox/replicator.hpp"
#include "manager_parts.hpp"

namespace toxasync::test {

/// A device of Bob's: the private halves of what its bundle says.
struct Device {
  crypto::Instance instance;
  crypto::KeyPair root;
  crypto::KeyPair last_resort;
  std::vector<crypto::KeyPair> one_time;
};

/// An envelope that Bob has opened.
struct Opened {
  crypto::EnvelopeHeader header;
  crypto::EnvelopeBody body;
};

/// What the classes of the outbox stand on. Bob has as many devices as a test adds.
class OutboxParts : public ManagerParts {
 public:
  using Message = manager::OutgoingMessage;
  using Target = Message::Target;

  /// A device with so many one-time keys, and home nodes of its own.
  manager::Installation& add_device(std::uint64_t number, std::size_t home_nodes = 3,
                                    std::size_t one_time = 2) {
    const crypto::Instance instance{number};
    Device& device = devices.emplace_back(
        Device{instance, crypto::KeyPair::generate(random), crypto::KeyPair::generate(random), {}});
    manager::Installation& installation = bob().theirs.emplace_back();
    installation.version = {instance, 1};
    installation.root = crypto::friends_root(device.root, self.friend_key());
    installation.last_resort = device.last_resort.public_key;
    installation.use_until = clock.unix_time() + days(28);
    for (std::size_t i = 0; i < one_time; ++i) {
      device.one_time.push_back(crypto::KeyPair::generate(random));
      installation.one_time.push_back({device.one_time.back().public_key, installation.use_until});
    }
    for (std::size_t i = 0; i < home_nodes; ++i) {
      installation.home_nodes.push_back({random.id<protocol::NodeId>(), {}});
    }
    return installation;
  }
  [[nodiscard]] manager::Installation& device(std::size_t index) { return bob().theirs.at(index); }

  /// A message of ours to Bob, in the table, not sealed.
  Message& add_message(std::string_view text = "hello",
                       crypto::MessageKind kind = crypto::MessageKind::normal) {
    Message message;
    message.id = random.id<crypto::MessageId>();
    message.to = bob_keys.friend_key();
    message.kind = kind;
    message.text.assign(text.begin(), text.end());
    message.sequence = crypto::is_ordered(kind) ? bob().next_sequence++ : 0;
    message.sent_at = clock.now().wall;
    message.ttl = limits::default_time_to_live;
    message.cancel_secret = random.id<crypto::CancelSecret>();
    message.reported = true;
    return messages.insert(std::move(message));
  }
  /// A target with envelopes that nobody opens, and that were not sent to the home nodes yet.
  static Target& add_target(Message& message, const manager::Installation& to, crypto::Epoch epoch,
                            std::size_t parts = 1) {
    Target& target = message.targets.emplace_back();
    target.instance = to.instance();
    target.root = to.root;
    target.epoch = epoch;
    for (const auto& node : to.home_nodes) {
      target.sent_to.push_back({node.id, false});
    }
    for (std::size_t i = 0; i < parts; ++i) {
      target.envelopes.push_back({Bytes(limits::small_envelope, static_cast<std::uint8_t>(i + 1))});
    }
    return target;
  }
  [[nodiscard]] crypto::Epoch epoch() const { return *crypto::epoch_at(clock.unix_time()); }
  /// Bob opens all envelopes of a target with these keys. Fewer: some do not open.
  [[nodiscard]] std::vector<Opened> open(const Target& target, const Device& device,
                                         const crypto::KeyPair& pre_key) const {
    std::vector<Opened> opened;
    const auto mailbox = crypto::FriendsMailbox::derive(device.root, target.epoch)->box(self.friend_key());
    for (const auto& envelope : target.envelopes) {
      const auto header = crypto::open_header(mailbox, envelope.bytes);
      if (!header) {
        continue;
      }
      if (auto body = crypto::open_body(mailbox, bob_keys, pre_key, *header, envelope.bytes)) {
        opened.push_back({*header, std::move(*body)});
      }
    }
    return opened;
  }
  manager::OutgoingMessages messages{telemetry};
  manager::MailboxCache mailboxes;
  manager::SendWindow window;
  manager::RetryBackoff backoff{random, config.retry_first, config.retry_longest};
  manager::BoxGate gate{backoff};
  std::vector<Device> devices;
};

}  // namespace toxasync::test
