#include "json/write.h"
#include "translate/result_bodies.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace quarry::translate {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The nearest float32. nullopt: too large to be one.
std::optional<float> to_float(std::string_view token) {
  float number = 0;
  if (std::from_chars(token.data(), token.data() + token.size(), number).ec == std::errc()) {
    return number;
  }
  // from_chars says the same of numbers that are too large and of those that are too near to zero.
  double wide = 0;
  const auto read = std::from_chars(token.data(), token.data() + token.size(), wide);
  if (read.ec != std::errc() || wide > 1 || wide < -1) return std::nullopt;
  return static_cast<float>(wide);
}

// Base64 (RFC 4648 4) of float32, little-endian: three are twelve bytes, or sixteen letters.
class Base64Floats {
 public:
  explicit Base64Floats(std::string& out) : out_(out) {}

  void add(float number) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    for (unsigned shift = 0; shift < 32; shift += 8) bytes_[count_++] = bits >> shift & 0xff;
    if (count_ == bytes_.size()) flush();
  }
  void finish() {
    if (count_ == 0) return;
    const std::size_t used = (count_ * 4 + 2) / 3;
    const std::size_t letters = (used + 3) / 4 * 4;
    while (count_ < bytes_.size()) bytes_[count_++] = 0;
    flush();
    out_.resize(out_.size() - 16 + used);
    out_.append(letters - used, '=');
  }

 private:
  void flush() {
    std::array<char, 16> letters{};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint32_t three = bytes_[3 * i] << 16 | bytes_[3 * i + 1] << 8 | bytes_[3 * i + 2];
      letters[4 * i] = kAlphabet[three >> 18];
      letters[4 * i + 1] = kAlphabet[three >> 12 & 63];
      letters[4 * i + 2] = kAlphabet[three >> 6 & 63];
      letters[4 * i + 3] = kAlphabet[three & 63];
    }
    out_.append(letters.data(), letters.size());
    count_ = 0;
  }

  std::string& out_;
  std::array<std::uint32_t, 12> bytes_{};
  std::size_t count_ = 0;
};

Refusal no_numbers() { return malformed("a vector holds something else than numbers"); }

// The numbers as the model wrote them: what is not read cannot be rounded.
Outcome append_numbers(json::Value vector, std::string& out) {
  std::size_t compact = 1;  // the length without whitespace
  for (const json::Value element : vector.elements()) {
    if (!element.is(json::Kind::number)) return no_numbers();
    compact += element.raw().size() + 1;
  }
  compact == vector.raw().size() ? void(out.append(vector.raw())) : vector.append_compact(out);
  return {};
}

Outcome append_base64(json::Value vector, std::string& out) {
  out += '"';
  Base64Floats floats(out);
  for (const json::Value element : vector.elements()) {
    if (!element.is(json::Kind::number)) return no_numbers();
    const auto number = to_float(element.raw());
    if (!number) return malformed("a vector holds a number that is too large for 32 bits");
    floats.add(*number);
  }
  floats.finish();
  out += '"';
  return {};
}

}  // namespace

void begin_embeddings(const ResultOptions& /*options*/, std::string& out) {
  out += R"({"object":"list","data":[)";
}

Outcome append_vectors(const EmbeddingsAnswer& answer,
                       const ResultOptions& options,
                       std::size_t first_index,
                       std::string& out) {
  const bool base64 = options.note == "base64";
  std::size_t index = first_index;
  for (const json::Value vector : answer.vectors) {
    if (!vector.is(json::Kind::array)) return malformed("a vector is not a list");
    if (vector.empty()) return malformed("a vector is empty");
    out += index == 0 ? "" : ",";
    out += R"({"object":"embedding","index":)";
    json::append_integer(out, static_cast<std::int64_t>(index++));
    out += R"(,"embedding":)";
    auto done = base64 ? append_base64(vector, out) : append_numbers(vector, out);
    if (!done) return done;
    out += '}';
  }
  return {};
}

void end_embeddings(const ResultOptions& options, const LineUsage& usage, std::string& out) {
  const LineUsage& counted = usage ? usage : options.metered;
  // Clients sum the integers, so they are there even where nothing is known.
  const openai::Usage tokens = counted.value_or(openai::Usage{});
  out += R"(],"model":)";
  json::append_string(out, options.model_name);
  out += R"(,"usage":{"prompt_tokens":)";
  json::append_integer(out, tokens.input_tokens);
  out += R"(,"total_tokens":)";
  json::append_integer(out, tokens.total_tokens());
  out += counted ? "}}" : R"(},"usage_absent":true})";
}

}  // namespace quarry::translate
