// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <set>
#include <vector>

#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"
#include "adapters/toxcore_dispatcher/net_address.hpp"
#include "crypto/curve.hpp"

using namespace toxasync;

namespace {

std::vector<tox_net::Node> known;  // What the core tells for any key.
std::uint16_t told = 0;            // How many it says that it wrote.
std::set<ByteArray<32>> keys_asked;

}  // namespace

namespace toxasync::tox_net {
extern "C" std::uint16_t tox_net_close_nodes(const Tox* tox, const std::uint8_t* public_key, Node* nodes) {
  BOOST_REQUIRE(tox != nullptr);
  keys_asked.insert(to_array<32>({public_key, 32}));
  std::copy_n(known.begin(), std::min(known.size(), close_nodes), nodes);
  return told;
}
}  // namespace toxasync::tox_net

BOOST_AUTO_TEST_CASE(dht_neighbours_are_listed_once_by_valid_address) {
  BOOST_REQUIRE(crypto::initialise());
  struct Tox_Options* const options = tox_options_new(nullptr);
  tox_options_set_udp_enabled(options, false);
  tox_options_set_local_discovery_enabled(options, false);
  const std::unique_ptr<Tox, decltype(&tox_kill)> tox(tox_new(options, nullptr), tox_kill);
  tox_options_free(options);
  crypto::SystemRandom random;
  DhtNeighbours neighbours(tox.get(), random);
  const Endpoint v4{4, {192, 0, 2, 7}, 33445};
  const Endpoint v6{6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 33445};
  known = {{{}, tox_net::pack(v4)}, {{}, tox_net::pack(v6)}, {{}, tox_net::pack(v4)}, {{}, {}}};
  told = 4;
  BOOST_TEST((neighbours.candidates() == std::vector{v4, v6}));
  BOOST_TEST(keys_asked.size() == DhtNeighbours::random_keys + 1U);
  ByteArray<32> own{};
  tox_self_get_dht_id(tox.get(), own.data());
  BOOST_TEST(keys_asked.contains(own));
  BOOST_TEST((neighbours.candidates() == std::vector{v4, v6}));
  BOOST_TEST(keys_asked.size() == 2U * DhtNeighbours::random_keys + 1U);  // and others each time
  told = 1;
  BOOST_TEST((neighbours.candidates() == std::vector{v4}));
  told = 60000;  // a core that counts further than there is room
  BOOST_TEST((neighbours.candidates() == std::vector{v4, v6}));
  told = 0;
  BOOST_TEST(neighbours.candidates().empty());
}
