// SPDX-License-Identifier: GPL-3.0-or-later
#include "power_cut.hpp"

#include <algorithm>

namespace toxasync::crash {

PowerCut::PowerCut(const Image& start, const std::vector<Change>& log) : log_(log) {
  for (std::size_t file = 0; const auto& [name, content] : start) {
    now_.contents[file] = content;
    now_.names[name] = file++;
  }
  durable_ = now_;
}

bool PowerCut::step() {
  if (position_ == log_.size()) {
    return false;
  }
  const Change& change = log_[position_++];
  now_.apply(change);
  const bool syncs_directory = change.kind == Change::Kind::sync_directory;
  if (!syncs_directory && change.kind != Change::Kind::sync) {
    pending_.push_back(&change);
    return true;
  }
  std::erase_if(pending_, [&](const Change* waiting) {
    const bool safe =
        syncs_directory ? waiting->of_directory() : !waiting->of_directory() && waiting->file == change.file;
    if (safe) {
      durable_.apply(*waiting);
    }
    return safe;
  });
  return true;
}

Image PowerCut::image(Cut how, test::SeededRandom& random) const {
  switch (how) {
    case Cut::killed:
      return now_.image();
    case Cut::dropped:
      return durable_.image();
    case Cut::torn:
      return torn(random);
    case Cut::reordered:
      break;
  }
  return reordered(random);
}

Image PowerCut::torn(test::SeededRandom& random) const {
  Files left = durable_;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Change& change = *pending_[i];
    if (i + 1 < pending_.size()) {
      left.apply(change);
    } else if (change.kind == Change::Kind::write) {
      left.write(change.file, change.offset, ByteView(change.data).first(random.below(change.data.size())));
    }
  }
  return left.image();
}

Image PowerCut::reordered(test::SeededRandom& random) const {
  Files left = durable_;
  const auto of_directory = static_cast<std::size_t>(
      std::ranges::count_if(pending_, [](const Change* change) { return change->of_directory(); }));
  std::size_t names_left = random.below(of_directory + 1);
  constexpr std::array<std::uint32_t, 3> shares{100, 500, 900};
  const std::uint32_t per_mille = shares.at(random.below(shares.size()));
  for (const Change* change : pending_) {
    if (change->of_directory()) {
      if (names_left > 0) {
        --names_left;
        left.apply(*change);
      }
      continue;
    }
    if (change->kind == Change::Kind::truncate) {
      if (random.chance(per_mille)) {
        left.apply(*change);
      }
      continue;
    }
    for (std::uint64_t at = 0; at < change->data.size();) {
      const std::uint64_t offset = change->offset + at;
      const std::uint64_t size =
          std::min<std::uint64_t>(sector_bytes - offset % sector_bytes, change->data.size() - at);
      if (random.chance(per_mille)) {
        left.write(change->file, offset, ByteView(change->data).subspan(at, size));
      }
      at += size;
    }
  }
  return left.image();
}

}  // namespace toxasync::crash
