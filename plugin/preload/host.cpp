// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/host.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace toxasync::preload {

namespace {

void* find(const char* name) noexcept {
  void* const function = dlsym(RTLD_NEXT, name);
  if (function == nullptr) {
    std::fprintf(stderr, "toxasync: this program's libtoxcore has no %s: it can't be used with toxasync\n",
                 name);
    std::abort();
  }
  return function;
}

Host look_up() noexcept {
  Host table;
#define TOXASYNC_FIND(name) table.name = reinterpret_cast<decltype(&::name)>(find(#name));
  TOXASYNC_HOOKS(TOXASYNC_FIND)
#undef TOXASYNC_FIND
  return table;
}

}  // namespace

const Host& host() noexcept {
  static const Host table = look_up();
  return table;
}

}  // namespace toxasync::preload
