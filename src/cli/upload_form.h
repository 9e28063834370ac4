#pragma once
// The multipart/form-data body of an upload, made while it is sent (RFC 7578): fields first, then
// the file, whose bytes are never held whole.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::cli {

struct UploadForm {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string file_name;  // any UTF-8; quotes and line ends are encoded as browsers do
  std::uint64_t file_bytes = 0;
};

class UploadBody {
 public:
  // Fills the span, returns how many bytes, 0 at the end.
  using ReadFile = std::function<std::size_t(std::span<std::byte>)>;

  // boundary: must not occur in the file; random ones do not.
  UploadBody(const UploadForm& form, std::string_view boundary, ReadFile read_file);

  std::uint64_t size() const;        // exact
  std::string content_type() const;  // with the boundary

  // The next bytes; 0 at the end. A file that has grown since is cut at file_bytes; of one that has
  // shrunk nothing more comes, so the receiver sees a short body.
  std::size_t read(std::span<std::byte> to);
  std::uint64_t file_bytes_read() const { return file_bytes_read_; }

 private:
  std::size_t read_text(const std::string& text, std::span<std::byte> to);

  std::string boundary_;
  std::string head_;
  std::string tail_;
  std::uint64_t file_bytes_;
  ReadFile read_file_;
  std::uint64_t file_bytes_read_ = 0;
  std::size_t text_offset_ = 0;
  enum class Stage { head, file, tail } stage_ = Stage::head;
};

}  // namespace quarry::cli
