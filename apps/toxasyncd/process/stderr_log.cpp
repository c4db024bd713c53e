// SPDX-License-Identifier: GPL-3.0-or-later
#include "process/stderr_log.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <exception>

namespace toxasync::daemon {

namespace {

struct LevelName {
  std::string_view word;
  std::string_view journal;  // sd-daemon(3)
};

constexpr std::array<LevelName, 4> level_names = {
    {{"debug ", "<7>"}, {"info ", "<6>"}, {"warning ", "<4>"}, {"error ", "<3>"}}};

}  // namespace

StderrLog::StderrLog(LogLevel least)
    : least_(least), for_journal_(std::getenv("JOURNAL_STREAM") != nullptr) {}

void StderrLog::write(LogLevel level, std::string_view area, std::string_view message) noexcept {
  if (!enabled(level)) {
    return;
  }
  try {
    const LevelName& name = level_names.at(static_cast<std::size_t>(level));
    std::string line(for_journal_ ? name.journal : name.word);
    line.append(area).append(": ").append(message);
    for (char& c : line) {
      c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    line += '\n';
    // Errors are ignored: the node works without its log.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (const std::exception&) {  // Out of memory: the line is lost.
  }
}

}  // namespace toxasync::daemon
