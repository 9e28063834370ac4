#pragma once
// Images and files as OpenAI's image_url and file_data carry them.

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

struct InlineFile {
  std::string_view media_type;  // application/pdf
  std::string_view base64;      // a view into the data, checked
};

// A data: URI in base64, or bare base64 with a file name that ends in .pdf. PDF only: no other kind
// of file is read by every model that reads files.
std::expected<InlineFile, std::string> parse_file_data(std::string_view data,
                                                       std::string_view file_name);

}  // namespace quarry::translate
