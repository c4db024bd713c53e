// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_api.hpp"

#include <dlfcn.h>

#include <optional>

namespace toxasync::store {

namespace {

constexpr const char* library = "libsqlite3.so.0";

// The library also calls its own functions by name, and must find its own ones first. Sanitizers do not allow
// this flag, but then the program is one of our own tests.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int mode = RTLD_NOW | RTLD_LOCAL;
#else
constexpr int mode = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
#endif

std::optional<SqliteApi> load() noexcept {
  void* const handle = dlopen(library, mode);  // Never closed.
  if (handle == nullptr) {
    return std::nullopt;
  }
  SqliteApi api;
  bool complete = true;
#define TOXASYNC_LOAD(name)                                                         \
  api.name = reinterpret_cast<decltype(api.name)>(dlsym(handle, "sqlite3_" #name)); \
  complete = complete && api.name != nullptr;
  TOXASYNC_SQLITE(TOXASYNC_LOAD)
#undef TOXASYNC_LOAD
  return complete ? std::optional(api) : std::nullopt;
}

}  // namespace

const SqliteApi* sqlite_api() noexcept {
  static const std::optional<SqliteApi> api = load();
  return api ? &*api : nullptr;
}

}  // namespace toxasync::store
