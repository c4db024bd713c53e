// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"

using namespace toxasync;
namespace fs = std::filesystem;

namespace {

std::string node_line(char digit, const std::string& address = "192.0.2.7:33445") {
  return "toxasync:" + std::string(64, digit) + "@" + address;
}

std::string five_nodes() {
  std::string text;
  for (const char digit : {'1', '2', '3', '4', '5'}) {
    text += "node = " + node_line(digit) + "\n";
  }
  return text;
}

struct BadFile {
  std::string text;
  std::string error;
};
std::ostream& operator<<(std::ostream& out, const BadFile& bad) {
  return out << bad.error;
}

const std::vector<BadFile> bad_files = {
    {"nodes = x", "f:1: nodes: unknown setting"},
    {"\n# comment\n  colour", "f:3: colour: unknown setting"},
    {"receipts", "f:1: receipts: missing '=' and value"},
    {"receipts = ", "f:1: receipts: must be one of: disk, node, friend"},
    {"receipts = disk\nreceipts = node\n", "f:2: receipts: duplicate setting"},
    {"log-level=loud", "f:1: log-level: must be one of: debug, info, warning, error"},
    {"transport = tcp", "f:1: transport: must be one of: auto, dispatcher, udp, courier"},
    {"udp-port = 65536", "f:1: udp-port: must be a number from 0 to 65535"},
    {"udp-port = 1x", "f:1: udp-port: must be a number from 0 to 65535"},
    {"local-addresses = true", "f:1: local-addresses: must be one of: yes, no"},
    {"storage-node = 1", "f:1: storage-node: must be one of: yes, no"},
    {"push = on", "f:1: push: must be one of: yes, no"},
    {"poll-interval-ms = 99", "f:1: poll-interval-ms: must be a number from 100 to 4294967295"},
    {"keep-days = 2", "f:1: keep-days: must be 1, 3, 7 or 14"},
    {"keep-days = 49711", "f:1: keep-days: must be 1, 3, 7 or 14"},
    {"\nnode = toxasync:12@192.0.2.7:1", "f:2: node: " + std::string(describe(NodeAddressError::id))},
    {"node = " + node_line('1') + "\nnode = " + node_line('1'),
     "f:2: node: this node is already listed: remove one of the two"},
    {five_nodes() + "node = " + node_line('6'), "f:6: node: at most 5 nodes are allowed"},
};

const Environment no_environment = [](const char* /*name*/) -> const char* { return nullptr; };

struct File {
  File() {
    std::string pattern = (fs::temp_directory_path() / "toxasync-settings-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    path = directory / "toxasync.conf";
  }
  ~File() { fs::remove_all(directory); }
  void write(const std::string& text) const { std::ofstream(path) << text; }

  fs::path directory;
  fs::path path;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(user_settings)

BOOST_DATA_TEST_CASE(an_error_names_file_line_and_setting, bad_files, bad) {
  const auto settings = parse_user_settings(bad.text, "f");
  BOOST_REQUIRE(!settings);
  BOOST_TEST(settings.error().text == bad.error);
}

BOOST_AUTO_TEST_CASE(every_setting_is_read) {
  const auto settings =
      parse_user_settings("# mine\r\n\n" + five_nodes() +
                              "receipts = friend\n log-level =debug\ntransport= udp\n"
                              "udp-port = 33446\nlocal-addresses = yes\nstorage-node = no\n"
                              "poll-interval-ms = 1000\npush = no\noffline-requests = no\nkeep-days = 3",
                          "f");
  BOOST_REQUIRE(settings);
  BOOST_TEST(settings->nodes.size() == 5U);
  BOOST_TEST(format_node_address(settings->nodes[1]) == node_line('2'));
  BOOST_TEST((settings->receipts == UserSettings::Receipts::recipient));
  BOOST_TEST((settings->log_level == LogLevel::debug));
  BOOST_TEST((settings->transport == UserSettings::TransportChoice::udp));
  BOOST_TEST(settings->udp_port == 33446);
  BOOST_TEST(settings->local_addresses);
  BOOST_TEST(!settings->storage_node);
  BOOST_TEST((settings->poll_interval == 1s));
  BOOST_TEST(!settings->push);
  BOOST_TEST(!settings->offline_requests);
  BOOST_TEST((settings->time_to_live == days(3)));
}

BOOST_FIXTURE_TEST_CASE(defaults_apply_without_a_file, File) {
  const auto settings = load_user_settings(path, no_environment);
  BOOST_REQUIRE(settings);
  BOOST_TEST(settings->nodes.empty());
  BOOST_TEST((settings->receipts == UserSettings::Receipts::disk));
  BOOST_TEST((settings->time_to_live == days(14)));
  BOOST_TEST(settings->push);
  BOOST_TEST(settings->offline_requests);
  BOOST_TEST(load_user_settings({}, no_environment).has_value());
}

BOOST_FIXTURE_TEST_CASE(the_environment_overrides_the_file, File) {
  write(five_nodes() + "receipts = friend\n");
  std::map<std::string, std::string> variables = {
      {"TOX_ASYNC_NODES", " " + node_line('7') + " " + node_line('8')}, {"TOX_ASYNC_RECEIPTS", "node"}};
  const Environment environment = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  const auto settings = load_user_settings(path, environment);
  BOOST_REQUIRE(settings);
  BOOST_REQUIRE(settings->nodes.size() == 2U);
  BOOST_TEST(format_node_address(settings->nodes[1]) == node_line('8'));
  BOOST_TEST((settings->receipts == UserSettings::Receipts::node));

  variables["TOX_ASYNC_RECEIPTS"] = "never";
  const auto faulty = load_user_settings(path, environment);
  BOOST_REQUIRE(!faulty);
  BOOST_TEST(faulty.error().text == "TOX_ASYNC_RECEIPTS: must be one of: disk, node, friend");
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_read_is_an_error, File) {
  fs::create_directory(path);
  BOOST_TEST(!load_user_settings(path, no_environment));
  fs::remove(path);
  write(std::string(70000, '#'));
  BOOST_TEST(load_user_settings(path, no_environment).error().text ==
             path.string() + ": too long: at most 65536 bytes are allowed");
}

BOOST_AUTO_TEST_CASE(adding_a_node_keeps_the_rest_of_the_file) {
  const auto node = *parse_node_address(node_line('1'));
  BOOST_TEST(*with_node("", "f", node) == "node = " + node_line('1') + "\n");
  BOOST_TEST(*with_node("# mine\nreceipts = node", "f", node) ==
             "# mine\nreceipts = node\nnode = " + node_line('1') + "\n");
}

BOOST_AUTO_TEST_CASE(adding_a_known_node_replaces_its_addresses) {
  const auto node = *parse_node_address(node_line('2', "[2001:db8::1]:5"));
  const auto text = with_node(five_nodes(), "f", node);
  BOOST_REQUIRE(text);
  const auto settings = parse_user_settings(*text, "f");
  BOOST_TEST(settings->nodes.size() == 5U);
  BOOST_TEST(format_node_address(settings->nodes[1]) == node_line('2', "[2001:db8::1]:5"));
}

BOOST_AUTO_TEST_CASE(no_node_is_added_to_a_full_or_invalid_file) {
  const auto node = *parse_node_address(node_line('6'));
  BOOST_TEST(with_node(five_nodes(), "f", node).error().text ==
             "f: there are already 5 nodes, the maximum: remove one first");
  BOOST_TEST(with_node("x = 1\n", "f", node).error().text == "f:1: x: unknown setting");
}

BOOST_AUTO_TEST_CASE(the_environment_determines_the_settings_file) {
  setenv("HOME", "/home/me", 1);
  unsetenv("TOX_ASYNC_CONFIG");
  setenv("XDG_CONFIG_HOME", "relative", 1);  // to be ignored
  BOOST_TEST(user_settings_file() == "/home/me/.config/toxasync/toxasync.conf");
  setenv("XDG_CONFIG_HOME", "/etc/me", 1);
  BOOST_TEST(user_settings_file() == "/etc/me/toxasync/toxasync.conf");
  setenv("TOX_ASYNC_CONFIG", "/tmp/other.conf", 1);
  BOOST_TEST(user_settings_file() == "/tmp/other.conf");
  unsetenv("TOX_ASYNC_CONFIG");
  unsetenv("XDG_STATE_HOME");
  BOOST_TEST(user_state_directory() == "/home/me/.local/state/toxasync");
}

BOOST_AUTO_TEST_SUITE_END()
