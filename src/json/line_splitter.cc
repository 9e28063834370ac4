#include "json/line_splitter.h"

#include "base/bytes.h"

#include <algorithm>

namespace quarry::json {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// A line of line_bytes_max bytes may stand between a byte order mark and a '\r'; one byte more than
// all of that is enough to know that a line is too long.
constexpr std::size_t kSlack = kByteOrderMark.size() + 2;
// A long line's memory is kept for the next one up to here.
constexpr std::size_t kCarryBytesKept = std::size_t{1} << 20;

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

LineSplitter::LineSplitter(std::size_t line_bytes_max)
    : line_bytes_max_(std::min(line_bytes_max, std::string().max_size() - kSlack)) {}

void LineSplitter::feed(std::span<const std::byte> chunk) {
  if (carry_given_) {
    carry_.clear();
    carry_given_ = false;
  }
  chunk_ = as_text(chunk);  // the one before is used up: next() returned false
}

bool LineSplitter::next(Line& line) {
  while (true) {
    if (carry_given_) {
      carry_.clear();
      carry_given_ = false;
      if (carry_.capacity() > kCarryBytesKept) carry_.shrink_to_fit();
    }
    const std::size_t end = chunk_.find('\n');
    if (end == std::string_view::npos) {
      carry(chunk_);
      chunk_ = {};
      return false;
    }
    std::string_view text = chunk_.substr(0, end);
    if (carrying_) {
      carry(text);
      carrying_ = false;
      carry_given_ = true;
      text = carry_;
    }
    chunk_.remove_prefix(end + 1);
    if (emit(text, line)) return true;
  }
}

bool LineSplitter::finish(Line& line) {
  if (next(line)) return true;
  if (!carrying_) return false;
  carrying_ = false;
  carry_given_ = true;
  return emit(carry_, line);
}

void LineSplitter::carry(std::string_view text) {
  if (text.empty()) return;
  carrying_ = true;
  const std::size_t room =
      line_bytes_max_ + kSlack - std::min(carry_.size(), line_bytes_max_ + kSlack);
  carry_.append(text.substr(0, room));
}

bool LineSplitter::emit(std::string_view text, Line& line) {
  ++line_number_;
  text = text.substr(0, line_bytes_max_ + kSlack);  // as much as carry() would have kept
  if (line_number_ == 1 && text.starts_with(kByteOrderMark))
    text.remove_prefix(kByteOrderMark.size());
  if (text.ends_with('\r')) text.remove_suffix(1);
  const bool too_long = text.size() > line_bytes_max_;
  if (!too_long && blank(text)) return false;
  line = {text.substr(0, line_bytes_max_), line_number_, too_long};
  return true;
}

}  // namespace quarry::json
