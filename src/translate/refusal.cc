#include "translate/refusal.h"

#include <utility>

namespace quarry::translate {

namespace {

// "body.max_tokens" -> "max_tokens".
std::string_view without_body(std::string_view param) {
  constexpr std::string_view prefix = "body.";
  return param.starts_with(prefix) ? param.substr(prefix.size()) : param;
}

Refusal refuse(std::string_view code, std::string message, std::string_view param) {
  return Refusal(openai::LineError{std::string(code), std::move(message), std::string(param)});
}

std::string about(std::string_view param, std::string_view why) {
  std::string message(param);
  message.append(": ").append(why);
  return message;
}

}  // namespace

Refusal invalid_value(std::string_view param, std::string_view why) {
  return refuse("invalid_value", about(param, why), param);
}

Refusal unsupported(std::string_view param, std::string_view why) {
  return refuse("unsupported_parameter", about(param, why), param);
}

Refusal missing(std::string_view param) {
  std::string message = "Missing required parameter: '";
  message.append(without_body(param)).append("'.");
  return refuse("missing_required_parameter", std::move(message), param);
}

Refusal wrong_type(std::string_view param, std::string_view wanted, json::Kind got) {
  std::string message = "Invalid type for '";
  message.append(without_body(param)).append("': expected ").append(wanted);
  message.append(", but got ").append(json::name(got)).append(" instead.");
  return refuse("invalid_value", std::move(message), param);
}

Refusal unreadable(json::ParseError error, std::string_view param) {
  return refuse("invalid_request", about(param, json::message(error)), param);
}

}  // namespace quarry::translate
