// What of a request's target is signed (signature.h).

#include "sandbox/signature.h"

#include <algorithm>

namespace quarry::sandbox {
namespace {

std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split_text(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  if (out.empty() || path.ends_with('/')) out.push_back('/');
  return out;
}

}  // namespace

std::string canonical_path(std::string_view sent_path, Service service) {
  if (sent_path.empty()) return "/";
  if (service != Service::s3) return percent_encode(without_dot_segments(sent_path), true);
  // A client may leave "=" or "+" raw on the wire but must sign them encoded.
  const auto plain = percent_decode(sent_path);
  return percent_encode(plain ? *plain : sent_path, true);
}

std::string canonical_query(std::string_view sent_query) {
  std::vector<std::pair<std::string, std::string>> items;
  const auto encoded_once = [](std::string_view text) {
    const auto plain = percent_decode(text);
    return percent_encode(plain ? *plain : text, false);
  };
  for (const std::string_view item : split_text(sent_query, '&')) {
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    std::string name = encoded_once(item.substr(0, equals));
    if (name == "X-Amz-Signature") continue;
    items.emplace_back(std::move(name), equals == std::string_view::npos
                                            ? ""
                                            : encoded_once(item.substr(equals + 1)));
  }
  std::ranges::sort(items);
  std::string out;
  for (const auto& [name, value] : items) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

}  // namespace quarry::sandbox
