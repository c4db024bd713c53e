// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <bit>
#include <optional>
#include <span>
#include <vector>

#include "actor.hpp"
#include "crypto/ids.hpp"

// What a hostile actor draws from: the ways on, and values at which something changes.

namespace toxasync::sim {

using test::SeededRandom;

/// One of the ways on, each as often as that actor likes it, and any where it likes none. Not empty.
template <class Way>
const Way& choose(Temper& temper, Tally& tally, std::span<const Way> ways) {
  std::uint64_t all = 0;
  for (const Way& way : ways) {
    all += temper.per_mille(way.name);
  }
  const Way* chosen = &ways[temper.random().below(ways.size())];
  std::uint64_t drawn = all == 0 ? 0 : temper.random().below(all);
  for (const Way& way : ways) {
    if (all == 0 || drawn < temper.per_mille(way.name)) {
      chosen = all == 0 ? chosen : &way;
      break;
    }
    drawn -= temper.per_mille(way.name);
  }
  count(tally, chosen->name);
  return *chosen;
}

template <class Item>
Item& one_of(SeededRandom& random, std::vector<Item>& items) {
  return items[random.below(items.size())];
}
template <class Item>
const Item& one_of(SeededRandom& random, const std::vector<Item>& items) {
  return items[random.below(items.size())];
}

/// Adds an item, and forgets the oldest one when there are more than `most`.
template <class Item>
void remember(std::vector<Item>& items, Item item, std::size_t most) {
  if (items.size() >= most) {
    items.erase(items.begin());
  }
  items.push_back(std::move(item));
}

/// A number at one of the limits of the protocol or of an integer, or any one.
inline std::uint64_t any_number(SeededRandom& random) {
  static constexpr std::array<std::uint64_t, 24> limits{0,
                                                        1,
                                                        2,
                                                        3,
                                                        40,
                                                        63,
                                                        64,
                                                        80,
                                                        200,
                                                        255,
                                                        256,
                                                        1250,
                                                        65535,
                                                        65536,
                                                        UINT64_C(1) << 31,
                                                        UINT32_MAX,
                                                        UINT64_C(1) << 32,
                                                        UINT64_C(253402300799),
                                                        UINT64_C(253402300799000),
                                                        UINT64_C(1) << 53,
                                                        INT64_MAX,
                                                        UINT64_C(1) << 63,
                                                        UINT64_MAX - 1,
                                                        UINT64_MAX};
  return random.chance(700) ? limits[random.below(limits.size())] : random.u64() >> random.below(64);
}

/// A short time as often as a long one.
inline milliseconds any_time(SeededRandom& random, milliseconds least, milliseconds most) {
  const auto span = static_cast<std::uint64_t>((most - least).count());
  const auto halvings = static_cast<unsigned>(std::bit_width(span));
  return least +
         milliseconds(static_cast<std::int64_t>(random.below((span >> random.below(halvings + 1)) + 1)));
}

/// Bytes that may be a point: a good one, one of low order, one that is not canonical.
inline crypto::Point any_point(SeededRandom& random) {
  auto point = random.id<crypto::Point>();
  switch (random.below(5)) {
    case 0:
      return {};
    case 1:
      point = {};
      point[0] = 1;
      return point;
    case 2:
      point[31] |= 0x80;
      return point;
    case 3:
      std::ranges::fill(point, std::uint8_t{0xff});
      point[31] = 0x7f;
      return point;
    default:
      point[31] &= 0x7f;
      return point;
  }
}

inline Bytes any_bytes(SeededRandom& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

inline void flip_a_bit(SeededRandom& random, MutableBytes bytes) {
  if (!bytes.empty()) {
    bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
  }
}

/// How a message differs from what the protocol asks for. Mostly in little: what differs in all that somebody
/// likes to twist would be refused by the first check, and the later ones would never be tried.
class Twists {
 public:
  explicit Twists(Temper& temper) : temper_(temper) {}

  /// Of what follows now: none at all, some, or nearly all that they like.
  void draw() {
    auto& random = temper_.random();
    per_mille_ = random.chance(300) ? 0 : random.chance(900) ? 200 : 900;
  }
  void none() noexcept { per_mille_ = 0; }
  bool operator()(std::string_view what) { return temper_.random().chance(per_mille_) && temper_.does(what); }

 private:
  Temper& temper_;
  std::uint32_t per_mille_ = 0;
};

/// When somebody hostile acts, and what they do then: bursts, floods of one thing, pauses, and an end, so
/// that a run stays short.
class Pace {
 public:
  Pace(Temper& temper, Tally& tally, SteadyTime now)
      : temper_(temper),
        tally_(tally),
        most_((UINT64_C(32) << temper.random().below(7)) + temper.random().below(32)),
        next_(now + any_time(temper.random(), 1s, 10min)) {}

  [[nodiscard]] SteadyTime next() const noexcept { return next_; }
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_; }
  /// They have done all that they ever do.
  [[nodiscard]] bool is_over() const noexcept { return turns_ >= most_; }
  /// They act some more.
  void go_on(SteadyTime now) {
    most_ = std::max(most_, turns_ + 32 + temper_.random().below(200));
    next_ = std::min(next_, now + any_time(temper_.random(), 1s, 10min));
  }
  /// The next turn is the same thing as the last one.
  [[nodiscard]] bool floods() const noexcept { return burst_ > 0 && again_; }

  /// What they do now. Moves next() on.
  template <class Way>
  const Way& turn(std::span<const Way> ways, SteadyTime now) {
    ++turns_;
    const Way& way = floods() ? ways[*again_] : choose(temper_, tally_, ways);
    if (floods()) {
      count(tally_, way.name);
    } else if (burst_ == 0 && temper_.does("floods")) {
      again_ = static_cast<std::size_t>(&way - ways.data());
      burst_ = 1 + temper_.random().below(100);
    }
    next_ = now + pause();
    return way;
  }
  /// They do nothing until then.
  void wait_until(SteadyTime then) noexcept { next_ = then; }

 private:
  milliseconds pause() {
    auto& random = temper_.random();
    if (burst_ > 0) {
      --burst_;
      return random.chance(800) ? 0ms : milliseconds(random.below(50));
    }
    again_.reset();
    if (temper_.does("does many things at once")) {
      burst_ = random.below(30);
    } else if (temper_.does("is quiet for long")) {
      return any_time(random, 10min, 24h);
    }
    return any_time(random, 1s, 5min);
  }

  Temper& temper_;
  Tally& tally_;
  std::uint64_t turns_ = 0;
  std::uint64_t most_;
  std::uint64_t burst_ = 0;           ///< Turns that follow at once,
  std::optional<std::size_t> again_;  ///< and the thing that all of them do.
  SteadyTime next_;
};

}  // namespace toxasync::sim
