// SPDX-License-Identifier: GPL-3.0-or-later
#include "disk.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace toxasync::crash {

namespace {

Disk* current = nullptr;

}  // namespace

void Files::write(std::size_t file, std::uint64_t offset, ByteView data) {
  Bytes& content = contents[file];
  content.resize(std::max<std::size_t>(content.size(), offset + data.size()));
  std::ranges::copy(data, content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void Files::apply(const Change& change) {
  switch (change.kind) {
    case Change::Kind::write:
      write(change.file, change.offset, change.data);
      break;
    case Change::Kind::truncate:
      contents[change.file].resize(change.offset);
      break;
    case Change::Kind::create:
      names[change.name] = change.file;
      contents.try_emplace(change.file);
      break;
    case Change::Kind::remove:
      names.erase(change.name);
      break;
    case Change::Kind::rename:
      names.erase(change.name);
      names[change.to] = change.file;
      break;
    case Change::Kind::sync:
    case Change::Kind::sync_directory:
      break;
  }
}

Image Files::image() const {
  Image image;
  for (const auto& [name, file] : names) {
    const auto content = contents.find(file);
    image[name] = content == contents.end() ? Bytes() : content->second;
  }
  return image;
}

Disk::Disk(const Image& start, Fault fault) : fault_(fault), next_file_(0) {
  assert(current == nullptr);
  for (const auto& [name, content] : start) {
    files_.contents[next_file_] = content;
    files_.names[name] = next_file_++;
  }
  current = this;
}

Disk::~Disk() {
  current = nullptr;
}

Disk* Disk::mounted() noexcept {
  return current;
}

void Disk::fail_calls(std::uint64_t first, std::uint64_t count, Failure how) noexcept {
  first_failure_ = first;
  failures_ = count;
  failure_ = how;
}

std::optional<Disk::Failure> Disk::next_call() noexcept {
  const std::uint64_t number = ++calls_;
  return number - first_failure_ < failures_ ? std::optional(failure_) : std::nullopt;
}

std::optional<std::string> Disk::name_of(std::string_view path) {
  if (current == nullptr || !path.starts_with(root) || path.size() <= root.size() + 1) {
    return std::nullopt;
  }
  return std::string(path.substr(root.size() + 1));
}

std::optional<std::size_t> Disk::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = files_.names.find(name);
  return found == files_.names.end() ? std::nullopt : std::optional(found->second);
}

std::size_t Disk::create(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const std::size_t file = next_file_++;
  note({Change::Kind::create, file, 0, {}, name, {}});
  return file;
}

bool Disk::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.names.find(name);
  if (found == files_.names.end()) {
    return false;
  }
  note({Change::Kind::remove, found->second, 0, {}, name, {}});
  return true;
}

bool Disk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.names.find(from);
  if (found == files_.names.end()) {
    return false;
  }
  note({Change::Kind::rename, found->second, 0, {}, from, to});
  return true;
}

std::size_t Disk::read(std::size_t file, std::uint64_t offset, MutableBytes out) const {
  const std::lock_guard lock(mutex_);
  const Bytes& content = files_.contents.at(file);
  if (offset >= content.size()) {
    return 0;
  }
  const std::size_t size = std::min<std::size_t>(out.size(), content.size() - offset);
  std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
  return size;
}

void Disk::write(std::size_t file, std::uint64_t offset, ByteView data) {
  const std::lock_guard lock(mutex_);
  note({Change::Kind::write, file, offset, Bytes(data.begin(), data.end()), {}, {}});
}

void Disk::truncate(std::size_t file, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  note({Change::Kind::truncate, file, size, {}, {}, {}});
}

void Disk::sync(std::size_t file) {
  const std::lock_guard lock(mutex_);
  if (fault_ != Fault::syncs_nothing && !(fault_ == Fault::syncs_no_wal && is_wal(file))) {
    note({Change::Kind::sync, file, 0, {}, {}, {}});
  }
}

void Disk::sync_directory() {
  const std::lock_guard lock(mutex_);
  if (fault_ != Fault::syncs_nothing && fault_ != Fault::syncs_no_directory) {
    note({Change::Kind::sync_directory, 0, 0, {}, {}, {}});
  }
}

std::uint64_t Disk::size(std::size_t file) const {
  const std::lock_guard lock(mutex_);
  return files_.contents.at(file).size();
}

std::size_t Disk::position() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

Image Disk::image() const {
  const std::lock_guard lock(mutex_);
  return files_.image();
}

std::vector<Change> Disk::take_log() {
  const std::lock_guard lock(mutex_);
  return std::exchange(log_, {});
}

void Disk::note(Change change) {
  files_.apply(change);
  log_.push_back(std::move(change));
}

bool Disk::is_wal(std::size_t file) const {
  return std::ranges::any_of(files_.names, [file](const auto& entry) {
    return entry.second == file && entry.first.ends_with("-wal");
  });
}

}  // namespace toxasync::crash
