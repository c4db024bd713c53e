// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <boost/test/unit_test.hpp>
#include <charconv>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

// Reads tests/vectors/*.json; the names of the fields stand in tests/vectors/README.md. A missing or
// malformed field throws, which fails the test.

namespace toxasync::test {

/// The integer that a JSON value is: read from its decimal digits, so that all 64 bits are exact.
template <class T>
T integer(const boost::property_tree::ptree& value) {
  const std::string& digits = value.data();
  T out{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    throw std::out_of_range(digits);
  }
  return out;
}

/// One object of a list.
class Vector {
 public:
  explicit Vector(const boost::property_tree::ptree& tree) : tree_(tree) {}

  [[nodiscard]] std::string text(const std::string& field) const { return tree_.get<std::string>(field); }

  template <class T>
  [[nodiscard]] T number(const std::string& field) const {
    return integer<T>(tree_.get_child(field));
  }

  [[nodiscard]] Bytes bytes(const std::string& field) const { return unhex(text(field)); }

  template <std::size_t N>
  [[nodiscard]] ByteArray<N> array(const std::string& field) const {
    return fixed<N>(bytes(field));
  }

  template <class AnyId>
  [[nodiscard]] AnyId id(const std::string& field) const {
    return AnyId(array<AnyId::size()>(field));
  }

  /// A list of hexadecimal strings.
  [[nodiscard]] std::vector<Bytes> list(const std::string& field) const {
    std::vector<Bytes> out;
    for (const auto& [key, item] : tree_.get_child(field)) {
      out.push_back(unhex(item.data()));
    }
    return out;
  }

  template <std::size_t N>
  [[nodiscard]] std::vector<ByteArray<N>> arrays(const std::string& field) const {
    std::vector<ByteArray<N>> out;
    for (const Bytes& item : list(field)) {
      out.push_back(fixed<N>(item));
    }
    return out;
  }

  template <class AnyId>
  [[nodiscard]] std::vector<AnyId> ids(const std::string& field) const {
    std::vector<AnyId> out;
    for (const Bytes& item : list(field)) {
      out.emplace_back(fixed<AnyId::size()>(item));
    }
    return out;
  }

  /// A list of objects.
  [[nodiscard]] std::vector<Vector> objects(const std::string& field) const {
    std::vector<Vector> out;
    for (const auto& [key, item] : tree_.get_child(field)) {
      out.emplace_back(item);
    }
    return out;
  }

 private:
  static Bytes unhex(const std::string& digits) {
    auto bytes = from_hex(digits);
    if (!bytes) {
      throw std::invalid_argument(digits);
    }
    return std::move(*bytes);
  }
  template <std::size_t N>
  static ByteArray<N> fixed(const Bytes& bytes) {
    if (bytes.size() != N) {
      throw std::length_error(to_hex(bytes));
    }
    return to_array<N>(bytes);
  }

  boost::property_tree::ptree tree_;
};

/// A file of tests/vectors/.
inline const boost::property_tree::ptree& vector_file(const std::string& name) {
  static std::map<std::string, boost::property_tree::ptree> files;
  const auto [place, fresh] = files.try_emplace(name);
  if (fresh) {
    boost::property_tree::read_json(TOXASYNC_VECTORS_DIR "/" + name, place->second);
  }
  return place->second;
}

/// Calls check(vector) for each object of a list; a failure names it.
template <class Check>
void for_each_vector(const std::string& file, const std::string& list, const Check& check) {
  const auto& items = vector_file(file).get_child(list);
  BOOST_TEST(!items.empty(), file << ": " << list << " is empty");
  std::size_t place = 0;
  for (const auto& [key, item] : items) {
    const std::string name = item.get("name", std::string());
    BOOST_TEST_CONTEXT(file << ": " << list << "[" << place << "] " << name) {
      check(Vector(item));
    }
    ++place;
  }
}

/// Fails unless the lists of a file are those that its tests name: a list that nobody checks is a promise not
/// kept.
inline void check_lists_of(const std::string& file, std::vector<std::string> expected) {
  std::vector<std::string> found;
  for (const auto& [key, item] : vector_file(file)) {
    if (key != "protocol") {
      found.push_back(key);
    }
  }
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  BOOST_TEST(found == expected, boost::test_tools::per_element());
  BOOST_TEST(integer<int>(vector_file(file).get_child("protocol")) == 1);
}

}  // namespace toxasync::test
