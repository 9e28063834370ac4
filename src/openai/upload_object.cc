#include "openai/upload_object.h"

#include <boost/json.hpp>

#include <array>
#include <utility>

namespace quarry::openai {

namespace json = boost::json;

namespace {

constexpr std::array<std::pair<UploadStatus, std::string_view>, 4> kStatusNames{{
    {UploadStatus::pending, "pending"},
    {UploadStatus::completed, "completed"},
    {UploadStatus::cancelled, "cancelled"},
    {UploadStatus::expired, "expired"},
}};

}  // namespace

std::string_view name(UploadStatus status) {
  for (const auto& [value, text] : kStatusNames) {
    if (value == status) return text;
  }
  return "expired";
}

std::optional<UploadStatus> parse_upload_status(std::string_view text) {
  for (const auto& [value, status_name] : kStatusNames) {
    if (status_name == text) return value;
  }
  return std::nullopt;
}

json::value to_json(const Upload& upload) {
  return {{"id", upload.id},
          {"object", "upload"},
          {"bytes", upload.bytes},
          {"created_at", upload.created_at},
          {"expires_at", upload.expires_at},
          {"filename", upload.filename},
          {"purpose", upload.purpose},
          {"status", name(upload.status)},
          {"file", upload.file ? to_json(*upload.file) : json::value(nullptr)}};
}

json::value to_json(const UploadPart& part) {
  return {{"id", part.id},
          {"object", "upload.part"},
          {"created_at", part.created_at},
          {"upload_id", part.upload_id}};
}

}  // namespace quarry::openai
