// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <utility>

#include "rig.hpp"

// A node, or somebody on the way, writes the address of a stranger on its answers.

namespace toxasync::test {
namespace {

constexpr auto stranger = [] { return ipv4(9999); };

struct Forged : Rig, client::AddressGuard {
  enum class How { not_at_all, always, when_the_stranger_was_asked, by_a_relay_then };

  Forged() {
    client->use(*this);
    client->set_node({node.id(), {real, stranger()}});
    network.set_filter([this](MockNetwork::Packet& packet) { return filter(packet); });
  }
  void on_packet(const Route& from, ByteView packet) noexcept override {
    Route route = from;
    route.sendback_size = how == How::by_a_relay_then && from.endpoint == stranger() ? 1 : 0;
    Rig::on_packet(route, packet);
  }
  bool filter(const MockNetwork::Packet& packet) {
    if (packet.to == stranger()) {
      ++to_stranger;
      const auto header = protocol::read_frame_header(packet.bytes);
      cookies_to_stranger += header->cookie != protocol::Cookie{} ? 1 : 0;
      for (const Bytes& answer : std::exchange(held, {})) {
        network.inject(stranger(), transport.endpoint(), answer);
      }
    }
    if (packet.from != real || how == How::not_at_all) {
      return false;
    }
    if (how == How::always) {
      network.inject(stranger(), packet.to, packet.bytes);
    } else if (packet.bytes.size() == limits::frame) {
      held.push_back(packet.bytes);
    } else {
      return false;
    }
    return true;
  }
  [[nodiscard]] bool may_send(const NodeId&, const Endpoint&, Now) const override { return true; }
  void on_sent(const NodeId&, const Endpoint&, Now) override {}
  [[nodiscard]] bool is_proven(const NodeId&, const Endpoint& at) const override {
    return proven.contains(at);
  }
  void on_proven(const NodeId&, const Endpoint& at) override { proven.insert(at); }
  void on_heard(const NodeId&, const Endpoint& from) override { heard.insert(from); }
  [[nodiscard]] bool has_answered(const NodeId&) const override { return true; }

  ScriptedNode& node = add_node();
  Endpoint real = node.endpoints()[0];
  How how = How::always;
  std::vector<Bytes> held;
  unsigned to_stranger = 0;
  unsigned cookies_to_stranger = 0;
  std::set<Endpoint> proven;
  std::set<Endpoint> heard;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attack_source, Forged)

BOOST_AUTO_TEST_CASE(an_answer_from_elsewhere_leads_no_packets_there) {
  for (int i = 0; i < 3; ++i) {
    const auto id = store(node);
    run(1min);
    BOOST_TEST(outcome(id) == client::StoreOutcome::stored);  // it is the node's, wherever it came from
  }
  BOOST_TEST(to_stranger == 0U);
  BOOST_TEST((proven == std::set{real}));
  BOOST_TEST(heard.empty());
  BOOST_TEST(!listener.news.empty());
  for (const auto& news : listener.news) {
    BOOST_TEST((news.from == Endpoint{}));
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_held_back_proves_no_later_address) {
  for (const How held_until : {How::when_the_stranger_was_asked, How::by_a_relay_then}) {
    how = held_until;
    for (int i = 0; i < 20; ++i) {
      store(node);
      run(1min);
    }
    BOOST_TEST(to_stranger > 0U);
    BOOST_TEST(cookies_to_stranger ==
               0U);  // only first packets, which bring a cookie reply from whoever is there
    BOOST_TEST((proven == std::set{real}));
    BOOST_TEST(!heard.contains(stranger()));
    for (const auto& news : listener.news) {
      BOOST_TEST((news.from == Endpoint{} || news.from == real));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_answer_from_where_it_was_asked_shows_that_the_node_is_there) {
  how = How::not_at_all;
  store(node);
  run(1min);
  BOOST_TEST((heard == std::set{real}));
  BOOST_TEST((listener.news.at(0).from == real));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
