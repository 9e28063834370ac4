#include "batch/resource_names.h"

#include "batch/worth_repeating.h"

#include <algorithm>

namespace quarry::batch {
namespace {

bool ends_name(char c) {
  return c == ' ' || c == '"' || c == '\'' || c == ',' || c == ')' || c == ']' || c == '\n';
}

bool alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "Operation subject: Code: words (HTTP 400, request id x)", as aws::to_error writes it, with
// whatever was put before: "Code: words". Others stay as they are.
std::string_view said_by_aws(std::string_view message) {
  const std::size_t trailer = message.rfind(" (HTTP ");
  if (trailer == std::string_view::npos || !message.ends_with(')')) return message;
  const std::string_view said = message.substr(0, trailer);
  for (std::size_t at = said.find(": "); at != std::string_view::npos; at = said.find(": ", at)) {
    at += 2;
    const std::string_view code = said.substr(at, said.find(": ", at) - at);
    if (!code.empty() && std::ranges::all_of(code, alphanumeric)) return said.substr(at);
  }
  return said;
}

}  // namespace

std::string without_resource_names(std::string_view message) {
  message = said_by_aws(message);
  std::string clean;
  for (std::size_t at = 0; at < message.size();) {
    const std::string_view rest = message.substr(at);
    const bool arn = rest.starts_with("arn:");
    if (!arn && !rest.starts_with("s3://")) {
      clean.push_back(message[at++]);
      continue;
    }
    clean += arn ? "<arn>" : "<s3 object>";
    while (at < message.size() && !ends_name(message[at])) ++at;
    // A colon or a full stop that closes the name belongs to the sentence.
    if (message[at - 1] == ':' || message[at - 1] == '.') clean.push_back(message[at - 1]);
  }
  return clean;
}

std::string public_words(const Error& error) {
  if (!no_credentials(error)) return without_resource_names(error.message());
  return "the server has no AWS credentials at present; its operator finds the cause in the log";
}

}  // namespace quarry::batch
