#include "cli/upload_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace quarry::cli {
namespace {

// WHATWG HTML, "multipart/form-data encoding algorithm": only these three are escaped in names.
std::string escape_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "%22";
        break;
      case '\r':
        out += "%0D";
        break;
      case '\n':
        out += "%0A";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace

UploadBody::UploadBody(const UploadForm& form, std::string_view boundary, ReadFile read_file)
    : boundary_(boundary), file_bytes_(form.file_bytes), read_file_(std::move(read_file)) {
  for (const auto& [field_name, value] : form.fields) {
    head_ += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n",
                         boundary_, escape_name(field_name), value);
  }
  head_ += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      boundary_, escape_name(form.file_name));
  tail_ = fmt::format("\r\n--{}--\r\n", boundary_);
}

std::uint64_t UploadBody::size() const { return head_.size() + file_bytes_ + tail_.size(); }

std::string UploadBody::content_type() const {
  return "multipart/form-data; boundary=" + boundary_;
}

std::size_t UploadBody::read(std::span<std::byte> to) {
  if (to.empty()) return 0;
  if (stage_ == Stage::head) {
    if (const std::size_t count = read_text(head_, to); count > 0) return count;
    stage_ = Stage::file;
    text_offset_ = 0;
  }
  if (stage_ == Stage::file) {
    const std::uint64_t left = file_bytes_ - file_bytes_read_;
    if (left > 0) {
      const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(left, to.size()));
      const std::size_t count = read_file_(to.first(room));
      file_bytes_read_ += count;
      return count;  // 0 of a file that has shrunk: the stage stays, so the end is never sent
    }
    stage_ = Stage::tail;
  }
  return read_text(tail_, to);
}

std::size_t UploadBody::read_text(const std::string& text, std::span<std::byte> to) {
  const std::size_t count = std::min(text.size() - text_offset_, to.size());
  std::memcpy(to.data(), text.data() + text_offset_, count);
  text_offset_ += count;
  return count;
}

}  // namespace quarry::cli
