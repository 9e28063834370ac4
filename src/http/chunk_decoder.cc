#include "http/chunk_decoder.h"

#include <algorithm>

namespace quarry::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// What may stand in an extension or a trailer field.
bool is_text(char c) { return (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f') || c == '\t'; }

}  // namespace

ChunkDecoder::Step ChunkDecoder::decode(std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  while (at_ != At::end) {
    if (taken == bytes.size()) return {Event::need_more, taken, {}};
    if (at_ == At::data) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - taken));
      left_ -= count;
      if (left_ == 0) at_ = At::data_cr;
      return {Event::piece, taken + count, bytes.subspan(taken, count)};
    }
    if (!take(static_cast<char>(bytes[taken]))) return {Event::malformed, taken, {}};
    ++taken;
  }
  return {Event::end, taken, {}};
}

bool ChunkDecoder::take_size_digit(char c) {
  const int digit = hex_digit(c);
  if (digit < 0 || left_ >> 60 != 0) return false;
  left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
  at_ = At::size;
  return true;
}

bool ChunkDecoder::take(char c) {
  const auto expect = [&](char wanted, At next) {
    at_ = next;
    return c == wanted;
  };
  ++line_bytes_;
  switch (at_) {
    case At::size_start:
      left_ = 0;
      line_bytes_ = 1;
      return take_size_digit(c);
    case At::size:
      if (c == ';')
        at_ = At::extension;
      else if (c == '\r')
        at_ = At::size_lf;
      else if (is_blank(c))
        at_ = At::blanks;
      else
        return line_bytes_ <= kLineBytesMax && take_size_digit(c);
      return true;
    case At::blanks:  // only before an extension
      if (c == ';') at_ = At::extension;
      return (c == ';' || is_blank(c)) && line_bytes_ <= kLineBytesMax;
    case At::extension:
      if (c == '\r') at_ = At::size_lf;
      return (c == '\r' || is_text(c)) && line_bytes_ <= kLineBytesMax;
    case At::size_lf:
      line_bytes_ = 0;
      return expect('\n', left_ == 0 ? At::trailer_start : At::data);
    case At::data_cr:
      return expect('\r', At::data_lf);
    case At::data_lf:
      return expect('\n', At::size_start);
    case At::trailer_start:
      at_ = c == '\r' ? At::last_lf : At::trailer;
      return c == '\r' || is_text(c);
    case At::trailer:
      if (c == '\r') at_ = At::trailer_lf;
      return (c == '\r' || is_text(c)) && line_bytes_ <= kTrailerBytesMax;
    case At::trailer_lf:
      return expect('\n', At::trailer_start);
    case At::last_lf:
      return expect('\n', At::end);
    case At::data:
    case At::end:
      break;
  }
  return false;
}

}  // namespace quarry::http
