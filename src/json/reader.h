#pragma once
// Reads one JSON text that is wholly in memory. simdjson finds the structure and checks the UTF-8;
// a flat list of tokens is built over it, each knowing its span in the source, so that any value
// can be copied as it was written. Everything is validated, also what nobody looks at: a broken
// part that is copied raw would spoil a whole job. Pure.
//
// Valid is what RFC 8259 calls JSON text, without a byte order mark; lone surrogates (\ud800) are
// errors. A key that is given twice counts with its last value.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::json {

enum class Kind : std::uint8_t { object, array, string, number, boolean, null };
// "an object", "a string", "an integer", …: for messages.
std::string_view name(Kind kind);

enum class ParseError { syntax, invalid_utf8, lone_surrogate, too_deep, too_large };
std::string_view message(ParseError error);

// Objects and arrays within each other.
inline constexpr std::size_t kDepthMax = 256;

class Document;
class Members;
class Elements;

// A key that the compiler knows, and compares in place.
template <std::size_t N>
struct Key {
  consteval Key(const char (&text)[N]) { std::copy_n(text, N, characters); }
  bool is(std::string_view name) const {
    return name.size() == N - 1 && std::memcmp(name.data(), characters, N - 1) == 0;
  }
  char characters[N];
};

// A value of a Document; as cheap to copy as a pointer, valid until the document's next parse.
class Value {
 public:
  Value() = default;

  Kind kind() const;
  bool is(Kind wanted) const { return kind() == wanted; }
  // The value as it stands in the source, strings with their quotes.
  std::string_view raw() const;
  // raw() without the whitespace between tokens.
  void append_compact(std::string& out) const;

  // Strings only. The text, unescaped; a view into the source where nothing was escaped.
  std::string_view text() const;
  // Strings only. What is between the quotes, as it stands in the source.
  std::string_view raw_text() const;
  bool has_escapes() const;
  // Booleans only.
  bool boolean() const;
  // nullopt if not a number that is written as an integer and fits.
  std::optional<std::int64_t> integer() const;
  // nullopt if not a number, or out of double's range.
  std::optional<double> number() const;

  // Objects only.
  Members members() const;
  // Objects only: the last member of that name; nullopt when absent.
  std::optional<Value> find(std::string_view key) const;
  // As find, but a null counts as absent.
  std::optional<Value> find_non_null(std::string_view key) const;
  // find_non_null of several keys in one pass: pick<"type", "text">().
  template <Key... keys>
  std::array<std::optional<Value>, sizeof...(keys)> pick() const;
  // Arrays only.
  Elements elements() const;
  // No members, no elements.
  bool empty() const;

 private:
  friend class Document;
  friend class Members;
  friend class Elements;
  Value(const Document* document, std::uint32_t token) : document_(document), token_(token) {}

  const Document* document_ = nullptr;
  std::uint32_t token_ = 0;
};

// Owns the tokens and reuses their memory. Not thread-safe.
class Document {
 public:
  explicit Document(std::size_t depth_max = kDepthMax);
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  // `text` must stay as it is for as long as the values are used.
  std::expected<Value, ParseError> parse(std::string_view text);

 private:
  friend class Value;
  friend class Members;
  friend class Elements;
  friend class TokenBuilder;

  struct Token {
    std::uint32_t begin = 0;  // in the source
    std::uint32_t end = 0;
    std::uint32_t next = 0;  // the token after this value
    Kind kind = Kind::null;
    bool escaped = false;  // a string with a backslash
  };
  struct Index;  // simdjson's side

  // What text() had to write; stays where it is until cleared.
  class Texts {
   public:
    char* allocate(std::size_t bytes);
    void clear();

   private:
    static constexpr std::size_t kBlockBytes = 4096;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* at_ = nullptr;
    std::size_t room_ = 0;
    bool oversize_ = false;  // a block is larger than kBlockBytes
  };

  std::string_view raw(const Token& token) const {
    return {text_.data() + token.begin, token.end - token.begin};
  }
  // Unescapes what is between the quotes of a string; the view is valid until the next parse.
  std::string_view unescaped(std::string_view inside) const;

  std::size_t depth_max_;
  std::unique_ptr<Index> index_;
  std::string_view text_;
  std::vector<Token> tokens_;  // as many as any text needed so far
  mutable Texts unescaped_;
};

struct Member {
  std::string_view key;  // unescaped
  Value value;
};

class Members {
 public:
  struct End {};
  class Iterator {
   public:
    Iterator(const Document* document, std::uint32_t token, std::uint32_t end)
        : document_(document), token_(token), end_(end) {}
    Member operator*() const {
      return {Value(document_, token_).text(), Value(document_, token_ + 1)};
    }
    Iterator& operator++() {
      token_ = document_->tokens_[token_ + 1].next;
      return *this;
    }
    bool operator!=(End) const { return token_ != end_; }

   private:
    const Document* document_;
    std::uint32_t token_;
    std::uint32_t end_;
  };
  explicit Members(Value object) : object_(object) {}
  Iterator begin() const {
    return {object_.document_, object_.token_ + 1, object_.document_->tokens_[object_.token_].next};
  }
  End end() const { return {}; }

 private:
  Value object_;
};

class Elements {
 public:
  struct End {};
  class Iterator {
   public:
    Iterator(const Document* document, std::uint32_t token, std::uint32_t end)
        : document_(document), token_(token), end_(end) {}
    Value operator*() const { return {document_, token_}; }
    Iterator& operator++() {
      token_ = document_->tokens_[token_].next;
      return *this;
    }
    bool operator!=(End) const { return token_ != end_; }

   private:
    const Document* document_;
    std::uint32_t token_;
    std::uint32_t end_;
  };
  explicit Elements(Value array) : array_(array) {}
  Iterator begin() const {
    return {array_.document_, array_.token_ + 1, array_.document_->tokens_[array_.token_].next};
  }
  End end() const { return {}; }

 private:
  Value array_;
};

inline Kind Value::kind() const { return document_->tokens_[token_].kind; }
inline std::string_view Value::raw() const { return document_->raw(document_->tokens_[token_]); }
inline bool Value::has_escapes() const { return document_->tokens_[token_].escaped; }
inline std::string_view Value::raw_text() const {
  const auto& token = document_->tokens_[token_];
  return {document_->text_.data() + token.begin + 1, token.end - token.begin - 2};
}
inline std::string_view Value::text() const {
  return has_escapes() ? document_->unescaped(raw_text()) : raw_text();
}
inline Members Value::members() const { return Members(*this); }
inline Elements Value::elements() const { return Elements(*this); }

template <Key... keys>
std::array<std::optional<Value>, sizeof...(keys)> Value::pick() const {
  std::array<std::optional<Value>, sizeof...(keys)> found;
  for (const auto [name, value] : members()) {
    std::size_t i = 0;
    const bool wanted = ((keys.is(name) || (++i, false)) || ...);
    if (!wanted) continue;
    value.is(Kind::null) ? found[i].reset() : void(found[i] = value);
  }
  return found;
}

}  // namespace quarry::json
