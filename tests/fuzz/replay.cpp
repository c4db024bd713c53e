// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "crypto/symmetric.hpp"
#include "target.hpp"

// Runs inputs through a fuzz target, without libFuzzer:
//
//     replay_LAYER TARGET FILE_OR_FOLDER...
//
// A folder stands for all files in it. Something is wrong if the program does not end with 0.

namespace toxasync::fuzz {
namespace {

std::map<std::string, Run>& targets() {
  static std::map<std::string, Run> all;
  return all;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) {
    return {path};
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int replay(Run run, int count, char** paths) {
  std::size_t inputs = 0;
  for (int i = 0; i < count; ++i) {
    for (const auto& file : files_of(paths[i])) {
      std::ifstream in(file, std::ios::binary);
      if (!in) {
        std::fprintf(stderr, "replay: cannot read %s\n", file.c_str());
        return 2;
      }
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      std::fprintf(stderr, "%s\n",
                   file.c_str());  // before it is run: the last one named is the one that failed
      run(as_bytes(text));
      ++inputs;
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0 ? 2 : 0;  // an empty corpus tests nothing
}

}  // namespace

Registered::Registered(const char* name, Run run) {
  targets().emplace(name, run);
}

}  // namespace toxasync::fuzz

int main(int count, char** arguments) {
  using toxasync::fuzz::targets;
  const auto target = count > 1 ? targets().find(arguments[1]) : targets().end();
  if (count < 3 || target == targets().end() || !toxasync::crypto::initialise()) {
    std::fprintf(stderr, "usage: replay_LAYER TARGET FILE_OR_FOLDER...\ntargets:");
    for (const auto& [name, run] : targets()) {
      std::fprintf(stderr, " %s", name.c_str());
    }
    std::fprintf(stderr, "\n");
    return 2;
  }
  return toxasync::fuzz::replay(target->second, count - 2, arguments + 2);
}
