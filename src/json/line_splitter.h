#pragma once
// JSONL from chunks: splits on '\n' only (U+2028 and U+0085 are text), takes one '\r' off the end,
// strips a UTF-8 byte order mark from the start, counts blank lines without giving them. Pure;
// bounded by line_bytes_max.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace quarry::json {

class LineSplitter {
 public:
  // line_bytes_max: without the line's end and the byte order mark.
  explicit LineSplitter(std::size_t line_bytes_max);

  struct Line {
    std::string_view
        text;  // not blank, without its line end; valid until the next call of next() or feed()
    std::uint64_t number = 0;  // 1-based, blank lines counted
    bool too_long = false;     // text is then the first line_bytes_max bytes, the rest is skipped
  };

  // Gives the splitter the next chunk, which must stay valid until next() has returned false.
  void feed(std::span<const std::byte> chunk);
  // The next whole line of what was fed; false when more must be fed.
  bool next(Line& line);
  // The input has ended: the last line if it had no line end. False if there is none.
  bool finish(Line& line);
  // Lines seen so far, blank ones included.
  std::uint64_t line_count() const { return line_number_; }

 private:
  bool emit(std::string_view text, Line& line);
  void carry(std::string_view text);

  std::size_t line_bytes_max_;
  std::string_view chunk_;    // what is left of it
  std::string carry_;         // the start of a line whose end has not come yet
  bool carrying_ = false;     // such a line is open, even if nothing of it came yet
  bool carry_given_ = false;  // carry_ is what the last Line views
  std::uint64_t line_number_ = 0;
};

}  // namespace quarry::json
