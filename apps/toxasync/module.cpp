// SPDX-License-Identifier: GPL-3.0-or-later
#include "module.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace toxasync::tool {

namespace fs = std::filesystem;

namespace {

constexpr const char* file_name = "libtoxasync-preload.so";
constexpr std::string_view toxcore = "libtoxcore.so.";

}  // namespace

fs::path find_module() {
  const char* const named = std::getenv("TOX_ASYNC_MODULE");
  if (named != nullptr && *named != '\0') {
    return fs::exists(named) ? fs::absolute(named) : fs::path{};
  }
  std::error_code failed;
  const fs::path own = fs::read_symlink("/proc/self/exe", failed).parent_path();
  const std::array<fs::path, 2> places = {own / TOXASYNC_MODULE_FROM_BIN, own / ".." / "lib"};
  for (const fs::path& place : places) {
    fs::path module = (place / file_name).lexically_normal();
    if (fs::exists(module, failed)) {
      return module;
    }
  }
  return {};
}

std::string load_error(const fs::path& library) {
  void* const handle = dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const error = dlerror();
    return error != nullptr ? error : "unknown error";
  }
  return {};  // Not closed: the program ends soon.
}

fs::path find_program(const std::string& name) {
  const auto runs = [](const fs::path& file) {
    return fs::is_regular_file(file) && access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    return runs(name) ? fs::path(name) : fs::path{};
  }
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "");
  for (std::string directory; std::getline(directories, directory, ':');) {
    fs::path file = fs::path(directory.empty() ? "." : directory) / name;
    if (runs(file)) {
      return file;
    }
  }
  return {};
}

bool links_libtoxcore(const fs::path& program) {
  std::ifstream in(program, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(in), {}};
  return content.find(toxcore) != std::string::npos;
}

}  // namespace toxasync::tool
