#include "http/multipart.h"

#include "base/bytes.h"
#include "http/form_header.h"
#include "http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace quarry::http {

namespace {

// White space that a sender may put after a boundary (RFC 2046 5.1.1); more is no delimiter.
constexpr std::size_t kPaddingBytesMax = 128;

std::unexpected<Error> malformed(std::string_view why) {
  return fail(Errc::invalid_request, fmt::format("the multipart form is malformed: {}", why));
}

}  // namespace

// A delimiter is CRLF "--" boundary. CR stands in it once, at its start, so what has matched so far
// needs no buffer: it is a prefix of the delimiter, and a mismatch can restart only at another CR.
struct MultipartReader::State {
  enum class At { data, after_delimiter, header, epilogue };

  State(std::string_view boundary, Events the_events)
      : delimiter(fmt::format("\r\n--{}", boundary)), events(std::move(the_events)) {}

  Result<void> feed(std::string_view& input);
  Result<void> in_data(std::string_view& input);
  Result<void> after_delimiter(std::string_view& input);
  Result<void> in_header(std::string_view& input);
  Result<void> begin_part();
  Result<void> emit(std::string_view piece);

  std::string delimiter;
  Events events;
  At at = At::data;
  bool in_part = false;      // false: preamble, whose bytes nobody wants
  std::size_t matched = 2;   // bytes of the delimiter seen
  std::size_t supposed = 2;  // of those: its CRLF where the form or a part begins, taken as seen
  std::string line;          // what followed a delimiter, or a part's header section so far
  std::size_t part_count = 0;
  std::optional<Error> failure;
};

Result<void> MultipartReader::State::emit(std::string_view piece) {
  if (!in_part || piece.empty()) return {};
  return events.part_data(as_bytes(piece));
}

Result<void> MultipartReader::State::feed(std::string_view& input) {
  switch (at) {
    case At::data:
      return in_data(input);
    case At::after_delimiter:
      return after_delimiter(input);
    case At::header:
      return in_header(input);
    case At::epilogue:
      input = {};
      return {};
  }
  std::unreachable();
}

Result<void> MultipartReader::State::in_data(std::string_view& input) {
  if (matched > 0) {  // a delimiter may have begun at the end of the last feed
    const std::size_t part = std::min(input.size(), delimiter.size() - matched);
    const auto expected = std::string_view(delimiter).substr(matched, part);
    const auto differs = std::ranges::mismatch(input.substr(0, part), expected);
    const auto same = static_cast<std::size_t>(differs.in2 - expected.begin());
    matched += same;
    input.remove_prefix(same);
    if (matched == delimiter.size()) {
      at = At::after_delimiter;
      line.clear();
      return {};
    }
    if (same == part) return {};  // still open, and the input is used up
    const auto given_up = std::string_view(delimiter)
                              .substr(0, std::exchange(matched, 0))
                              .substr(std::exchange(supposed, 0));
    if (auto done = emit(given_up); !done) return done;
  }
  // Only a CR can begin a delimiter: jump from one to the next.
  std::size_t from = 0;
  while (true) {
    const std::size_t cr = input.find('\r', from);
    if (cr == std::string_view::npos) break;
    const std::size_t part = std::min(input.size() - cr, delimiter.size());
    if (std::memcmp(input.data() + cr, delimiter.data(), part) == 0) {
      auto done = emit(input.substr(0, cr));
      matched = part;
      input.remove_prefix(cr + part);
      if (matched == delimiter.size()) {
        at = At::after_delimiter;
        line.clear();
      }
      return done;
    }
    from = cr + 1;
  }
  return emit(std::exchange(input, {}));
}

// What follows decides whether it was one: "--" closes the form, padding and CRLF begin a part.
// Anything else means that the boundary was only the beginning of a line of data.
Result<void> MultipartReader::State::after_delimiter(std::string_view& input) {
  while (!input.empty()) {
    const char c = input.front();
    const bool ends_line = c == '\n' && line.ends_with('\r');
    const bool closes = c == '-' && line == "-";
    const bool padding =
        (c == ' ' || c == '\t' || c == '\r') && !line.ends_with('\r') && line != "-";
    if (ends_line || closes) {
      input.remove_prefix(1);
      matched = supposed = 0;
      line.clear();
      at = closes ? At::epilogue : At::header;
      if (std::exchange(in_part, false)) return events.part_end();
      return {};
    }
    const bool dash = c == '-' && line.empty();
    if (!(dash || padding) || line.size() >= kPaddingBytesMax) {
      at = At::data;
      // A CR at the end may be the first byte of the true delimiter.
      const bool cr = line.ends_with('\r');
      matched = cr ? 1 : 0;
      if (cr) line.pop_back();
      const auto given_up = std::string_view(delimiter).substr(std::exchange(supposed, 0));
      if (auto done = emit(given_up); !done) return done;
      return emit(line);
    }
    line.push_back(c);
    input.remove_prefix(1);
  }
  return {};
}

Result<void> MultipartReader::State::in_header(std::string_view& input) {
  const std::size_t newline = input.find('\n');
  const auto piece = input.substr(0, newline == std::string_view::npos ? newline : newline + 1);
  if (line.size() + piece.size() > kPartHeaderBytesMax)
    return malformed("a part's header is too large");
  line.append(piece);
  input.remove_prefix(piece.size());
  if (!line.ends_with("\r\n\r\n") && line != "\r\n") return {};
  return begin_part();
}

Result<void> MultipartReader::State::begin_part() {
  if (++part_count > kPartCountMax) {
    return malformed(fmt::format("it has more than {} parts", kPartCountMax));
  }
  auto part = parse_part_header(line);
  if (!part) return malformed(part.error().message());
  at = At::data;
  in_part = true;
  matched = supposed = 2;  // a part without a body: the empty line's CRLF may be the delimiter's
  return events.part_begin(*part);
}

MultipartReader::MultipartReader(std::string boundary, Events events)
    : state_(std::make_shared<State>(boundary, std::move(events))) {}

Result<void> MultipartReader::feed(std::span<const std::byte> bytes) {
  State& state = *state_;
  if (state.failure) return fail(*state.failure);
  std::string_view input = as_text(bytes);
  while (!input.empty()) {
    if (auto done = state.feed(input); !done) {
      state.failure = done.error();
      return done;
    }
  }
  return {};
}

Result<void> MultipartReader::finish() {
  if (state_->failure) return fail(*state_->failure);
  if (state_->at == State::At::epilogue) return {};
  return malformed("it ends before its closing delimiter");
}

}  // namespace quarry::http
