// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "tox_async.h"

namespace toxasync::test {

namespace fs = std::filesystem;

using ToxPointer = std::unique_ptr<Tox, decltype(&tox_kill)>;
using AsyncPointer = std::unique_ptr<Tox_Async, decltype(&tox_async_kill)>;
using OptionsPointer = std::unique_ptr<Tox_Async_Options, decltype(&tox_async_options_free)>;

inline ToxPointer make_tox() {
  struct Tox_Options* const options = tox_options_new(nullptr);
  tox_options_set_udp_enabled(options, false);
  tox_options_set_local_discovery_enabled(options, false);
  ToxPointer tox(tox_new(options, nullptr), tox_kill);
  tox_options_free(options);
  BOOST_REQUIRE(tox != nullptr);
  return tox;
}

/// A Tox instance without a network, options for a Tox_Async beside it, and a place for its state.
struct PluginFixture {
  PluginFixture() {
    unsetenv("TOX_ASYNC");
    std::string pattern = (fs::temp_directory_path() / "toxasync-api-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    tox_async_options_set_enabled(options.get(), true);
    tox_async_options_set_transport(options.get(), TOX_ASYNC_TRANSPORT_UDP);
    tox_async_options_set_state_path(options.get(), (directory / "state.db").c_str());
    tox_async_options_set_log_callback(
        options.get(),
        [](Tox_Async_Log_Level /*level*/, const char* area, const char* message, void* self) {
          static_cast<PluginFixture*>(self)->log += std::string(area) + ": " + message + "\n";
        },
        TOX_ASYNC_LOG_LEVEL_INFO, this);
  }
  ~PluginFixture() { fs::remove_all(directory); }

  AsyncPointer make(Tox* on) {
    AsyncPointer async(tox_async_new(on, options.get(), &failed), tox_async_kill);
    BOOST_TEST((async != nullptr) == (failed == TOX_ERR_ASYNC_NEW_OK));
    return async;
  }

  fs::path directory;
  std::string log;
  ToxPointer tox = make_tox();
  OptionsPointer options{tox_async_options_new(nullptr), tox_async_options_free};
  Tox_Err_Async_New failed = TOX_ERR_ASYNC_NEW_NULL;
};

}  // namespace toxasync::test
