#pragma once
// Images as OpenAI's image_url carries them.

#include <expected>
#include <string>
#include <string_view>

namespace quarry::translate {

struct InlineImage {
  std::string_view media_type;  // image/png, image/jpeg, image/gif or image/webp
  std::string_view base64;      // a view into the URL, checked
};

// A data: URI (RFC 2397) in base64. The media type is what the data begins with, where that is
// known: clients mislabel images, and models refuse a label that is wrong. The error says why in
// words for a message.
std::expected<InlineImage, std::string> parse_image_url(std::string_view url);

}  // namespace quarry::translate
