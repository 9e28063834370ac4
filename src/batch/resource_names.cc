#include "batch/resource_names.h"

namespace quarry::batch {
namespace {

bool ends_name(char c) {
  return c == ' ' || c == '"' || c == '\'' || c == ',' || c == ')' || c == ']' || c == '\n';
}

}  // namespace

std::string without_resource_names(std::string_view message) {
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

}  // namespace quarry::batch
