// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/host.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace toxasync::preload {

namespace {

void* find(const char* name) noexcept {
  void* const function = dlsym(RTLD_NEXT, name);
  if (function == nullptr) {
    std::fprintf(
        stderr,
        "toxasync: the libtoxcore of this program has no function %s: it cannot be used with toxasync\n",
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

/// Where the library that has `inside` lies in memory.
struct Place {
  std::uintptr_t inside = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
    return address >= begin && address < end;
  }
};

int look_at_library(dl_phdr_info* library, std::size_t /*size*/, void* place_of_host) {
  auto& place = *static_cast<Place*>(place_of_host);
  Place found{place.inside, UINTPTR_MAX, 0};
  for (std::size_t i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD) {
      const std::uintptr_t begin = library->dlpi_addr + segment.p_vaddr;
      found.begin = std::min(found.begin, begin);
      found.end = std::max(found.end, begin + segment.p_memsz);
    }
  }
  if (!found.contains(place.inside)) {
    return 0;
  }
  place = found;
  return 1;  // It need not look at others.
}

Place place_of_host() noexcept {
  Place place{reinterpret_cast<std::uintptr_t>(host().tox_new), 0, 0};
  dl_iterate_phdr(look_at_library, &place);
  return place;
}

}  // namespace

const Host& host() noexcept {
  static const Host table = look_up();
  return table;
}

bool is_host_code(const void* address) noexcept {
  static const Place place = place_of_host();
  return place.contains(reinterpret_cast<std::uintptr_t>(address));
}

}  // namespace toxasync::preload
