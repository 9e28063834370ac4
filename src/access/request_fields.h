#pragma once
// The members of a JSON request, taken one by one: each is checked as it is taken, the first that
// is wrong is remembered, and what nobody took is known in the end. Pure.

#include "base/result.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::access {

// nullopt: the member is absent, nothing changes. Within: nullopt: it is null, there is none.
template <class T>
using Change = std::optional<std::optional<T>>;

class RequestFields {
 public:
  // No body at all is as {}. Errors: invalid_request (no JSON object).
  static Result<RequestFields> parse(std::string_view body);

  // A text of 1 to bytes_max bytes without control characters. "" is as null.
  Change<std::string> text(std::string_view name, std::size_t bytes_max);
  Change<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  // US dollars, from 0, as nano-dollars, rounded to the nearest.
  Change<std::int64_t> nano_usd(std::string_view name);
  Change<bool> boolean(std::string_view name);
  // An array of such texts; null is as an empty one.
  std::optional<std::vector<std::string>> texts(std::string_view name,
                                                std::size_t bytes_max,
                                                std::size_t count_max);
  Change<boost::json::object> object(std::string_view name);

  // Remembers that `name` is wrong, unless something was before.
  void complain(std::string_view name, std::string code, std::string what);

  // Errors: invalid_request with param and code: the first that was wrong.
  Result<void> checked() const;
  // The members that nobody took.
  std::vector<std::string> leftovers() const;

 private:
  explicit RequestFields(boost::json::object body) : body_(std::move(body)) {}
  const boost::json::value* take(std::string_view name);
  bool text_is_well(std::string_view name, const boost::json::value& value, std::size_t bytes_max);

  boost::json::object body_;
  std::set<std::string, std::less<>> taken_;
  std::optional<Error> error_;
};

}  // namespace quarry::access
