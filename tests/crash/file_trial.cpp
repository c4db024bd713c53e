// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdexcept>

#include "base/file.hpp"
#include "node/node_keys.hpp"
#include "tests/support/seeded_random.hpp"
#include "trial.hpp"

namespace toxasync::crash {

namespace {

constexpr UnixTime first_week{1'750'000'000s};

/// Operation 1 makes the key file, the others change it; each then replaces the small file.
class FileTrial final : public Trial {
 public:
  FileTrial(std::uint64_t seed, std::size_t replacements) : random_(seed) {
    for (std::size_t i = 0; i < replacements; ++i) {
      Bytes content(random_.below(random_.chance(200) ? 20'000 : 700));
      random_.fill(content);
      contents_.push_back(std::move(content));
    }
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "files"; }
  [[nodiscard]] const Image& start() const noexcept override { return start_; }

  void run() override {
    for (std::size_t i = 0; i < contents_.size(); ++i) {
      keys_.begin(i + 1);
      auto keys = node::NodeKeys::open(key_file(), random_, week(i));
      if (!keys || (i > 0 && !keys->rotate(random_, week(i)))) {
        throw std::runtime_error("the key file cannot be written");
      }
      keys_.acknowledge(i + 1);
      made_.push_back(keys->current().pair.public_key);
      id_ = keys->id();
      files_.begin(i + 1);
      if (replace_file(Disk::path("file"), contents_[i])) {
        throw std::runtime_error("the file cannot be written");
      }
      files_.acknowledge(i + 1);
    }
  }

  Verdict check(std::size_t position) override {
    Verdict verdict;
    check_keys(position, verdict);
    check_file(position, verdict);
    return verdict;
  }

  Verdict use(std::size_t /*position*/) override {
    const Bytes content(300, 7);
    Bytes found(400);
    const auto failed = replace_file(Disk::path("file"), content);
    const auto size = read_file(Disk::path("file"), found);
    return {0, 0, !failed && size && *size == content.size() ? "" : "a file cannot be replaced any more"};
  }

 private:
  static std::string key_file() { return Disk::path("node.key"); }
  static UnixTime week(std::size_t number) { return first_week + number * node::NodeKeys::key_lifetime; }

  void check_keys(std::size_t position, Verdict& verdict) {
    const std::size_t least = keys_.acknowledged(position);
    verdict.acknowledged += least > 0 ? 1 : 0;
    bool good = least == 0;
    if (Disk::mounted()->find("node.key")) {  // Where there is none, opening it would make one.
      const auto keys = node::NodeKeys::open(key_file(), random_, week(0));
      good = false;
      for (std::size_t i = std::max<std::size_t>(least, 1); keys && i <= keys_.begun(position); ++i) {
        good = good || (keys->id() == id_ && keys->current().pair.public_key == made_[i - 1]);
      }
    }
    if (!good) {
      verdict.lost += least > 0 ? 1 : 0;
      verdict.wrong = "node.key is neither the old nor the new one";
    }
  }

  void check_file(std::size_t position, Verdict& verdict) {
    const std::size_t least = files_.acknowledged(position);
    verdict.acknowledged += least > 0 ? 1 : 0;
    Bytes found(30'000);
    const auto size = read_file(Disk::path("file"), found);
    found.resize(size ? *size : 0);
    bool good = !size && least == 0;
    for (std::size_t i = std::max<std::size_t>(least, 1); size && i <= files_.begun(position); ++i) {
      good = good || found == contents_[i - 1];
    }
    if (!good) {
      verdict.lost += least > 0 ? 1 : 0;
      verdict.wrong = "a replaced file is neither the old nor the new one";
    }
  }

  test::SeededRandom random_;
  Image start_;
  std::vector<Bytes> contents_;
  std::vector<crypto::Point> made_;
  protocol::NodeId id_{};
  History keys_, files_;
};

}  // namespace

std::unique_ptr<Trial> file_trial(std::uint64_t seed, std::size_t replacements) {
  return std::make_unique<FileTrial>(seed, replacements);
}

}  // namespace toxasync::crash
