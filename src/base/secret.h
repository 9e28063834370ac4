#pragma once
// A value that must not be printed. Formatting gives "<redacted>"; streaming does not compile.

#include <fmt/format.h>

#include <ostream>
#include <string>
#include <utility>

namespace quarry {

template <class T>
class Secret {
 public:
  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}

  // The one way in, easy to grep for.
  const T& reveal() const { return value_; }
  bool operator==(const Secret&) const = default;

 private:
  T value_{};
};

template <class T>
std::ostream& operator<<(std::ostream&, const Secret<T>&) = delete;

}  // namespace quarry

template <class T>
struct fmt::formatter<quarry::Secret<T>> : fmt::formatter<std::string_view> {
  auto format(const quarry::Secret<T>&, format_context& context) const {
    return fmt::formatter<std::string_view>::format("<redacted>", context);
  }
};
