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
    std::fprintf(stderr,
                 "toxasync: this program's libtoxcore lacks the function %s, which toxasync needs: start the "
                 "program without `toxasync run`, or use another libtoxcore version\n",
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

/// The addresses of the library that contains `inside`.
struct LibraryRange {
  std::uintptr_t inside = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
    return address >= begin && address < end;
  }
};

int check_library(dl_phdr_info* library, std::size_t /*size*/, void* range_of_host) {
  auto& range = *static_cast<LibraryRange*>(range_of_host);
  LibraryRange found{range.inside, UINTPTR_MAX, 0};
  for (std::size_t i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD) {
      const std::uintptr_t begin = library->dlpi_addr + segment.p_vaddr;
      found.begin = std::min(found.begin, begin);
      found.end = std::max(found.end, begin + segment.p_memsz);
    }
  }
  if (!found.contains(range.inside)) {
    return 0;
  }
  range = found;
  return 1;  // Stop.
}

LibraryRange find_host_range() noexcept {
  LibraryRange range{reinterpret_cast<std::uintptr_t>(host().tox_new), 0, 0};
  dl_iterate_phdr(check_library, &range);
  return range;
}

}  // namespace

const Host& host() noexcept {
  static const Host table = look_up();
  return table;
}

bool is_host_code(const void* address) noexcept {
  static const LibraryRange range = find_host_range();
  return range.contains(reinterpret_cast<std::uintptr_t>(address));
}

}  // namespace toxasync::preload
