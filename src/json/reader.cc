#include "json/reader.h"

#include <simdjson.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

namespace quarry::json {

namespace {

// What a Document keeps between parses; one huge line must not cost its memory for ever.
constexpr std::size_t kTokensKept = std::size_t{1} << 16;
constexpr std::size_t kIndexBytesKept = std::size_t{1} << 20;
// Token holds 32-bit positions.
constexpr std::size_t kTextBytesMax = std::size_t{1} << 31;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The value of each hex digit, -1 of all else.
constexpr std::array<std::int8_t, 256> kHexDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (int i = 0; i < 10; ++i)
    digits[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    digits[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    digits[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return digits;
}();

// The four hex digits at `at`; -1 if they are not.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  const auto digit = [&](std::size_t i) -> int {
    return kHexDigits[static_cast<unsigned char>(text[at + i])];
  };
  const int d0 = digit(0), d1 = digit(1), d2 = digit(2), d3 = digit(3);
  return (d0 | d1 | d2 | d3) < 0 ? -1 : d0 << 12 | d1 << 8 | d2 << 4 | d3;
}

bool is_high_surrogate(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low_surrogate(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// The number grammar of RFC 8259 6.
bool is_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > start;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

// The next backslash at or after `at`. In prose they stand so close together that a call of memchr
// for each costs more than the search: the first bytes are looked at eight at a time.
std::size_t find_backslash(std::string_view text, std::size_t at) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  for (int i = 0; i < 12 && at + 8 <= text.size(); ++i, at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    bytes ^= ones * '\\';  // a backslash is now a zero byte
    const std::uint64_t zeros = (bytes - ones) & ~bytes & (ones << 7);
    if (zeros == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return at + static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
    }
    break;
  }
  return text.find('\\', at);
}

// The escapes of a string's inside, the first of which is at `at`.
std::optional<ParseError> check_escapes(std::string_view text, std::size_t at) {
  for (; at != std::string_view::npos; at = find_backslash(text, at)) {
    switch (at + 1 < text.size() ? text[at + 1] : '\0') {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        at += 2;
        continue;
      case 'u':
        break;
      default:
        return ParseError::syntax;
    }
    const int unit = code_unit(text, at + 2);
    if (unit < 0) return ParseError::syntax;
    if (is_low_surrogate(unit)) return ParseError::lone_surrogate;
    at += 6;
    if (!is_high_surrogate(unit)) continue;
    const bool escape_follows = text.substr(std::min(at, text.size()), 2) == "\\u";
    if (!escape_follows || !is_low_surrogate(code_unit(text, at + 2)))
      return ParseError::lone_surrogate;
    at += 6;
  }
  return std::nullopt;
}

char* write_utf8(char* out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return out;
}

char simple_escape(char kind) {
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return kind;  // " \ /
  }
}

// Writes what `text`, checked by check_escapes, means; never longer than it. Gives the number of
// bytes.
std::size_t unescape(std::string_view text, char* const start) {
  char* out = start;
  const auto copy = [&](std::size_t from, std::size_t to) {
    std::memcpy(out, text.data() + from, to - from);
    out += to - from;
  };
  std::size_t from = 0;
  for (std::size_t at = find_backslash(text, 0); at != std::string_view::npos;
       at = find_backslash(text, from)) {
    copy(from, at);
    if (text[at + 1] != 'u') {
      *out++ = simple_escape(text[at + 1]);
      from = at + 2;
      continue;
    }
    auto code = static_cast<std::uint32_t>(code_unit(text, at + 2));
    from = at + 6;
    if (is_high_surrogate(static_cast<int>(code))) {
      const auto low = static_cast<std::uint32_t>(code_unit(text, at + 8));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      from = at + 12;
    }
    out = write_utf8(out, code);
  }
  copy(from, text.size());
  return static_cast<std::size_t>(out - start);
}

}  // namespace

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::object:
      return "an object";
    case Kind::array:
      return "an array";
    case Kind::string:
      return "a string";
    case Kind::number:
      return "a number";
    case Kind::boolean:
      return "a boolean";
    case Kind::null:
      return "null";
  }
  return "";
}

std::string_view message(ParseError error) {
  switch (error) {
    case ParseError::syntax:
      return "not valid JSON";
    case ParseError::invalid_utf8:
      return "not valid UTF-8";
    case ParseError::lone_surrogate:
      return "a lone surrogate in a \\u escape";
    case ParseError::too_deep:
      return "nested too deeply";
    case ParseError::too_large:
      return "too large";
  }
  return "";
}

// simdjson's first stage: where each operator and each scalar begins. It copies the last block of
// its input before it looks at it, so the text needs no padding.
struct Document::Index {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;

  simdjson::error_code run(std::string_view text) {
    const bool too_small = !stage || stage->capacity() < text.size();
    const bool too_big =
        stage && stage->capacity() > 2 * kIndexBytesKept && text.size() <= kIndexBytesKept;
    if (too_small || too_big) {
      const std::size_t capacity = std::max<std::size_t>(text.size() + text.size() / 4, 4096);
      const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
          capacity, 1, stage);
      if (error != simdjson::SUCCESS) return error;
    }
    return stage->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                         simdjson::stage1_mode::regular);
  }
};

// Checks the grammar over simdjson's index and writes the tokens, of which there are never more
// than entries in the index.
class TokenBuilder {
 public:
  TokenBuilder(Document& document, const std::uint32_t* index, std::uint32_t count)
      : tokens_(document.tokens_.data()),
        open_(document.open_),
        depth_max_(document.depth_max_),
        text_(document.text_.data()),
        text_bytes_(static_cast<std::uint32_t>(document.text_.size())),
        at_(index),
        end_(index + count),
        whole_(document.text_),
        backslash_(document.text_.find('\\')) {}

  std::optional<ParseError> build() {
    do {
      if (!value() || !after_value()) return error_;
    } while (!open_.empty());
    if (at_ != end_) return ParseError::syntax;  // text after the end
    return std::nullopt;
  }

 private:
  using Token = Document::Token;

  bool next_is(char c) const { return at_ != end_ && text_[*at_] == c; }

  // A scalar or an empty container, with all that opens before it.
  [[gnu::always_inline]] bool value() {
    while (at_ != end_) {
      const char c = text_[*at_];
      if (c == '"') return string();
      if (c != '{' && c != '[') return scalar();
      if (open_.size() >= depth_max_) {
        error_ = ParseError::too_deep;
        return false;
      }
      const bool object = c == '{';
      open_.push_back(count_);
      tokens_[count_++] = {*at_++, 0, 0, object ? Kind::object : Kind::array, false};
      if (next_is(object ? '}' : ']')) {
        close();
        return true;
      }
      if (object && !key()) return false;
    }
    return false;
  }

  // What closes after a value, and the comma before the next one.
  [[gnu::always_inline]] bool after_value() {
    while (!open_.empty()) {
      const bool in_object = tokens_[open_.back()].kind == Kind::object;
      if (next_is(',')) {
        ++at_;
        return !in_object || key();
      }
      if (!next_is(in_object ? '}' : ']')) return false;
      close();
    }
    return true;
  }

  // A key and the colon behind it.
  [[gnu::always_inline]] bool key() {
    if (!next_is('"') || !string() || !next_is(':')) return false;
    ++at_;
    return true;
  }

  void close() {
    Token& token = tokens_[open_.back()];
    token.end = *at_++ + 1;
    token.next = count_;
    open_.pop_back();
  }

  // Where the scalar ends that begins at *at_: only whitespace is between it and the next entry.
  [[gnu::always_inline]] std::uint32_t end_of_scalar() const {
    std::uint32_t end = at_ + 1 != end_ ? at_[1] : text_bytes_;
    while (is_space(text_[end - 1])) --end;
    return end;
  }

  [[gnu::always_inline]] bool string() {
    const std::uint32_t begin = *at_;
    const std::uint32_t end = end_of_scalar();
    if (end < begin + 2 || text_[end - 1] != '"') return false;
    // Backslashes are looked for once over the whole text, not once a string.
    const bool escaped = backslash_ < end;
    if (escaped && !check_string(begin, end)) return false;
    push_scalar(begin, end, Kind::string, escaped);
    return true;
  }

  bool check_string(std::uint32_t begin, std::uint32_t end) {
    if (backslash_ <= begin) return false;  // outside any string
    if (auto error = check_escapes({text_ + begin + 1, end - begin - 2}, backslash_ - begin - 1)) {
      error_ = *error;
      return false;
    }
    backslash_ = find_backslash(whole_, end);
    return true;
  }

  bool scalar() {
    const std::uint32_t begin = *at_;
    const std::uint32_t end = end_of_scalar();
    if (end <= begin) return false;
    const std::string_view text(text_ + begin, end - begin);
    if (text == "true" || text == "false") {
      push_scalar(begin, end, Kind::boolean, false);
    } else if (text == "null") {
      push_scalar(begin, end, Kind::null, false);
    } else if (is_number(text)) {
      push_scalar(begin, end, Kind::number, false);
    } else {
      return false;
    }
    return true;
  }

  [[gnu::always_inline]] void push_scalar(std::uint32_t begin,
                                          std::uint32_t end,
                                          Kind kind,
                                          bool escaped) {
    tokens_[count_] = {begin, end, count_ + 1, kind, escaped};
    ++count_;
    ++at_;
  }

  Token* tokens_;
  std::uint32_t count_ = 0;
  std::vector<std::uint32_t>& open_;
  std::size_t depth_max_;
  const char* text_;
  std::uint32_t text_bytes_;
  const std::uint32_t* at_;
  const std::uint32_t* end_;
  std::string_view whole_;
  std::size_t backslash_;  // the first one not yet checked
  ParseError error_ = ParseError::syntax;
};

Document::Document(std::size_t depth_max)
    : depth_max_(depth_max), index_(std::make_unique<Index>()) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

std::expected<Value, ParseError> Document::parse(std::string_view text) {
  if (tokens_.size() > kTokensKept && text.size() <= kTokensKept) tokens_ = {};
  open_.clear();
  unescaped_.clear();
  text_ = text;
  if (text.size() > kTextBytesMax) return std::unexpected(ParseError::too_large);
  if (text.empty()) return std::unexpected(ParseError::syntax);

  const auto error = index_->run(text);
  if (error == simdjson::UTF8_ERROR) return std::unexpected(ParseError::invalid_utf8);
  if (error == simdjson::CAPACITY || error == simdjson::MEMALLOC) {
    return std::unexpected(ParseError::too_large);
  }
  if (error != simdjson::SUCCESS) return std::unexpected(ParseError::syntax);

  const auto& stage = *index_->stage;
  if (tokens_.size() < stage.n_structural_indexes) {
    tokens_.resize(std::max<std::size_t>(stage.n_structural_indexes, 256));
  }
  TokenBuilder builder(*this, stage.structural_indexes.get(), stage.n_structural_indexes);
  if (auto bad = builder.build()) return std::unexpected(*bad);
  return Value(this, 0);
}

char* Document::Texts::allocate(std::size_t bytes) {
  if (bytes > room_) {
    room_ = std::max(bytes, kBlockBytes);
    oversize_ = oversize_ || room_ > kBlockBytes;
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(room_));
    at_ = blocks_.back().get();
  }
  char* const start = at_;
  at_ += bytes;
  room_ -= bytes;
  return start;
}

void Document::Texts::clear() {
  if (blocks_.size() > 1 || oversize_) blocks_.clear();
  oversize_ = false;
  at_ = blocks_.empty() ? nullptr : blocks_.front().get();
  room_ = blocks_.empty() ? 0 : kBlockBytes;
}

std::string_view Document::unescaped(std::string_view inside) const {
  char* const start = unescaped_.allocate(inside.size());
  return {start, unescape(inside, start)};
}

bool Value::boolean() const { return raw().front() == 't'; }

std::optional<std::int64_t> Value::integer() const {
  if (!is(Kind::number)) return std::nullopt;
  const std::string_view token = raw();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return value;
}

std::optional<double> Value::number() const {
  if (!is(Kind::number)) return std::nullopt;
  const std::string_view token = raw();
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return value;
}

std::optional<Value> Value::find(std::string_view key) const {
  std::optional<Value> found;
  for (const auto [name, value] : members()) {
    if (name == key) found = value;
  }
  return found;
}

std::optional<Value> Value::find_non_null(std::string_view key) const {
  return std::get<0>(pick(std::array{key}));
}

bool Value::empty() const { return document_->tokens_[token_].next == token_ + 1; }

void Value::append_compact(std::string& out) const {
  const std::string_view source = document_->text_;
  const auto& tokens = document_->tokens_;
  // Between two tokens are operators and whitespace.
  const auto append_gap = [&](std::uint32_t from, std::uint32_t to) {
    for (; from < to; ++from) {
      if (!is_space(source[from])) out += source[from];
    }
  };
  std::uint32_t at = tokens[token_].begin;
  for (std::uint32_t i = token_; i < tokens[token_].next; ++i) {
    append_gap(at, tokens[i].begin);
    const bool container = tokens[i].kind == Kind::object || tokens[i].kind == Kind::array;
    at = container ? tokens[i].begin : tokens[i].end;
    if (container) {
      out += source[at++];
    } else {
      out.append(document_->raw(tokens[i]));
    }
  }
  append_gap(at, tokens[token_].end);
}

}  // namespace quarry::json
