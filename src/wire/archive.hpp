// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <boost/mpl/bool.hpp>
#include <boost/serialization/access.hpp>
#include <boost/serialization/is_bitwise_serializable.hpp>
#include <boost/serialization/serialization.hpp>
#include <boost/serialization/wrapper.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "wire/limits.hpp"

/// Bounded binary archives for Boost.Serialization (docs/protocol.md, section 1). They implement its archive
/// concept over a span: fixed little-endian layout, no allocation when saving, no class versions, tracking,
/// pointers or floats. A loading archive checks each length against its limit and against what remains
/// *before* it resizes anything, and keeps its first error instead of throwing; after an error it yields
/// zeros.
///
/// A record names its fields once, in the order of their bytes, for saving (`self` is const) and loading:
///
///     static void fields(auto& ar, auto& self) { wire::fields(ar, self.id, wire::bounded<9>(self.text)); }
///
/// The stock binary archives take the same records (for tools and tests), but never see bytes from the
/// network or the disk: a stock binary_iarchive commits memory for whatever length it reads.
namespace toxasync::wire {

enum class Error : std::uint8_t {
  none,
  truncated,  ///< The input ended inside a field, or the output is too small.
  too_long,   ///< A vector has more items than its limit.
  trailing,   ///< Bytes are left after the last field.
  padding,    ///< The padding after a message is not zero.
  too_short,  ///< A vector has fewer items than its limit.
};

namespace detail {

template <class T>
struct IsByteArray : std::false_type {};
template <std::size_t N>
struct IsByteArray<std::array<std::uint8_t, N>> : std::true_type {};
template <class Tag, std::size_t N>
struct IsByteArray<Id<Tag, N>> : std::true_type {};

/// What is kept on disk of a date: a count of seconds or milliseconds, 8 bytes. Durations are seconds,
/// 4 bytes.
template <class T>
struct IsTime : std::false_type {};
template <>
struct IsTime<UnixTime> : std::true_type {};
template <>
struct IsTime<UnixTimeMs> : std::true_type {};

template <class T>
struct IsVector : std::false_type {};
template <class T, class A>
struct IsVector<std::vector<T, A>> : std::true_type {};

/// The least number of bytes that an item of a vector takes: bounds how many can follow.
template <class T>
constexpr std::size_t min_size() {
  // NOLINTNEXTLINE(bugprone-branch-clone): numbers and arrays of bytes take what they are, for other reasons
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    return sizeof(T);
  } else if constexpr (IsTime<T>::value) {
    return sizeof(std::int64_t);
  } else if constexpr (std::is_same_v<T, seconds>) {
    return sizeof(std::uint32_t);
  } else if constexpr (IsByteArray<T>::value) {
    return sizeof(T);
  } else {
    return T::min_encoded_size;
  }
}

template <class T>
constexpr void assert_allowed() {
  static_assert(!std::is_floating_point_v<T>, "floats have no place in the protocol");
  static_assert(!std::is_pointer_v<T>, "pointers are not serialized");
  static_assert(!IsVector<T>::value, "a vector needs its limit: ar & wire::bounded<max>(items)");
}

}  // namespace detail

/// Saves into a span.
class Writer {
 public:
  using is_saving = boost::mpl::true_;
  using is_loading = boost::mpl::false_;

  explicit Writer(MutableBytes out) noexcept : out_(out) {}

  template <class T>
  Writer& operator<<(const T& value) {
    save(value);
    return *this;
  }
  template <class T>
  Writer& operator&(const T& value) {
    return *this << value;
  }

  void save_binary(const void* data, std::size_t size) noexcept {
    if (error_ != Error::none || size > out_.size() - used_) {
      error_ = error_ == Error::none ? Error::truncated : error_;
      return;
    }
    if (size != 0) {
      std::memcpy(out_.data() + used_, data, size);
    }
    used_ += size;
  }

  void fail(Error error) noexcept { error_ = error_ == Error::none ? error : error_; }
  [[nodiscard]] Error error() const noexcept { return error_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  // Asked for by the archive concept.
  [[nodiscard]] static unsigned get_library_version() noexcept { return 0; }
  template <class T>
  void register_type(const T* = nullptr) noexcept {}

 private:
  template <class T>
  void save(const T& value) {
    detail::assert_allowed<T>();
    if constexpr (std::is_enum_v<T>) {
      save(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      std::array<std::uint8_t, sizeof(T)> bytes;
      store_le(static_cast<std::make_unsigned_t<T>>(value), bytes.data());
      save_binary(bytes.data(), bytes.size());
    } else if constexpr (detail::IsTime<T>::value) {
      save(std::int64_t{value.time_since_epoch().count()});
    } else if constexpr (std::is_same_v<T, seconds>) {
      if (value < 0s || value.count() > std::numeric_limits<std::uint32_t>::max()) {
        return fail(Error::too_long);
      }
      save(static_cast<std::uint32_t>(value.count()));
    } else if constexpr (detail::IsByteArray<T>::value) {
      save_binary(value.data(), value.size());
    } else {
      T::fields(*this, value);
    }
  }

  MutableBytes out_;
  std::size_t used_ = 0;
  Error error_ = Error::none;
};

/// Loads from a span; every byte of it is taken to be hostile.
class Reader {
 public:
  using is_saving = boost::mpl::false_;
  using is_loading = boost::mpl::true_;

  explicit Reader(ByteView in) noexcept : in_(in) {}

  template <class T>
  Reader& operator>>(T&& value) {
    load(value);
    return *this;
  }
  template <class T>
  Reader& operator&(T&& value) {
    load(value);
    return *this;
  }

  void load_binary(void* data, std::size_t size) noexcept {
    if (error_ != Error::none || size > remaining()) {
      fail(Error::truncated);
      if (size != 0) {
        std::memset(data, 0, size);
      }
      return;
    }
    if (size != 0) {
      std::memcpy(data, in_.data() + used_, size);
    }
    used_ += size;
  }

  void fail(Error error) noexcept { error_ = error_ == Error::none ? error : error_; }
  [[nodiscard]] Error error() const noexcept { return error_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return in_.size() - used_; }

  [[nodiscard]] static unsigned get_library_version() noexcept { return 0; }
  template <class T>
  void register_type(const T* = nullptr) noexcept {}

 private:
  template <class T>
  void load(T& value) {
    detail::assert_allowed<std::remove_const_t<T>>();
    if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      load(raw);
      value = static_cast<T>(raw);
    } else if constexpr (std::is_integral_v<T>) {
      std::array<std::uint8_t, sizeof(T)> bytes;
      load_binary(bytes.data(), bytes.size());
      value = static_cast<T>(load_le<std::make_unsigned_t<T>>(bytes.data()));
    } else if constexpr (detail::IsTime<T>::value) {
      std::int64_t count = 0;
      load(count);
      value = std::min(T{typename T::duration{std::max<std::int64_t>(count, 0)}}, T{last_date});
    } else if constexpr (std::is_same_v<T, seconds>) {
      std::uint32_t count = 0;
      load(count);
      value = seconds{count};
    } else if constexpr (detail::IsByteArray<T>::value) {
      load_binary(value.data(), value.size());
    } else {
      T::fields(*this, value);
    }
  }

  ByteView in_;
  std::size_t used_ = 0;
  Error error_ = Error::none;
};

/// A vector with its limits: a 2-byte count (4 bytes when the limit needs them), then the items. `Vector` is
/// const for saving.
template <class Vector, std::size_t Max, std::size_t Min>
class Bounded {
 public:
  using Item = typename Vector::value_type;
  using Count = std::conditional_t<(Max > 0xffff), std::uint32_t, std::uint16_t>;
  explicit Bounded(Vector& items) noexcept : items_(items) {}

  static void fields(auto& ar, auto& self) { self.transfer(ar); }

 private:
  template <class Archive>
  void transfer(Archive& ar) const {
    if constexpr (std::is_same_v<Archive, Writer>) {
      if (items_.size() > Max) {
        ar.fail(Error::too_long);
        return;
      }
      if (items_.size() < Min) {
        ar.fail(Error::too_short);
        return;
      }
      ar& static_cast<Count>(items_.size());
      transfer_items(ar);
    } else if constexpr (std::is_same_v<Archive, Reader>) {
      Count count = 0;
      ar& count;
      if (count > Max) {
        ar.fail(Error::too_long);
      } else if (count < Min) {
        ar.fail(Error::too_short);
      } else if (count * detail::min_size<Item>() > ar.remaining()) {
        ar.fail(Error::truncated);
      }
      items_.resize(ar.error() == Error::none ? count : 0);
      transfer_items(ar);
    } else {
      ar& items_;
    }
  }

  template <class Archive>
  void transfer_items(Archive& ar) const {
    if constexpr (std::is_same_v<Item, std::uint8_t>) {
      if constexpr (Archive::is_saving::value) {
        ar.save_binary(items_.data(), items_.size());
      } else {
        ar.load_binary(items_.data(), items_.size());
      }
    } else {
      for (auto& item : items_) {
        ar& item;
      }
    }
  }

  Vector& items_;
};

/// Const, for the stock loading archives: they take a wrapper that is a temporary only as const.
template <std::size_t Max, std::size_t Min = 0, class T>
const Bounded<std::vector<T>, Max, Min> bounded(std::vector<T>& items) noexcept {
  return Bounded<std::vector<T>, Max, Min>(items);
}
template <std::size_t Max, std::size_t Min = 0, class T>
const Bounded<const std::vector<T>, Max, Min> bounded(const std::vector<T>& items) noexcept {
  return Bounded<const std::vector<T>, Max, Min>(items);
}

/// A bool: one byte, 0 or 1; any other but 0 is read as true. `Bool` is const for saving.
template <class Bool>
class Flag {
 public:
  explicit Flag(Bool& value) noexcept : value_(value) {}

  static void fields(auto& ar, auto& self) { self.transfer(ar); }

 private:
  template <class Archive>
  void transfer(Archive& ar) const {
    auto byte = static_cast<std::uint8_t>(value_);
    ar& byte;
    if constexpr (Archive::is_loading::value) {
      value_ = byte != 0;
    }
  }

  Bool& value_;
};

inline const Flag<bool> flag(bool& value) noexcept {
  return Flag<bool>(value);
}
inline const Flag<const bool> flag(const bool& value) noexcept {
  return Flag<const bool>(value);
}

/// Bytes whose type is derived from an array: they are saved like one.
template <std::size_t N>
ByteArray<N>& array_of(ByteArray<N>& bytes) noexcept {
  return bytes;
}
template <std::size_t N>
const ByteArray<N>& array_of(const ByteArray<N>& bytes) noexcept {
  return bytes;
}

namespace detail {

/// The stock archives write any enum as an int, which is too short for some of ours.
template <class Archive, class Field>
void transfer(Archive& ar, Field&& value) {
  using Type = std::remove_cvref_t<Field>;
  if constexpr (std::is_enum_v<Type> && !std::is_same_v<Archive, Writer> &&
                !std::is_same_v<Archive, Reader>) {
    auto number = static_cast<std::underlying_type_t<Type>>(value);
    ar& number;
    if constexpr (Archive::is_loading::value) {
      value = static_cast<Type>(number);
    }
  } else {
    ar& value;
  }
}

}  // namespace detail

/// What the fields() of every record consist of, in the order of their bytes.
template <class Archive, class... Fields>
void fields(Archive& ar, Fields&&... values) {
  (detail::transfer(ar, values), ...);
}

/// Encodes `value`; the number of bytes written, or why it did not fit.
template <class T>
Result<std::size_t, Error> encode(const T& value, MutableBytes out) noexcept {
  Writer writer(out);
  writer << value;
  if (writer.error() != Error::none) {
    return writer.error();
  }
  return writer.used();
}

/// Decodes `value` from exactly `in`. `value` is unspecified after an error. Throws std::bad_alloc only.
template <class T>
[[nodiscard]] Error decode(ByteView in, T& value) {
  Reader reader(in);
  reader >> value;
  if (reader.error() == Error::none && reader.remaining() != 0) {
    reader.fail(Error::trailing);
  }
  return reader.error();
}

/// Fills `out` with `len 2 | value | zeros`. Returns the encoded value's place in `out`.
template <class T>
Result<ByteView, Error> encode_padded(const T& value, MutableBytes out) noexcept {
  if (out.size() < limits::length_prefix) {
    return Error::truncated;
  }
  const auto size = encode(value, out.subspan(limits::length_prefix));
  if (!size) {
    return size.error();
  }
  store_le(static_cast<std::uint16_t>(*size), out.data());
  const std::size_t end = limits::length_prefix + *size;
  std::memset(out.data() + end, 0, out.size() - end);
  return ByteView(out).subspan(limits::length_prefix, *size);
}

/// Decodes `len 2 | value | zeros`, which `in` must be from end to end; also yields the encoded value's
/// place.
template <class T>
Result<ByteView, Error> decode_padded(ByteView in, T& value) {
  if (in.size() < limits::length_prefix) {
    return Error::truncated;
  }
  const std::size_t size = load_le<std::uint16_t>(in.data());
  if (size > in.size() - limits::length_prefix) {
    return Error::truncated;
  }
  for (const std::uint8_t byte : in.subspan(limits::length_prefix + size)) {
    if (byte != 0) {
      return Error::padding;
    }
  }
  const ByteView message = in.subspan(limits::length_prefix, size);
  const Error error = decode(message, value);
  if (error != Error::none) {
    return error;
  }
  return message;
}

}  // namespace toxasync::wire

namespace boost::serialization {

template <class Vector, std::size_t Max, std::size_t Min>
struct is_wrapper_impl<const toxasync::wire::Bounded<Vector, Max, Min>> : boost::mpl::true_ {};
template <class Bool>
struct is_wrapper_impl<const toxasync::wire::Flag<Bool>> : boost::mpl::true_ {};

/// Ids, for the stock archives.
template <class Archive, class Tag, std::size_t N>
void serialize(Archive& ar, toxasync::Id<Tag, N>& id, const unsigned int /*version*/) {
  for (std::uint8_t& byte : id) {
    ar& byte;
  }
}

/// Records with fields(), for the stock archives.
template <class Archive, class T>
requires requires(Archive& ar, T& value) {
  T::fields(ar, value);
}
void serialize(Archive& ar, T& value, const unsigned int /*version*/) {
  T::fields(ar, value);
}

}  // namespace boost::serialization
