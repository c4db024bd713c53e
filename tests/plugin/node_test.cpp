// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/stat.h>
#include <tox/tox.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tox_async.h"

// The storage node that a client is on a core with packet dispatcher access. The core's part is played here.

namespace fs = std::filesystem;

namespace {

using Packet = std::vector<std::uint8_t>;

struct Addr {
  std::uint8_t data[19];
  std::uint8_t length;
};
struct Handler {
  Tox* tox;
  void (*callback)(Tox*, const Addr*, const std::uint8_t*, std::uint16_t, const std::uint8_t*, std::uint16_t,
                   void*);
  void* user_data;
};

/// Of each of the packet kinds that the core lends to others.
constexpr std::uint8_t first_lent = 0xa0;
constexpr std::uint8_t last_lent = 0xaf;
std::array<Handler, 16> handlers{};
struct Sent {
  Packet to;
  Packet packet;
};
std::vector<Sent> sent;

bool is_lent(std::uint8_t kind) {
  return kind >= first_lent && kind <= last_lent;
}
Handler& handler_of(std::uint8_t kind) {
  return handlers.at(static_cast<std::size_t>(kind - first_lent));
}
/// The kinds that somebody handles.
std::vector<int> kinds_handled() {
  std::vector<int> kinds;
  for (int kind = first_lent; kind <= last_lent; ++kind) {
    if (handler_of(static_cast<std::uint8_t>(kind)).callback != nullptr) {
      kinds.push_back(kind);
    }
  }
  return kinds;
}
const std::vector<int> kinds_of_toxasync = {0xa0, 0xa1, 0xa2, 0xa3};  // docs/protocol.md, section 12

}  // namespace

// tox_net.h of patches/, as strict as it is there, without a network. The library's references are weak: they
// find these.
extern "C" {
[[gnu::visibility("default")]] bool tox_net_register(Tox* tox, std::uint8_t first, std::uint8_t last,
                                                     const void* handler) {
  const Handler wanted = handler != nullptr ? *static_cast<const Handler*>(handler) : Handler{};
  if (first > last || !is_lent(first) || !is_lent(last) ||
      (handler != nullptr && (wanted.tox != tox || wanted.callback == nullptr))) {
    return false;
  }
  Handler* const begin = &handler_of(first);
  Handler* const end = &handler_of(last) + 1;
  const bool taken = std::any_of(begin, end, [&](const Handler& old) {
    return old.callback != nullptr && (old.callback != wanted.callback || old.user_data != wanted.user_data);
  });
  if (handler != nullptr && taken) {
    return false;
  }
  std::fill(begin, end, wanted);
  return true;
}
[[gnu::visibility("default")]] bool tox_net_send(Tox* tox, const Addr* addr, const std::uint8_t* /*sendback*/,
                                                 std::uint16_t sendback_length, const std::uint8_t* packet,
                                                 std::uint16_t length) {
  const bool is_address =
      (addr->length == 7 && addr->data[0] == 2) || (addr->length == 19 && addr->data[0] == 10);
  if (tox == nullptr || !is_address || sendback_length != 0 || length == 0 || !is_lent(packet[0])) {
    return false;
  }
  sent.push_back({{addr->data, addr->data + addr->length}, {packet, packet + length}});
  return true;
}
[[gnu::visibility("default")]] std::uint16_t tox_net_close_nodes(const Tox* /*tox*/,
                                                                 const std::uint8_t* /*public_key*/,
                                                                 void* /*nodes*/) {
  return 0;
}
}

namespace {

struct Deleter {
  void operator()(Tox* tox) const { tox_kill(tox); }
  void operator()(Tox_Async* async) const { tox_async_kill(async); }
  void operator()(Tox_Async_Options* options) const { tox_async_options_free(options); }
};

struct Fixture {
  Fixture() {
    unsetenv("TOX_ASYNC");
    unsetenv("TOX_ASYNC_NODE");
    std::string pattern = (fs::temp_directory_path() / "toxasync-node-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    struct Tox_Options* const tox_options = tox_options_new(nullptr);
    tox_options_set_local_discovery_enabled(tox_options, false);
    tox.reset(tox_new(tox_options, nullptr));
    tox_options_free(tox_options);
    BOOST_REQUIRE(tox != nullptr);
    tox_async_options_set_enabled(options.get(), true);
    tox_async_options_set_state_path(options.get(), (directory / "state.db").c_str());
    tox_async_options_set_log_callback(
        options.get(),
        [](Tox_Async_Log_Level level, const char* area, const char* message, void* self) {
          static_cast<Fixture*>(self)->log +=
              std::string(tox_async_log_level_to_string(level)) + ' ' + area + ": " + message + '\n';
        },
        TOX_ASYNC_LOG_LEVEL_INFO, this);
    sent.clear();
    handlers = {};
  }
  ~Fixture() {
    async.reset();
    tox.reset();
    fs::remove_all(directory);
  }

  void start() {
    async.reset();
    async.reset(tox_async_new(tox.get(), options.get(), nullptr));
    BOOST_REQUIRE(async != nullptr);
  }
  Packet node_id() {
    Packet id(TOX_ASYNC_NODE_ID_SIZE);
    return tox_async_get_node_id(async.get(), id.data()) ? id : Packet{};
  }
  std::vector<fs::path> node_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (entry.path().filename().string().find(".node.") != std::string::npos) {
        files.push_back(entry.path());
      }
    }
    return files;
  }
  const Packet stranger = {2, 9, 9, 9, 9, 1, 2};
  /// A first packet of somebody, by the core.
  void receive_first_packet() {
    Packet packet(1372, 0x55);
    packet[0] = 0xa2;
    packet[1] = 1;
    Addr from{{}, 7};
    std::copy(stranger.begin(), stranger.end(), from.data);
    const Handler& handler = handler_of(packet[0]);
    BOOST_REQUIRE(handler.callback != nullptr);
    handler.callback(tox.get(), &from, nullptr, 0, packet.data(), static_cast<std::uint16_t>(packet.size()),
                     handler.user_data);
    tox_async_iterate(async.get(), nullptr);
  }

  fs::path directory;
  std::string log;
  std::unique_ptr<Tox, Deleter> tox;
  std::unique_ptr<Tox_Async_Options, Deleter> options{tox_async_options_new(nullptr)};
  std::unique_ptr<Tox_Async, Deleter> async;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plugin_node, Fixture)

BOOST_AUTO_TEST_CASE(a_client_with_the_dispatcher_serves_strangers) {
  BOOST_TEST(tox_async_options_get_node_enabled(options.get()));
  start();
  BOOST_TEST(tox_async_get_transport(async.get()) == TOX_ASYNC_TRANSPORT_DISPATCHER);
  const Packet id = node_id();
  BOOST_REQUIRE(id.size() == TOX_ASYNC_NODE_ID_SIZE);
  BOOST_TEST(tox_async_get_node_id(async.get(), nullptr));
  receive_first_packet();
  BOOST_REQUIRE(sent.size() == 1U);
  BOOST_TEST(sent[0].to == stranger);
  const Packet& reply = sent[0].packet;
  constexpr std::size_t header = 74;
  BOOST_REQUIRE(reply.size() == header + 155);  // a descriptor without addresses
  BOOST_TEST(reply[0] == 0xa3);
  BOOST_TEST(Packet(reply.begin() + header + 1, reply.begin() + header + 33) == id);
}

BOOST_AUTO_TEST_CASE(it_takes_its_packet_kinds_and_gives_them_back) {
  start();
  BOOST_TEST(kinds_handled() == kinds_of_toxasync);
  async.reset();
  BOOST_TEST(kinds_handled().empty());
}

BOOST_AUTO_TEST_CASE(packet_kinds_of_another_module_are_left_to_it) {
  int other = 0;
  const Handler theirs{
      tox.get(),
      [](Tox*, const Addr*, const std::uint8_t*, std::uint16_t, const std::uint8_t*, std::uint16_t, void*) {},
      &other};
  BOOST_REQUIRE(tox_net_register(tox.get(), 0xa3, 0xa4, &theirs));
  Tox_Err_Async_New error = TOX_ERR_ASYNC_NEW_OK;
  async.reset(tox_async_new(tox.get(), options.get(), &error));
  BOOST_TEST((async == nullptr));
  BOOST_TEST(error == TOX_ERR_ASYNC_NEW_TRANSPORT);
  BOOST_TEST(log.find("another module already handles the packets") != std::string::npos);
  BOOST_TEST((kinds_handled() == std::vector<int>{0xa3, 0xa4}));
}

BOOST_AUTO_TEST_CASE(its_capacity_is_between_1_mib_and_1_gib) {
  start();
  const std::uint64_t capacity = tox_async_get_node_capacity(async.get());
  BOOST_TEST(capacity >= std::uint64_t{1} << 20);
  BOOST_TEST(capacity <= std::uint64_t{1} << 30);
  const auto free_bytes = fs::space(directory).available;
  BOOST_TEST(capacity <= std::max<std::uint64_t>(free_bytes / 50, 1 << 20));
  BOOST_TEST(tox_async_get_node_messages(async.get()) == 0U);
  BOOST_TEST(tox_async_get_node_bytes(async.get()) == 0U);
}

BOOST_AUTO_TEST_CASE(a_restart_keeps_the_node_and_its_anonymous_files) {
  start();
  const Packet id = node_id();
  std::uint8_t key[TOX_PUBLIC_KEY_SIZE];
  tox_self_get_public_key(tox.get(), key);
  async.reset();
  const auto files = node_files();
  BOOST_REQUIRE(files.size() == 2U);
  std::set<std::string> endings;
  for (const auto& file : files) {
    const std::string name = file.filename().string();
    endings.insert(name.substr(32));
    struct stat status {};
    BOOST_REQUIRE(::stat(file.c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777U) == 0600U);
    std::ifstream in(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    BOOST_TEST(content.find(std::string(reinterpret_cast<const char*>(key), sizeof(key))) ==
               std::string::npos);
  }
  BOOST_TEST((endings == std::set<std::string>{".node.db", ".node.key"}));
  start();
  BOOST_TEST(node_id() == id);
}

BOOST_AUTO_TEST_CASE(option_and_environment_disable_it) {
  tox_async_options_set_node_enabled(options.get(), false);
  start();
  BOOST_TEST(node_id().empty());
  BOOST_TEST(tox_async_get_node_capacity(async.get()) == 0U);
  receive_first_packet();
  BOOST_TEST(sent.empty());
  tox_async_options_set_node_enabled(options.get(), true);
  setenv("TOX_ASYNC_NODE", "0", 1);
  start();
  BOOST_TEST(node_id().empty());
  BOOST_TEST(node_files().empty());
  setenv("TOX_ASYNC_NODE", "1", 1);
  start();
  BOOST_TEST(!node_id().empty());
  unsetenv("TOX_ASYNC_NODE");
}

BOOST_AUTO_TEST_CASE(without_the_dispatcher_it_is_no_node) {
  tox_async_options_set_transport(options.get(), TOX_ASYNC_TRANSPORT_UDP);
  start();
  BOOST_TEST(node_id().empty());
  BOOST_TEST(node_files().empty());
}

BOOST_AUTO_TEST_CASE(unusable_node_files_cause_only_a_warning) {
  start();
  async.reset();
  for (const auto& file : node_files()) {
    fs::resize_file(file, 10);
  }
  start();
  BOOST_TEST(node_id().empty());
  BOOST_TEST(log.find("warning node: this client is not a storage node") != std::string::npos);
  for (const auto& file : node_files()) {
    if (file.extension() == ".db") {
      fs::remove(file);
    }
  }
  log.clear();
  start();  // the store is new, the key is damaged still, and all that is left of an identity
  BOOST_TEST(node_id().empty());
  BOOST_TEST(log.find("warning node:") != std::string::npos);
  tox_async_iterate(async.get(), nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
