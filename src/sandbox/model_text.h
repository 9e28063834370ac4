#pragma once
// Where the models' words come from: sentences picked by a hash, and values that fit a JSON schema.
// Pure.

#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace quarry::sandbox {

// A stream of choices that only depends on what it was made from.
class TextSource {
 public:
  explicit TextSource(std::initializer_list<std::string_view> from);

  std::uint64_t next();
  std::size_t pick(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  std::string letters(std::size_t count);  // of 0-9 A-Z a-z

 private:
  std::uint64_t state_;
};

std::string compose_answer(std::string_view system, std::string_view user, TextSource& source);
std::string compose_thought(std::string_view user, TextSource& source);

// A value that the schema accepts, as far as its type, enum, const, required and bounds say;
// strings are taken from the user's words where that makes sense.
boost::json::value sample_of_schema(const boost::json::value& schema,
                                    std::string_view user,
                                    TextSource& source);

}  // namespace quarry::sandbox
