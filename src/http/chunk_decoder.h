#pragma once
// The chunked transfer coding (RFC 9112 7.1), strictly: CRLF only, no blanks after a size, bounded
// lines. Pure. (Beast's own asserts on an empty body whose last chunk comes in pieces, in 1.81.)

#include <cstddef>
#include <cstdint>
#include <span>

namespace quarry::http {

class ChunkDecoder {
 public:
  static constexpr std::size_t kLineBytesMax = 4096;      // a size with its extensions
  static constexpr std::size_t kTrailerBytesMax = 16384;  // all trailer fields

  enum class Event { need_more, piece, end, malformed };
  struct Step {
    Event event;
    std::size_t taken;                 // all of the bytes for need_more
    std::span<const std::byte> piece;  // into the bytes; never empty for Event::piece
  };
  // Takes bytes up to the next piece of data, or the end of the body.
  Step decode(std::span<const std::byte> bytes);

 private:
  enum class At {
    size_start,
    size,
    blanks,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    last_lf,
    end,
  };
  bool take(char c);  // one byte of anything but data; false: malformed
  bool take_size_digit(char c);

  At at_ = At::size_start;
  std::uint64_t left_ = 0;  // of the chunk
  std::size_t line_bytes_ = 0;
};

}  // namespace quarry::http
