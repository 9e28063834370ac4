#pragma once
// Errors as values: Error says what the caller can do about it, Result<T> carries either.
// Exceptions are for start-up and for bugs (docs/adr/0001-errors-are-values.md).

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace quarry {

// What the caller can do, not what went wrong inside. Closed on purpose.
enum class Errc {
  invalid_request,  // the input is wrong; repeating it cannot help
  not_found,
  forbidden,
  denied,  // the caller may not do this, whoever else may
  conflict,
  limited,      // more than the caller is allowed at once, or in a time: later, or less
  throttled,    // later, more slowly
  unavailable,  // later
  deadline_exceeded,
  cancelled,
  upstream,  // AWS said no, for a reason of its own
  corrupt,   // stored or received bytes are not what they must be
  internal,
};

std::string_view name(Errc code);

// True where the same call may succeed later: throttled, unavailable, deadline_exceeded.
bool retryable(Errc code);

class Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  // reason: the machine's word for it (AWS's error code, OpenAI's `code`); param: OpenAI's `param`.
  Error&& reason(std::string value) && {
    reason_ = std::move(value);
    return std::move(*this);
  }
  Error&& param(std::string value) && {
    param_ = std::move(value);
    return std::move(*this);
  }

  // Not before then is it worth asking again.
  Error&& retry_after(std::chrono::seconds value) && {
    retry_after_ = value;
    return std::move(*this);
  }

  // Adds what was being done: "staging s3://b/k: " + message.
  Error within(std::string_view doing) &&;

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& reason() const { return reason_; }  // "" when none
  const std::string& param() const { return param_; }    // "" when none
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  Errc code_;
  std::string message_;
  std::string reason_;
  std::string param_;
  std::optional<std::chrono::seconds> retry_after_;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error(code, std::move(message)));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace quarry
