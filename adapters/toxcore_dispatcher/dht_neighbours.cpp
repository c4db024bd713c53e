// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"

#include <algorithm>
#include <array>

#include "adapters/toxcore_dispatcher/net_address.hpp"

namespace toxasync {

std::vector<Endpoint> DhtNeighbours::candidates() {
  std::vector<Endpoint> found;
  if (tox_net::tox_net_close_nodes == nullptr) {
    return found;
  }
  for (int i = 0; i < random_keys; ++i) {
    append_closest(random_.array<TOX_PUBLIC_KEY_SIZE>().data(), found);
  }
  ByteArray<TOX_PUBLIC_KEY_SIZE> self;
  tox_self_get_dht_id(tox_, self.data());
  append_closest(self.data(), found);
  return found;
}

void DhtNeighbours::append_closest(const std::uint8_t* key, std::vector<Endpoint>& to) const {
  std::array<tox_net::Node, tox_net::close_nodes> nodes{};
  const std::size_t count = tox_net::tox_net_close_nodes(tox_, key, nodes.data());
  for (std::size_t i = 0; i < std::min(count, nodes.size()); ++i) {
    const Endpoint endpoint = tox_net::unpack(nodes[i].addr);
    if (endpoint.family != 0 && std::ranges::find(to, endpoint) == to.end()) {
      to.push_back(endpoint);
    }
  }
}

}  // namespace toxasync
