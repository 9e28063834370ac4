#pragma once
// The objects of the Uploads API (OpenAI API reference, "Uploads"): a file that comes in parts.

#include "openai/objects.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::openai {

// pending -> completed | cancelled | expired.
enum class UploadStatus { pending, completed, cancelled, expired };
std::string_view name(UploadStatus status);
std::optional<UploadStatus> parse_upload_status(std::string_view text);

struct Upload {
  std::string id;
  std::int64_t bytes = 0;  // that the whole file is to have
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;  // of the upload, not of the file
  std::string filename;
  std::string purpose;
  UploadStatus status = UploadStatus::pending;
  std::optional<File> file;  // once completed
};
boost::json::value to_json(const Upload& upload);

struct UploadPart {
  std::string id;
  std::int64_t created_at = 0;
  std::string upload_id;
};
boost::json::value to_json(const UploadPart& part);

}  // namespace quarry::openai
