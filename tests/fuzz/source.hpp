// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "wire/archive.hpp"

namespace toxasync::fuzz {

/// Takes choices from the front of an input; zeros when it is used up. For what is sealed: the fuzzer chooses
/// the fields of a message, and the target seals it.
///
/// It is a loading archive too: `source & message` fills a record field by field, every vector with as many
/// items as one byte says, so that a mutation of one field leaves the others as they are.
class Source {
 public:
  using is_saving = boost::mpl::false_;
  using is_loading = boost::mpl::true_;

  explicit Source(ByteView in) noexcept : in_(in) {}

  [[nodiscard]] bool empty() const noexcept { return in_.empty(); }
  template <class Number = std::uint8_t>
  Number number() noexcept {
    Number value{};
    fill(value);
    return value;
  }
  /// Less than `bound`, by one byte.
  std::size_t below(std::size_t bound) noexcept { return number() % bound; }
  /// True for one value of a byte in `of`: 0 is not one of them, so that a used-up source says no.
  bool chance(std::size_t of) noexcept { return number() % of == of - 1; }
  /// At most so many: what is left.
  ByteView bytes(std::size_t size) noexcept {
    const ByteView taken = in_.first(std::min(size, in_.size()));
    in_ = in_.subspan(taken.size());
    return taken;
  }
  /// A length of two bytes, and so many.
  ByteView block() noexcept { return bytes(number<std::uint16_t>()); }
  template <class T>
  const T& one_of(const std::vector<T>& all) noexcept {
    return all[below(all.size())];
  }
  template <class Message>
  Message message() {
    Message filled{};
    fill(filled);
    return filled;
  }

  template <class T>
  Source& operator&(T&& value) {
    fill(value);
    return *this;
  }
  void load_binary(void* out, std::size_t size) noexcept {
    const ByteView taken = bytes(size);
    std::copy(taken.begin(), taken.end(), static_cast<std::uint8_t*>(out));
  }

 private:
  template <class T>
  void fill(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(number<std::underlying_type_t<T>>());
    } else if constexpr (std::is_integral_v<T>) {
      ByteArray<sizeof(T)> bytes{};
      load_binary(bytes.data(), bytes.size());
      value = static_cast<T>(load_le<std::make_unsigned_t<T>>(bytes.data()));
    } else if constexpr (wire::detail::IsByteArray<T>::value) {
      load_binary(value.data(), value.size());
    } else if constexpr (wire::detail::IsVector<T>::value) {
      value.resize(number());
      for (auto& item : value) {
        fill(item);
      }
    } else {
      std::remove_const_t<T>::fields(*this, value);
    }
  }

  ByteView in_;
};

}  // namespace toxasync::fuzz
