// SPDX-License-Identifier: GPL-3.0-or-later
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "store/sqlite/sqlite_state.hpp"
#include "tests/manager/eye.hpp"
#include "tests/manager/hand_friend.hpp"

// How long a client takes, in real time and with a real disk, from the question for a mailbox to the request
// that deletes what was in it: cover, mail, and what opens for nobody. Measured where the node is.
//
//     build/release/bin/deletion_delay [SAMPLES] [DIRECTORY]

namespace toxasync::bench {

namespace {

using Real = std::chrono::steady_clock;
using Microseconds = std::chrono::microseconds;

/// A real disk, and what was written to it.
class Disk final : public store::StateStore {
 public:
  explicit Disk(std::unique_ptr<store::SqliteState> real) : real_(std::move(real)) {}

  std::vector<store::StateEntry> load() override { return real_->load(); }
  void commit(store::StateBatch batch, Done done) override {
    for (const auto& write : batch) {
      rows[write.key] = write.value.value_or(Bytes{});
    }
    real_->commit(std::move(batch), std::move(done));
  }
  std::size_t poll() override { return real_->poll(); }
  bool flush(milliseconds timeout) override { return real_->flush(timeout); }
  [[nodiscard]] int wake_fd() const noexcept override { return real_->wake_fd(); }

  std::map<Bytes, Bytes> rows;

 private:
  std::unique_ptr<store::SqliteState> real_;
};

enum class What : std::uint8_t { cover, mail, garbage };

/// The world's clock follows the real one, and its network takes no time.
struct Measured : test::World {
  explicit Measured(const std::filesystem::path& directory) {
    network.set_conditions({0, 0, 0ms, 0ms});
    add_node();
    auto opened = store::SqliteState::open(directory / "state", {}, {}, Telemetry(metrics, log), random);
    if (!opened) {
      throw std::runtime_error("cannot open the state");
    }
    disk = std::make_unique<Disk>(std::move(*opened));
    bob.crash();
    bob.disk = disk.get();
    bob.config.poll_interval = 100ms;
    bob.config.push = false;
    bob.start();
    give_nodes(bob);
    eve = std::make_unique<test::HandFriend>(*this, bob);
    eve->come();
    run_until([this] {
      eve->take_what_came();
      return eve->keys.size() >= 100;
    });
    eve->go();
    for (const auto& [key, value] : disk->rows) {
      if (key[0] == 'R') {
        root.emplace(crypto::KeyPair::from_secret(crypto::Secret<32>(to_array<32>(value))));
      }
    }
  }
  ~Measured() { bob.manager.reset(); }

  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      run(0ms);
      const auto real = std::chrono::duration_cast<milliseconds>(Real::now() - begun_);
      clock.advance(real - passed_);
      passed_ = real;
    }
  }

  /// Leaves one envelope; the time from the question that finds it to the request that deletes it.
  Microseconds measure(What what) {
    const auto& pair = what == What::cover ? root->cover : root->pair;
    const auto writer = what == What::cover ? manager::FriendKey{} : eve->key();
    const auto where = test::box_in(pair, test::now_epoch(*this), writer);
    auto& node = *nodes.front();
    if (what == What::mail) {
      ++sequence_;
      eve->store(node, eve->seal({.text = "hello", .sequence = sequence_, .floor = sequence_}));
    } else {
      Bytes bytes(limits::small_envelope);
      eve->random().fill(bytes);
      bytes[0] = 1;
      node.put(where, bytes, clock.unix_time() + 24h, clock.unix_time());
    }
    Real::time_point asked;
    std::optional<Microseconds> took;
    eye.drops = [&](const test::Eye::Request& request) {
      if (request.mailbox == where.p && !took) {
        if (request.deletes != 0) {
          took = std::chrono::duration_cast<Microseconds>(Real::now() - asked);
        }
        asked = Real::now();
      }
      return false;
    };
    run_until([&] { return took.has_value(); });
    const SteadyTime until = clock.steady() + 20ms;
    run_until([&] { return clock.steady() >= until; });
    eye.requests.clear();
    return *took;
  }

  test::QuietLog log;
  Metrics metrics;
  test::SeededRandom random{5};
  std::unique_ptr<Disk> disk;
  test::User& bob = add_user();
  std::unique_ptr<test::HandFriend> eve;
  test::Eye eye{*this};
  std::optional<manager::Root> root;

 private:
  Real::time_point begun_ = Real::now();
  milliseconds passed_ = 0ms;
  std::uint64_t sequence_ = 0;
};

void print(std::string_view name, std::vector<Microseconds>& times) {
  std::ranges::sort(times);
  std::cout << name;
  for (const unsigned percent : {0U, 5U, 25U, 50U, 75U, 95U, 100U}) {
    const auto at = std::min(times.size() * percent / 100, times.size() - 1);
    std::cout << '\t' << static_cast<double>(times[at].count()) / 1000.0;
  }
  std::cout << '\n';
}

void run(std::size_t samples, const std::filesystem::path& directory) {
  Measured world(directory);
  std::vector<Microseconds> cover;
  std::vector<Microseconds> mail;
  std::vector<Microseconds> garbage;
  for (std::size_t i = 0; i < samples; ++i) {
    cover.push_back(world.measure(What::cover));
    mail.push_back(world.measure(What::mail));
    garbage.push_back(world.measure(What::garbage));
  }
  std::cout << "ms from the question to the deletion, " << samples
            << " each: least, 5 %, 25 %, median, 75 %, 95 %, most\n";
  print("cover", cover);
  print("mail", mail);
  print("garbage", garbage);
}

}  // namespace

}  // namespace toxasync::bench

int main(int argc, char** argv) {
  constexpr std::size_t most = 95;  // one-time keys
  const std::size_t samples =
      std::min<std::size_t>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : most, most);
  const auto parent = argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path();
  std::string name = (parent / "deletion-delay-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::cerr << "cannot make a directory in " << parent << '\n';
    return 1;
  }
  toxasync::bench::run(std::max<std::size_t>(samples, 1), name);
  std::filesystem::remove_all(name);
  return 0;
}
