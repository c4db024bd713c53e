// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "config/configuration.hpp"

using namespace toxasync;
using namespace toxasync::daemon;
namespace fs = std::filesystem;

namespace {

/// A configuration file in the test's own directory.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) { write(text); }
  ~ConfigFile() { fs::remove(path_); }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = "daemon_configuration_test.conf";
};

Configuration read(const ConfigFile& file, WrittenValues on_command_line = {}) {
  return {std::move(on_command_line), file.path()};
}

WrittenValues command_line(std::string_view name, std::vector<std::string> values) {
  WrittenValues written;
  for (auto& value : values) {
    written[name].push_back({std::move(value), Configuration::command_line});
  }
  return written;
}

struct Bad {
  std::string line;
  std::string error;  ///< After "FILE:3: ".
};
std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.line.substr(0, 60);
}

const std::vector<Bad> bad_lines = {
    {"nonsense = 1", "unknown setting `nonsense`"},
    {"[section]", "unknown setting `[section]`"},
    {"Udp-Port = 1", "unknown setting `Udp-Port`"},
    {"config = other.conf", "unknown setting `config`"},
    {"udp-port", "`udp-port` has no value: write `udp-port = N`"},
    {"udp-port: 7", "`udp-port` has no value: write `udp-port = N`"},
    {"udp-port =", "udp-port = : empty value: remove the setting to use its default"},
    {"udp-port = 65536", "udp-port = 65536: must be a number from 0 to 65535"},
    {"udp-port = -1", "udp-port = -1: must be a number from 0 to 65535"},
    {"udp-port = 12 # here", "udp-port = 12 # here: must be a number from 0 to 65535"},
    {"couriers = 4097", "couriers = 4097: must be a number from 0 to 4096"},
    {"key-agreements-burst = 1", "key-agreements-burst = 1: must be a number from 2 to 1000000"},
    {"key-agreements-per-minute = 0", "key-agreements-per-minute = 0: must be a number from 1 to 1000000"},
    {"capacity = 1023K",
     "capacity = 1023K: must be from 1M to 1T: a number of bytes, optionally followed by K, M, G or T"},
    {"capacity = 99999999999999999999G",
     "capacity = 99999999999999999999G: must be from 1M to 1T: a number of bytes, optionally followed by "
     "K, M, G or T"},
    {"bind = localhost", "bind = localhost: must be a numeric IP address of this machine"},
    {"status-address = here", "status-address = here: must be a numeric IP address of this machine"},
    {"status-host = a:80", "status-host = a:80: must be a host name, without a port"},
    {"log-level = loud", "log-level = loud: must be one of: debug, info, warning, error"},
    {"bootstrap = host", "bootstrap = host: must be HOST:PORT:KEY"},
    {"bootstrap = host:1:12", "bootstrap = host:1:12: the key must be 64 hexadecimal digits"},
    {"data-dir = a\x01z",
     "data-dir = a\x01z: must not begin or end with a space or contain control characters"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(configuration)

BOOST_AUTO_TEST_CASE(every_setting_has_a_default) {
  const ConfigFile empty("");
  const Configuration all = read(empty);
  BOOST_TEST(all.errors().empty());
  const Options& options = all.options();
  BOOST_TEST(options.data_directory == "/var/lib/toxasync");
  BOOST_TEST(options.tox_port == 33445);
  BOOST_TEST(options.udp_port == 33500);
  BOOST_TEST(options.tcp_port == 0);
  BOOST_TEST(options.capacity_bytes == 1ULL << 30);
  BOOST_TEST(options.couriers == 256U);
  BOOST_TEST(options.key_agreements_per_minute == 16U);
  BOOST_TEST(options.key_agreements_burst == 128U);
  BOOST_TEST(options.status_port == 33501);
  BOOST_TEST(options.status_address.is_loopback());
  BOOST_CHECK(options.log_level == LogLevel::info);
  BOOST_TEST(!options.bind);
  BOOST_TEST(options.addresses.empty());
}

BOOST_AUTO_TEST_CASE(command_line_overrides_the_file) {
  const ConfigFile file(
      "# mine\n\n  udp-port = 1000 \r\ntox-port=2000\naddress = 192.0.2.1\naddress = ::1\n");
  const Configuration all = read(file, command_line("udp-port", {"3000"}));
  BOOST_TEST(all.errors().empty());
  BOOST_TEST(all.options().udp_port == 3000);
  BOOST_TEST(all.options().tox_port == 2000);
  BOOST_TEST(all.options().addresses.size() == 2U);
  const Configuration other = read(file, command_line("address", {"192.0.2.9"}));
  BOOST_TEST(other.options().addresses.size() == 1U);
}

BOOST_DATA_TEST_CASE(an_error_names_file_and_line, bad_lines, bad) {
  const ConfigFile file("# one\n\n" + bad.line + "\n");
  const Configuration all = read(file);
  BOOST_REQUIRE(all.errors().size() == 1U);
  BOOST_TEST(all.errors().front() == file.path() + ":3: " + bad.error);
}

BOOST_AUTO_TEST_CASE(all_errors_are_reported) {
  const ConfigFile file("udp-port = x\nwhat = 1\ncapacity = 1\nudp-port = 2\n");
  const Configuration all = read(file, command_line("bind", {"x"}));
  BOOST_TEST(all.errors().size() == 5U);
  BOOST_TEST(all.errors()[1] == file.path() + ":4: `udp-port` is already set in " + file.path() + ":1");
}

const std::vector<std::string> urls_with_a_password = {
    "postgresql://u:sesame@db/d",
    "postgresql://u:sesame@db:port:port/d",
    "postgresql://u@db/d?password=sesame",
    "postgresql://u@db/d?sslkey=k&sslpassword=sesame",
    "host=db password=sesame",
    "host=db sslpassword=sesame",
    "host=db password='sesame",
    "host=db\x01password=sesame",
};

BOOST_DATA_TEST_CASE(a_password_is_refused_and_not_repeated, urls_with_a_password, url) {
  const auto check = [](const Configuration& all) {
    BOOST_REQUIRE(all.errors().size() == 1U);
    BOOST_TEST(all.errors().front().find("sesame") == std::string::npos);
    BOOST_TEST(all.print().find("sesame") == std::string::npos);
  };
  const ConfigFile file("store = " + url + "\n");
  check(read(file));
  BOOST_TEST(read(file).errors().front().starts_with(file.path() + ":1: store: must "));
  for (const char* const wrong : {"store ", "store: ", "stor = ", "stor "}) {
    file.write(wrong + url + "\n");
    check(read(file));
  }
  file.write("");
  check(read(file, command_line("store", {url})));
  BOOST_TEST(read(file, command_line("store", {url})).errors().front().starts_with("--store: must "));
}

BOOST_AUTO_TEST_CASE(conflicting_settings_are_an_error) {
  const ConfigFile same("udp-port = 5\ntox-port = 5\n");
  BOOST_TEST(read(same).errors().size() == 1U);
  same.write("udp-port = 0\ntox-port = 0\n");
  BOOST_TEST(read(same).errors().size() == 1U);
  same.write("tcp-port = 5\ntox-port = 0\n");
  BOOST_TEST(read(same).errors().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_named_file_must_exist) {
  const Configuration all({}, "nowhere/toxasyncd.conf");
  BOOST_REQUIRE(all.errors().size() == 1U);
  BOOST_TEST(all.errors().front().starts_with("nowhere/toxasyncd.conf: cannot read: No such file"));
  const ConfigFile long_file(std::string(65537, '#'));
  BOOST_TEST(read(long_file).errors().size() == 1U);
}

BOOST_AUTO_TEST_CASE(printed_configuration_can_be_read_back) {
  const std::string node = "toxasync:" + std::string(64, '1') + "@192.0.2.7:1";
  const ConfigFile file("udp-port = 1000\npeer = " + node + "\nstatus-host = Node.Example\n");
  const Configuration all = read(file, command_line("address", {"192.0.2.1", "192.0.2.2:7"}));
  BOOST_TEST(all.errors().empty());
  const std::string printed = all.print();
  BOOST_TEST(printed.find("# " + file.path() + ":1\nudp-port = 1000\n") != std::string::npos);
  BOOST_TEST(printed.find("# command line\naddress = 192.0.2.2:7\n") != std::string::npos);
  BOOST_TEST(printed.find("# default\ncapacity = 1G\n") != std::string::npos);
  BOOST_TEST(printed.find("# not set\n# bind = ADDR\n") != std::string::npos);
  file.write(printed);
  const Configuration again = read(file);
  BOOST_TEST(again.errors().empty());
  BOOST_TEST(again.differences(all).empty());
  BOOST_TEST(again.options().addresses.size() == 2U);
  BOOST_TEST(again.options().status_hosts.front() == "Node.Example");
}

BOOST_AUTO_TEST_CASE(changed_settings_are_listed_after_a_reread) {
  const ConfigFile file("udp-port = 1000\nlog-level = info\n");
  const Configuration before = read(file, command_line("tox-port", {"7"}));
  file.write("udp-port = 1001\ntox-port = 8\nlog-level = debug\n");
  const Configuration after = before.reread();
  const auto changed = after.differences(before);
  BOOST_REQUIRE(changed.size() == 2U);
  BOOST_TEST(changed[0]->name == "udp-port");
  BOOST_TEST(!changed[0]->reloads);
  BOOST_TEST(changed[1]->name == "log-level");
  BOOST_TEST(changed[1]->reloads);
}

BOOST_AUTO_TEST_SUITE_END()
