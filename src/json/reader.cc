#include "json/reader.h"

#include "json/escapes.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
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

// The number grammar of RFC 8259 6.
bool is_number(const char* at, const char* const end) {
  const auto digits = [&] {
    const char* const start = at;
    while (at != end && is_digit(*at)) ++at;
    return at != start;
  };
  if (at != end && *at == '-') ++at;
  if (at != end && *at == '0') {
    ++at;
  } else if (!digits()) {
    return false;
  }
  if (at != end && *at == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return false;
  }
  return at == end;
}

// Whether `size` bytes are the same, by a first and a last Word of them that may overlap.
template <typename Word>
bool same_ends(const char* a, const char* b, std::size_t size) {
  Word first_a, first_b, last_a, last_b;
  std::memcpy(&first_a, a, sizeof(Word));
  std::memcpy(&first_b, b, sizeof(Word));
  std::memcpy(&last_a, a + size - sizeof(Word), sizeof(Word));
  std::memcpy(&last_b, b + size - sizeof(Word), sizeof(Word));
  return first_a == first_b && last_a == last_b;
}

// Keys are short, and a call of memcmp for each costs more than the comparison.
bool same_bytes(const char* a, const char* b, std::size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return same_ends<std::uint64_t>(a, b, size);
  if (size >= 4) return same_ends<std::uint32_t>(a, b, size);
  if (size >= 2) return same_ends<std::uint16_t>(a, b, size);
  return size == 0 || *a == *b;
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
// than entries in the index. All of it is inlined into its one caller and nothing takes its
// address, so that its members are registers: stores to tokens would else make the compiler read
// them again.
class TokenBuilder {
 public:
  TokenBuilder(Document& document, const std::uint32_t* index, std::uint32_t count)
      : tokens_(document.tokens_.data()),
        depth_left_(document.depth_max_),
        text_(document.text_.data()),
        text_bytes_(static_cast<std::uint32_t>(document.text_.size())),
        at_(index),
        end_(index + count),
        backslash_(document.text_.find('\\')) {}

  [[gnu::always_inline]] std::optional<ParseError> build() {
    do {
      if (!value() || !after_value()) return error_;
    } while (open_ != kNone);
    if (at_ != end_) return ParseError::syntax;  // text after the end
    return std::nullopt;
  }

 private:
  using Token = Document::Token;
  static constexpr std::uint32_t kNone = 0xffffffff;

  [[gnu::always_inline]] bool next_is(char c) const { return at_ != end_ && text_[*at_] == c; }

  // A scalar or an empty container, with all that opens before it.
  [[gnu::always_inline]] bool value() {
    while (at_ != end_) {
      const char c = text_[*at_];
      if (c == '"') return string();
      if (c != '{' && c != '[') return scalar();
      if (depth_left_ == 0) {
        error_ = ParseError::too_deep;
        return false;
      }
      open(c == '{');
      if (next_is(in_object_ ? '}' : ']')) {
        close();
        return true;
      }
      if (in_object_ && !key()) return false;
    }
    return false;
  }

  // What closes after a value, and the comma before the next one.
  [[gnu::always_inline]] bool after_value() {
    while (open_ != kNone) {
      if (next_is(',')) {
        ++at_;
        return !in_object_ || key();
      }
      if (!next_is(in_object_ ? '}' : ']')) return false;
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

  // While a container is open, its `next` is the container around it.
  [[gnu::always_inline]] void open(bool object) {
    tokens_[count_] = {*at_++, 0, open_, object ? Kind::object : Kind::array, false};
    open_ = count_++;
    in_object_ = object;
    --depth_left_;
  }

  [[gnu::always_inline]] void close() {
    Token& token = tokens_[open_];
    token.end = *at_++ + 1;
    open_ = std::exchange(token.next, count_);
    in_object_ = open_ != kNone && tokens_[open_].kind == Kind::object;
    ++depth_left_;
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
    if (escaped) {
      if (backslash_ <= begin) return false;  // outside any string
      const auto next = check_escapes({text_, text_bytes_}, backslash_, end - 1);
      if (!next) {
        error_ = next.error();
        return false;
      }
      backslash_ = *next;
    }
    push_scalar(begin, end, Kind::string, escaped);
    return true;
  }

  [[gnu::always_inline]] bool scalar() {
    const std::uint32_t begin = *at_;
    const std::uint32_t end = end_of_scalar();
    if (end <= begin) return false;
    const std::string_view text(text_ + begin, end - begin);
    const char c = text.front();
    if (c == '-' || is_digit(c)) {
      if (!is_number(text.data(), text.data() + text.size())) return false;
      push_scalar(begin, end, Kind::number, false);
    } else if (text == "null") {
      push_scalar(begin, end, Kind::null, false);
    } else if (text == "true" || text == "false") {
      push_scalar(begin, end, Kind::boolean, false);
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
  std::uint32_t open_ = kNone;  // the innermost open container
  bool in_object_ = false;      // which is an object
  std::size_t depth_left_;
  const char* text_;
  std::uint32_t text_bytes_;
  const std::uint32_t* at_;
  const std::uint32_t* end_;
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
    if (name.size() == key.size() && same_bytes(name.data(), key.data(), key.size())) found = value;
  }
  return found;
}

std::optional<Value> Value::find_non_null(std::string_view key) const {
  const auto found = find(key);
  return found && !found->is(Kind::null) ? found : std::nullopt;
}

bool Value::empty() const { return document_->tokens_[token_].next == token_ + 1; }

void Value::append_compact(std::string& out) const {
  const Document::Token* const tokens = document_->tokens_.data();
  const char* const source = document_->text_.data();
  const std::string_view whole = raw();
  const char* const end = whole.data() + whole.size();
  const std::size_t before = out.size();

  out.resize_and_overwrite(before + whole.size(), [&](char* buffer, std::size_t) {
    char* to = buffer + before;
    const char* run = whole.data();  // what is not copied yet, and has no whitespace to leave out
    const char* at = run;
    // Between two tokens are operators and whitespace.
    const auto skip_gap = [&](const char* next) {
      while (at < next) {
        if (!is_space(*at++)) continue;
        const auto bytes = static_cast<std::size_t>(at - 1 - run);
        copy_run(to, run, bytes, static_cast<std::size_t>(end - run));
        to += bytes;
        while (at < next && is_space(*at)) ++at;
        run = at;
      }
    };
    for (std::uint32_t i = token_; i < tokens[token_].next; ++i) {
      skip_gap(source + tokens[i].begin);
      const bool container = tokens[i].kind == Kind::object || tokens[i].kind == Kind::array;
      at = source + (container ? tokens[i].begin + 1 : tokens[i].end);
    }
    skip_gap(end);
    std::memcpy(to, run, static_cast<std::size_t>(end - run));
    return static_cast<std::size_t>(to - buffer) + static_cast<std::size_t>(end - run);
  });
}

}  // namespace quarry::json
