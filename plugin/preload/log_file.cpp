// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <ctime>
#include <exception>
#include <string>
#include <utility>

namespace toxasync::preload {

namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warning", "error"};

std::string time_and_process() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return std::string(text.data(), size) + " [" + std::to_string(getpid()) + "] ";
}

}  // namespace

LogFile::LogFile(std::filesystem::path path, LogLevel least) : path_(std::move(path)), least_(least) {
  if (!path_.empty()) {
    std::error_code failed;
    std::filesystem::create_directories(path_.parent_path(), failed);
    open();
  }
}

LogFile::~LogFile() {
  if (file_ >= 0) {
    close(file_);
  }
}

void LogFile::open() noexcept {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  struct stat status {};
  size_ = file_ >= 0 && fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void LogFile::write(LogLevel level, std::string_view area, std::string_view message) noexcept {
  if (!enabled(level)) {
    return;
  }
  try {
    std::string line = time_and_process();
    line.append(level_names.at(static_cast<std::size_t>(level))).append(" ").append(area).append(": ");
    line.append(message);
    for (char& c : line) {
      c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    line += '\n';
    const std::lock_guard lock(mutex_);
    if (file_ < 0) {
      return;
    }
    if (size_ + line.size() > max_bytes) {
      close(file_);
      std::error_code failed;
      std::filesystem::rename(path_, path_.string() + ".1", failed);
      open();
    }
    // Errors are ignored: the client works without the log.
    const auto written = ::write(file_, line.data(), line.size());
    size_ += written > 0 ? static_cast<std::uint64_t>(written) : 0;
  } catch (const std::exception&) {  // Out of memory: the line is lost.
  }
}

}  // namespace toxasync::preload
