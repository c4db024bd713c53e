// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "adapters/addresses/node_address.hpp"

using namespace toxasync;

namespace {

const std::string id(64, 'a');

struct BadLine {
  std::string line;
  NodeAddressError error;
};
std::ostream& operator<<(std::ostream& out, const BadLine& bad) {
  return out << bad.line;
}

const std::vector<BadLine> bad_lines = {
    {"", NodeAddressError::prefix},
    {"  \n", NodeAddressError::prefix},
    {"tox:" + id + "@127.0.0.1:1", NodeAddressError::prefix},
    {"TOXASYNC:" + id + "@127.0.0.1:1", NodeAddressError::prefix},
    {"toxasync:" + id, NodeAddressError::separator},
    {"toxasync:@127.0.0.1:1", NodeAddressError::id},
    {"toxasync:" + id + "a@127.0.0.1:1", NodeAddressError::id},
    {"toxasync:" + id.substr(1) + "g@127.0.0.1:1", NodeAddressError::id},
    {"toxasync: " + id + "@127.0.0.1:1", NodeAddressError::id},
    {"toxasync:" + id + "@", NodeAddressError::no_endpoint},
    {"toxasync:" + id + "@127.0.0.1:1,", NodeAddressError::no_endpoint},
    {"toxasync:" + id + "@,127.0.0.1:1", NodeAddressError::no_endpoint},
    {"toxasync:" + id + "@127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5",
     NodeAddressError::too_many},
    {"toxasync:" + id + "@::1:33445", NodeAddressError::brackets},
    {"toxasync:" + id + "@[::1:33445", NodeAddressError::brackets},
    {"toxasync:" + id + "@::1]:33445", NodeAddressError::brackets},
    {"toxasync:" + id + "@example.org:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@127.1:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@127.0.0.256:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@[127.0.0.1]:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@[fe80::1%1]:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@[::ffff:192.0.2.1]:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@ 127.0.0.1:33445", NodeAddressError::ip},
    {"toxasync:" + id + "@127.0.0.1", NodeAddressError::port},
    {"toxasync:" + id + "@127.0.0.1:", NodeAddressError::port},
    {"toxasync:" + id + "@127.0.0.1:0", NodeAddressError::port},
    {"toxasync:" + id + "@127.0.0.1:65536", NodeAddressError::port},
    {"toxasync:" + id + "@127.0.0.1:-1", NodeAddressError::port},
    {"toxasync:" + id + "@127.0.0.1:1x", NodeAddressError::port},
    {"toxasync:" + id + "@[::1]33445", NodeAddressError::port},
    {"toxasync:" + id + "@0.0.0.0:33445", NodeAddressError::unusable},
    {"toxasync:" + id + "@255.255.255.255:33445", NodeAddressError::unusable},
    {"toxasync:" + id + "@[ff02::1]:33445", NodeAddressError::unusable},
    {"toxasync:" + id + "@127.0.0.1:1,127.0.0.1:1", NodeAddressError::twice},
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_line_with_four_addresses_round_trips) {
  const std::string line =
      "toxasync:" + id + "@192.0.2.7:33445,[2001:db8::1]:1,10.0.0.1:65535,[fe80::1234]:33445";
  const auto node = parse_node_address(line);
  BOOST_REQUIRE(node.has_value());
  BOOST_TEST(to_hex(node->id) == id);
  BOOST_REQUIRE_EQUAL(node->endpoints.size(), 4);
  BOOST_TEST(node->endpoints[0].family == 4);
  BOOST_TEST(node->endpoints[0].ip[0] == 192);
  BOOST_TEST(node->endpoints[0].ip[3] == 7);
  BOOST_TEST(node->endpoints[0].ip[4] == 0);
  BOOST_TEST(node->endpoints[0].port == 33445);
  BOOST_TEST(node->endpoints[1].family == 6);
  BOOST_TEST(node->endpoints[1].ip[15] == 1);
  BOOST_TEST(format_node_address(*node) == line);
}

BOOST_AUTO_TEST_CASE(white_space_and_upper_case_digits_are_accepted) {
  const auto node = parse_node_address(" \ttoxasync:" + std::string(64, 'A') + "@127.0.0.1:1\r\n");
  BOOST_REQUIRE(node.has_value());
  BOOST_TEST(format_node_address(*node) == "toxasync:" + id + "@127.0.0.1:1");
}

BOOST_DATA_TEST_CASE(a_bad_line_is_refused_with_the_right_error, boost::unit_test::data::make(bad_lines),
                     bad) {
  const auto node = parse_node_address(bad.line);
  BOOST_REQUIRE(node.has_error());
  BOOST_TEST(describe(node.error()) == describe(bad.error));
}
