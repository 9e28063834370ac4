#pragma once
// The faults of a request body in the words of the JSON-schema validator that stands before
// Bedrock's own and Cohere's models: "Malformed input request: #: required key [texts] not found#:
// extraneous key [model] is not permitted, please reformat your input and try again." Pure.

#include "sandbox/model.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

inline constexpr std::size_t kAnyCount = std::numeric_limits<std::size_t>::max();

// What was found, in the order it was found.
class InputFaults {
 public:
  void add(std::string_view where, std::string_view what);
  bool none() const { return text_.empty(); }
  ModelError error() const;

 private:
  std::string text_;
};

// Looks at one object of a request; `where` is its place, "#" for the request itself. Every look at
// a member that is missing finds no fault and gives nothing, as does one that found a fault.
class ObjectCheck {
 public:
  using Words = std::initializer_list<std::string_view>;
  using Numbers = std::initializer_list<std::int64_t>;

  ObjectCheck(const boost::json::object& object, std::string where, InputFaults& faults)
      : object_(object), where_(std::move(where)), faults_(faults) {}

  void has_all(Words names);
  void has_only(Words names);

  const boost::json::object* object(std::string_view name);
  const boost::json::array* list(std::string_view name,
                                 std::size_t items_min,
                                 std::size_t items_max);
  std::optional<std::string_view> text(std::string_view name);
  std::optional<std::string_view> word(std::string_view name, Words allowed);
  std::optional<bool> flag(std::string_view name);
  std::optional<double> number(std::string_view name, double low, double high);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<std::int64_t> integer_of(std::string_view name, Numbers allowed);
  // All are strings; empty when any is not.
  std::vector<std::string_view> texts(std::string_view name,
                                      std::size_t items_min,
                                      std::size_t items_max);
  std::vector<std::string_view> words(std::string_view name, Words allowed);

  // One check for each item; an item that is no object is a fault.
  std::vector<ObjectCheck> objects(std::string_view name,
                                   std::size_t items_min,
                                   std::size_t items_max);

  const boost::json::object& checked() const { return object_; }
  const std::string& where() const { return where_; }
  std::string place(std::string_view name) const;
  void fault(std::string_view name, std::string_view what) { faults_.add(place(name), what); }

 private:
  const boost::json::value* typed(std::string_view name, std::string_view type);

  const boost::json::object& object_;
  std::string where_;
  InputFaults& faults_;
};

// How many characters (code points) the text has: the validator's lengths.
std::size_t characters_in(std::string_view text);

// "expected maxLength: 2048, actual: 2049", or "" when the length is allowed.
std::string length_fault(std::string_view text,
                         std::size_t characters_min,
                         std::size_t characters_max);

}  // namespace quarry::sandbox
