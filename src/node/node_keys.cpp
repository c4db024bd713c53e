// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/node_keys.hpp"

#include <algorithm>
#include <utility>

#include "wire/archive.hpp"

namespace toxasync::node {

namespace {

using crypto::KeyFileError;

constexpr std::size_t payload_size = 32 + 2 * (32 + 8 + 8) + 3 * 8;

struct StoredKey {
  ByteArray<32> secret{};
  std::int64_t valid_from_s = 0;
  std::int64_t valid_until_s = 0;

  static StoredKey from(const SessionKey& key) noexcept {
    return {key.pair.secret.bytes(), key.valid_from.time_since_epoch().count(),
            key.valid_until.time_since_epoch().count()};
  }
  /// Of a plausible one.
  [[nodiscard]] SessionKey to_key() const {
    return {crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(secret)),
            unix_time(static_cast<std::uint64_t>(valid_from_s)),
            unix_time(static_cast<std::uint64_t>(valid_until_s))};
  }
  [[nodiscard]] bool empty() const noexcept {
    return std::ranges::all_of(secret, [](std::uint8_t byte) { return byte == 0; });
  }
  [[nodiscard]] bool plausible() const noexcept { return valid_from_s >= 0 && valid_until_s >= valid_from_s; }

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.secret, self.valid_from_s, self.valid_until_s);
  }
};

struct StoredClock {
  std::uint64_t believed_s = 0;
  std::uint64_t other_s = 0;
  std::uint64_t stayed_s = 0;

  static StoredClock from(const WallClockGuard::Marks& marks) noexcept {
    return {since_1970_s(marks.believed), since_1970_s(marks.other),
            since_1970_s(UnixTime{std::chrono::floor<seconds>(marks.stayed)})};
  }
  [[nodiscard]] WallClockGuard::Marks to_marks() const noexcept {
    constexpr auto most =
        static_cast<std::uint64_t>(std::chrono::floor<seconds>(WallClockGuard::settling).count());
    return {unix_time(believed_s), unix_time(other_s),
            seconds{static_cast<std::int64_t>(std::min(stayed_s, most))}};
  }

  static void fields(auto& ar, auto& self) { wire::fields(ar, self.believed_s, self.other_s, self.stayed_s); }
};

/// The key file's payload.
struct StoredKeys {
  ByteArray<32> seed{};
  StoredKey current;
  StoredKey previous;
  StoredClock clock;

  StoredKeys() = default;
  StoredKeys(const StoredKeys&) = delete;
  StoredKeys& operator=(const StoredKeys&) = delete;
  ~StoredKeys() {
    crypto::wipe(seed);
    crypto::wipe(current.secret);
    crypto::wipe(previous.secret);
  }

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.seed, self.current, self.previous, self.clock);
  }
};

}  // namespace

NodeKeys::NodeKeys(std::string path, crypto::Secret<32> seed, SessionKey current)
    : path_(std::move(path)), seed_(std::move(seed)), signer_(seed_.bytes()), current_(std::move(current)) {}

SessionKey NodeKeys::make_session_key(Random& random, UnixTime now) {
  return {crypto::KeyPair::generate(random), now, now + key_lifetime};
}

NodeKeys NodeKeys::ephemeral(Random& random, UnixTime now) {
  auto seed = crypto::Secret<32>::random(random);
  return {std::string(), std::move(seed), make_session_key(random, now)};
}

Result<NodeKeys, KeyFileError> NodeKeys::open(const std::string& path, Random& random, UnixTime now) {
  auto payload = crypto::read_key_file(path, payload_size);
  if (!payload) {
    if (payload.error() != KeyFileError::missing) {
      return payload.error();
    }
    NodeKeys keys = ephemeral(random, now);
    keys.path_ = path;
    if (const auto saved = keys.save(keys.current_, nullptr); !saved) {
      return saved.error();
    }
    return keys;
  }
  StoredKeys stored;
  const wire::Error error = wire::decode(*payload, stored);
  crypto::wipe(*payload);
  if (error != wire::Error::none || stored.current.empty() || !stored.current.plausible() ||
      !stored.previous.plausible()) {
    return KeyFileError::damaged;
  }
  NodeKeys keys(path, crypto::Secret<32>::copy_of(stored.seed), stored.current.to_key());
  if (!stored.previous.empty()) {
    keys.previous_ = stored.previous.to_key();
  }
  keys.clock_ = stored.clock.to_marks();
  return keys;
}

Result<bool, KeyFileError> NodeKeys::save(const SessionKey& current, const SessionKey* previous) const {
  if (path_.empty()) {
    return true;
  }
  StoredKeys stored;
  stored.seed = seed_.bytes();
  stored.current = StoredKey::from(current);
  if (previous != nullptr) {
    stored.previous = StoredKey::from(*previous);
  }
  stored.clock = StoredClock::from(clock_);
  crypto::Wiped<payload_size> payload;
  (void)wire::encode(stored, payload);  // of fixed size
  return crypto::write_key_file(path_, payload);
}

const SessionKey* NodeKeys::previous(UnixTime now) const noexcept {
  return previous_ && now < previous_->valid_until + key_overlap ? &*previous_ : nullptr;
}

Result<bool, KeyFileError> NodeKeys::set_clock_marks(const WallClockGuard::Marks& marks) {
  if (marks == clock_) {
    return false;
  }
  const auto before = std::exchange(clock_, marks);
  const auto saved = save(current_, previous_ ? &*previous_ : nullptr);
  if (!saved) {
    clock_ = before;
  }
  return saved;
}

Result<bool, KeyFileError> NodeKeys::rotate(Random& random, UnixTime now) {
  // A key from the future was made by a clock that was wrong: it would be in use for too long.
  const bool over = now >= current_.valid_until || now < current_.valid_from - key_overlap;
  if (!over) {
    if (!previous_ || previous(now) != nullptr) {
      return false;
    }
    if (const auto saved = save(current_, nullptr); !saved) {
      return saved.error();
    }
    previous_.reset();
    return true;
  }
  SessionKey next = make_session_key(random, now);
  const UnixTime from = current_.valid_from;
  const UnixTime until = current_.valid_until;
  current_.valid_until = std::min(until, now);  // a key from the future ends now, too
  current_.valid_from = std::min(from, current_.valid_until);
  if (const auto saved = save(next, &current_); !saved) {
    current_.valid_from = from;
    current_.valid_until = until;
    return saved.error();
  }
  previous_ = std::exchange(current_, std::move(next));
  return true;
}

}  // namespace toxasync::node
