#pragma once
// What an HTTP request and a response are here: plain values, no Beast and no libcurl in them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/task.h"

namespace quarry::http {

// Header fields in order of arrival; names compare without case (RFC 9110 5.1).
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string field_name, std::string value);
  // Replaces every field of that name by one.
  void set(std::string field_name, std::string value);
  void remove(std::string_view field_name);
  // The first of that name.
  std::optional<std::string_view> get(std::string_view field_name) const;
  std::size_t count(std::string_view field_name) const;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);

// Pull side of a body.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next bytes, valid until the next call; empty means the end of the body.
  // Errors: unavailable (connection lost before the end), deadline_exceeded (peer too slow),
  // invalid_request (over the server's body limit; reason "body_too_large"; or broken chunking).
  virtual Task<std::span<const std::byte>> read() = 0;
};

}  // namespace quarry::http
