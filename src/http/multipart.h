#pragma once
// A streaming reader of multipart/form-data (RFC 7578, RFC 2046 5.1): any part order, any chunking down
// to one byte, preamble and epilogue ignored. Pure: fed with bytes, calls back with pieces.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quarry::http {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // %22 %0D %0A decoded (HTML5's form encoding), else as sent
  std::string content_type;             // "" when absent
};

// "multipart/form-data; boundary=…" -> the boundary.
// Errors: invalid_request: another type, no boundary, or one that RFC 2046 5.1.1 does not allow.
Result<std::string> form_boundary(std::string_view content_type);

class MultipartReader {
 public:
  struct Events {
    // Each may fail the whole form with an error of its own.
    std::function<Result<void>(const FormPart&)> part_begin;
    std::function<Result<void>(std::span<const std::byte>)> part_data;  // never empty; valid during the call
    std::function<Result<void>()> part_end;
  };
  static constexpr std::size_t kPartHeaderBytesMax = 16 * 1024;
  static constexpr std::size_t kPartCountMax = 1000;

  MultipartReader(std::string boundary, Events events);

  // Feeds the next bytes of the body, any number of them.
  // Errors: invalid_request (malformed part headers, too many parts, no name), and what Events returned.
  Result<void> feed(std::span<const std::byte> bytes);
  // The body has ended. Errors: invalid_request if the closing delimiter has not been seen.
  Result<void> finish();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quarry::http
