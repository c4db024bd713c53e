// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <utility>
#include <vector>

#include "source.hpp"
#include "tests/client/test_node.hpp"

namespace toxasync::fuzz {

/// Makes a node hostile: it seals its answers as a node does, and says in them what the fuzzer chooses. While
/// the input lasts; then it is honest.
class HostileNode {
 public:
  /// `client` is where its client is.
  HostileNode(Source& source, test::MockNetwork& network, test::ScriptedNode& node, const Endpoint& client)
      : source_(source), network_(network), node_(node), client_(client) {
    node_.store_hook = [this](auto& response) { change(response); };
    node_.pages_hook = [this](const auto& request, auto& pages) { change(request, pages); };
    node_.descriptor_hook = [this](const auto& /*request*/) { return descriptor(); };
  }

  /// Something that it does by itself.
  void act() {
    switch (source_.below(10)) {
      case 0:
        return say_anything();
      case 1:
        return network_.inject(node_.endpoints()[0], client_, raw_packet());
      case 2:
        node_.silent = !node_.silent;
        return;
      case 3:
        node_.never_content = !node_.never_content;
        return;
      case 4:
        return node_.rotate_key();
      case 5:
        return node_.age_cookies();
      case 6:
        node_.clock_ahead = seconds(source_.number<std::int32_t>());
        return;
      case 7:
        node_.told_at.assign(source_.below(limits::addresses_per_node + 1), test::ipv4(source_.number()));
        return;
      default:
        node_.peers.assign(source_.below(limits::peers_per_answer + 1), descriptor());
    }
  }
  /// Nothing keeps it from answering.
  void become_honest() {
    node_.silent = node_.never_content = false;
    node_.clock_ahead = 0s;
    node_.told_at.clear();
    node_.peers.clear();
  }

 private:
  /// In a session of its client's, unasked.
  void say_anything() {
    if (node_.requests.empty()) {
      return;
    }
    const auto& request = node_.requests[node_.requests.size() - 1 - source_.below(node_.requests.size())];
    if (request.counter == 0) {
      return;  // it has no keys of that session, perhaps
    }
    const auto of = [&](auto message) {
      message.counter = source_.chance(2) ? message.counter : request.counter;
      return message;
    };
    if (request.header.kind == protocol::FrameKind::store) {
      answer(request.header, of(source_.message<protocol::StoreResponse>()));
    } else if (source_.chance(4)) {
      answer(request.header, of(source_.message<protocol::Peers>()));
    } else if (const auto page = of(source_.message<protocol::Page>()); source_.chance(2)) {
      answer(request.header, protocol::Page::announcement(page.counter, page.node_time_s));
    } else {
      answer(request.header, page);
    }
  }
  template <class Message>
  void answer(const protocol::FrameHeader& header, const Message& message) {
    if (fits(message)) {
      node_.answer(client_, header, message);
    }
  }
  Bytes raw_packet() {
    const ByteView block = source_.block();
    Bytes packet(block.begin(), block.end());
    if (!node_.requests.empty() && packet.size() >= limits::frame_header) {
      protocol::FrameHeader header = node_.requests.back().header;
      header.kind = protocol::response_to(header.kind);
      (void)wire::encode(header, MutableBytes(packet).first(limits::frame_header));
    }
    return packet;
  }

  Bytes descriptor() {
    auto descriptor = node_.descriptor();
    if (source_.chance(8)) {
      descriptor = source_.message<protocol::NodeDescriptor>();
      descriptor.addresses.resize(std::min(descriptor.addresses.size(), limits::addresses_per_node));
    }
    Bytes bytes = node_.sign(descriptor);
    if (source_.chance(8)) {
      bytes.resize(source_.number());
    }
    return bytes;
  }
  void change(protocol::StoreResponse& response) {
    if (source_.chance(2)) {
      const auto counter = response.counter;
      response = source_.message<protocol::StoreResponse>();
      response.counter = source_.chance(4) ? response.counter : counter;
    }
  }
  void change(const protocol::RetrieveRequest& request, std::vector<protocol::Page>& pages) {
    if (source_.chance(4)) {
      pages.resize(source_.below(limits::window + 2), pages[0]);
    }
    for (auto& page : pages) {
      if (source_.chance(2)) {
        change(request, page);
      }
      if (!fits(page)) {
        page.envelopes.clear();
      }
    }
  }
  void change(const protocol::RetrieveRequest& request, protocol::Page& page) {
    const auto before = std::exchange(page, source_.message<protocol::Page>());
    page.counter = source_.chance(4) ? page.counter : before.counter;
    page.count = source_.chance(4) ? page.count : before.count;
    page.index = source_.chance(4) ? page.index : before.index;
    page.flags = source_.chance(4) ? page.flags : before.flags;
    page.cursor = source_.chance(4) ? page.cursor : before.cursor + source_.number();
    if (source_.chance(2)) {
      page.envelopes = before.envelopes;
      page.envelopes.resize(source_.below(limits::envelopes_per_page + 1),
                            {{}, Bytes(limits::small_envelope)});
    }
    for (auto& envelope : page.envelopes) {  // in a box that was asked for, and perhaps in that box alone
      if (source_.chance(2)) {
        std::ranges::copy(request.boxes[source_.below(request.boxes.size())], envelope.box.begin());
      }
    }
  }
  template <class Message>
  static bool fits(const Message& message) {
    ByteArray<limits::message> room;
    return wire::encode(message, room).has_value();
  }

  Source& source_;
  test::MockNetwork& network_;
  test::ScriptedNode& node_;
  Endpoint client_;
};

}  // namespace toxasync::fuzz
