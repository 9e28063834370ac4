#include "json/reader.h"

#include <simdjson.h>

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

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at `at`; -1 if they are not.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int unit = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
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

// The escapes of a string's inside, the first of which is at `at`.
std::optional<ParseError> check_escapes(std::string_view text, std::size_t at) {
  while (at != std::string_view::npos) {
    const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
    std::size_t length = 2;
    if (kind == 'u') {
      const int unit = code_unit(text, at + 2);
      if (unit < 0) return ParseError::syntax;
      length = 6;
      if (is_low_surrogate(unit)) return ParseError::lone_surrogate;
      if (is_high_surrogate(unit)) {
        const bool escape_follows = text.substr(at + 6, 2) == "\\u";
        if (!escape_follows || !is_low_surrogate(code_unit(text, at + 8))) {
          return ParseError::lone_surrogate;
        }
        length = 12;
      }
    } else if (kind == '\0' || std::strchr("\"\\/bfnrt", kind) == nullptr) {
      return ParseError::syntax;
    }
    at = text.find('\\', at + length);
  }
  return std::nullopt;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
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

// `text`: checked by check_escapes.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t from = 0;
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', from)) {
    out.append(text, from, at - from);
    if (text[at + 1] != 'u') {
      out += simple_escape(text[at + 1]);
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
    append_utf8(out, code);
  }
  out.append(text, from);
  return out;
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
        stage && stage->capacity() > kIndexBytesKept && text.size() <= kIndexBytesKept;
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

// Checks the grammar over simdjson's index and writes the tokens.
class TokenBuilder {
 public:
  TokenBuilder(Document& document, const std::uint32_t* index, std::uint32_t count)
      : document_(document), text_(document.text_), index_(index), count_(count) {
    backslash_ = text_.find('\\');
  }

  std::optional<ParseError> build() {
    State state = State::value;
    for (; at_ < count_; ++at_) {
      const std::uint32_t begin = index_[at_];
      const char c = text_[begin];
      if (state == State::value || state == State::value_or_close) {
        if (c == ']' && state == State::value_or_close) {
          state = close(begin, Kind::array);
        } else if (auto error = value(begin, c, state)) {
          return error;
        }
      } else if (state == State::key || state == State::key_or_close) {
        if (c == '}' && state == State::key_or_close) {
          state = close(begin, Kind::object);
        } else {
          if (c != '"') return ParseError::syntax;
          if (auto error = string(begin)) return error;
          state = State::colon;
        }
      } else if (state == State::colon) {
        if (c != ':') return ParseError::syntax;
        state = State::value;
      } else if (state == State::comma_or_close) {
        state = after_value(begin, c);
      } else {
        return ParseError::syntax;  // text after the end
      }
      if (state == State::bad) return ParseError::syntax;
    }
    if (state != State::end) return ParseError::syntax;
    return std::nullopt;
  }

 private:
  enum class State { value, value_or_close, key, key_or_close, colon, comma_or_close, end, bad };
  using Token = Document::Token;

  State after_value(std::uint32_t begin, char c) {
    const Kind container = document_.tokens_[document_.open_.back()].kind;
    if (c == ',') return container == Kind::object ? State::key : State::value;
    if (c == '}') return close(begin, Kind::object);
    if (c == ']') return close(begin, Kind::array);
    return State::bad;
  }

  State close(std::uint32_t begin, Kind kind) {
    Token& token = document_.tokens_[document_.open_.back()];
    if (token.kind != kind) return State::bad;
    token.end = begin + 1;
    token.next = static_cast<std::uint32_t>(document_.tokens_.size());
    document_.open_.pop_back();
    return document_.open_.empty() ? State::end : State::comma_or_close;
  }

  std::optional<ParseError> value(std::uint32_t begin, char c, State& state) {
    if (c == '{' || c == '[') {
      if (document_.open_.size() >= document_.depth_max_) return ParseError::too_deep;
      const bool object = c == '{';
      document_.open_.push_back(static_cast<std::uint32_t>(document_.tokens_.size()));
      document_.tokens_.push_back({begin, 0, 0, object ? Kind::object : Kind::array, false});
      state = object ? State::key_or_close : State::value_or_close;
      return std::nullopt;
    }
    state = document_.open_.empty() ? State::end : State::comma_or_close;
    return c == '"' ? string(begin) : scalar(begin);
  }

  // Where the scalar ends that begins at index_[at_]: only whitespace is between it and the next
  // entry.
  std::uint32_t end_of_scalar() const {
    auto end = at_ + 1 < count_ ? index_[at_ + 1] : static_cast<std::uint32_t>(text_.size());
    while (is_space(text_[end - 1])) --end;
    return end;
  }

  std::optional<ParseError> string(std::uint32_t begin) {
    const std::uint32_t end = end_of_scalar();
    if (end < begin + 2 || text_[end - 1] != '"') return ParseError::syntax;
    // Backslashes are looked for once over the whole text, not once a string.
    bool escaped = false;
    if (backslash_ < end) {
      escaped = true;
      const std::string_view inside = text_.substr(begin + 1, end - begin - 2);
      if (backslash_ <= begin) return ParseError::syntax;  // outside any string
      if (auto error = check_escapes(inside, backslash_ - begin - 1)) return error;
      backslash_ = text_.find('\\', end);
    }
    push_scalar(begin, end, Kind::string, escaped);
    return std::nullopt;
  }

  std::optional<ParseError> scalar(std::uint32_t begin) {
    const std::uint32_t end = end_of_scalar();
    const std::string_view text = text_.substr(begin, end - begin);
    if (text == "true" || text == "false") {
      push_scalar(begin, end, Kind::boolean, false);
    } else if (text == "null") {
      push_scalar(begin, end, Kind::null, false);
    } else if (is_number(text)) {
      push_scalar(begin, end, Kind::number, false);
    } else {
      return ParseError::syntax;
    }
    return std::nullopt;
  }

  void push_scalar(std::uint32_t begin, std::uint32_t end, Kind kind, bool escaped) {
    const auto next = static_cast<std::uint32_t>(document_.tokens_.size() + 1);
    document_.tokens_.push_back({begin, end, next, kind, escaped});
  }

  Document& document_;
  std::string_view text_;
  const std::uint32_t* index_;
  std::uint32_t count_;
  std::uint32_t at_ = 0;
  std::size_t backslash_ = std::string_view::npos;  // the first one not yet checked
};

Document::Document(std::size_t depth_max)
    : depth_max_(depth_max), index_(std::make_unique<Index>()) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

std::expected<Value, ParseError> Document::parse(std::string_view text) {
  if (tokens_.capacity() > kTokensKept && text.size() <= kTokensKept) {
    tokens_ = {};
    open_ = {};
  }
  tokens_.clear();
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
  TokenBuilder builder(*this, stage.structural_indexes.get(), stage.n_structural_indexes);
  if (auto bad = builder.build()) return std::unexpected(*bad);
  return Value(this, 0);
}

std::string_view Document::unescaped(const Token& token) const {
  const std::string_view inside = text_.substr(token.begin + 1, token.end - token.begin - 2);
  if (!token.escaped) return inside;
  return unescaped_.emplace_back(unescape(inside));
}

std::string_view Value::text() const { return document_->unescaped(document_->tokens_[token_]); }

std::string_view Value::raw_text() const {
  const std::string_view token = raw();
  return token.substr(1, token.size() - 2);
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
  auto found = find(key);
  if (found && found->is(Kind::null)) found.reset();
  return found;
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
