#include "translate/image.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace quarry::translate {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return false;
  if (text.ends_with('=')) text.remove_suffix(1);
  if (text.ends_with('=')) text.remove_suffix(1);
  // Without branches and in bytes, so that it is vectorized: images are most of the bytes of their
  // lines.
  std::uint8_t bad = 0;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    const auto letter = static_cast<std::uint8_t>((byte | 0x20) - 'a');
    const auto digit = static_cast<std::uint8_t>(byte - '0');
    const bool other = (letter > 25) & (digit > 9) & (byte != '+') & (byte != '/');
    bad = static_cast<std::uint8_t>(bad | std::uint8_t{other});
  }
  return bad == 0;
}

std::optional<std::string_view> media_type_of(std::string_view declared) {
  if (equal_ignoring_case(declared, "image/jpg")) return "image/jpeg";
  for (const std::string_view known : {"image/png", "image/jpeg", "image/gif", "image/webp"}) {
    if (equal_ignoring_case(declared, known)) return known;
  }
  return std::nullopt;
}

// The formats' first bytes, in base64.
std::string_view media_type_of_data(std::string_view base64) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> starts{{
      {"iVBORw0KGgo", "image/png"},
      {"/9j/", "image/jpeg"},
      {"R0lGOD", "image/gif"},
      {"UklGR", "image/webp"},
  }};
  for (const auto& [start, media_type] : starts) {
    if (base64.starts_with(start)) return media_type;
  }
  return {};
}

}  // namespace

std::expected<InlineImage, std::string> parse_image_url(std::string_view url) {
  constexpr std::string_view scheme = "data:";
  if (!equal_ignoring_case(url.substr(0, scheme.size()), scheme)) {
    return std::unexpected("URLs are not fetched; send the image itself as a data: URI in base64");
  }
  url.remove_prefix(scheme.size());
  const std::size_t comma = url.find(',');
  if (comma == std::string_view::npos) return std::unexpected("is not a data: URI");
  const std::string_view head = url.substr(0, comma);
  constexpr std::string_view encoding = ";base64";
  if (head.size() < encoding.size() ||
      !equal_ignoring_case(head.substr(head.size() - encoding.size()), encoding)) {
    return std::unexpected("the data: URI must be in base64");
  }
  const auto declared = media_type_of(head.substr(0, head.find(';')));
  if (!declared) {
    return std::unexpected(
        "supported media types are: image/png, image/jpeg, image/gif, image/webp");
  }
  const std::string_view data = url.substr(comma + 1);
  if (!is_base64(data)) return std::unexpected("the data: URI holds no valid base64");
  const std::string_view seen = media_type_of_data(data);
  return InlineImage{seen.empty() ? *declared : seen, data};
}

}  // namespace quarry::translate
