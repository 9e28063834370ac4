#include "translate/inline_media.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace quarry::translate {

namespace {

constexpr std::string_view kScheme = "data:";

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

struct DataUri {
  std::string_view media_type;  // as declared
  std::string_view base64;
};

// RFC 2397, with ;base64.
std::expected<DataUri, std::string> parse_data_uri(std::string_view uri) {
  uri.remove_prefix(kScheme.size());
  const std::size_t comma = uri.find(',');
  if (comma == std::string_view::npos) return std::unexpected("is not a data: URI");
  const std::string_view head = uri.substr(0, comma);
  constexpr std::string_view encoding = ";base64";
  if (head.size() < encoding.size() ||
      !equal_ignoring_case(head.substr(head.size() - encoding.size()), encoding)) {
    return std::unexpected("the data: URI must be in base64");
  }
  return DataUri{head.substr(0, head.find(';')), uri.substr(comma + 1)};
}

bool is_data_uri(std::string_view text) {
  return equal_ignoring_case(text.substr(0, kScheme.size()), kScheme);
}

}  // namespace

std::expected<InlineImage, std::string> parse_image_url(std::string_view url) {
  if (!is_data_uri(url)) {
    return std::unexpected("URLs are not fetched; send the image itself as a data: URI in base64");
  }
  const auto uri = parse_data_uri(url);
  if (!uri) return std::unexpected(uri.error());
  const auto declared = media_type_of(uri->media_type);
  if (!declared) {
    return std::unexpected(
        "supported media types are: image/png, image/jpeg, image/gif, image/webp");
  }
  if (!is_base64(uri->base64)) return std::unexpected("the data: URI holds no valid base64");
  const std::string_view seen = media_type_of_data(uri->base64);
  return InlineImage{seen.empty() ? *declared : seen, uri->base64};
}

std::expected<InlineFile, std::string> parse_file_data(std::string_view data,
                                                       std::string_view file_name) {
  constexpr std::string_view pdf = "application/pdf";
  constexpr std::string_view ending = ".pdf";
  DataUri file{"", data};
  if (is_data_uri(data)) {
    const auto uri = parse_data_uri(data);
    if (!uri) return std::unexpected(uri.error());
    file = *uri;
  } else if (file_name.size() >= ending.size() &&
             equal_ignoring_case(file_name.substr(file_name.size() - ending.size()), ending)) {
    file.media_type = pdf;
  }
  if (!equal_ignoring_case(file.media_type, pdf)) {
    return std::unexpected("only PDF files are read: send data:application/pdf;base64,…");
  }
  if (!is_base64(file.base64)) return std::unexpected("holds no valid base64");
  return InlineFile{pdf, file.base64};
}

}  // namespace quarry::translate
