#include "json/write.h"
#include "translate/result_bodies.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
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

// 48 bits as eight letters of base64 (RFC 4648 4).
char* write_letters(char* at, std::uint64_t bits) {
  for (unsigned shift = 48; shift > 0;) {
    shift -= 6;
    *at++ = kAlphabet[bits >> shift & 63];
  }
  return at;
}

// Three floats, little-endian, which are twelve bytes, or sixteen letters.
char* write_floats(char* at, const std::array<float, 3>& floats) {
  std::array<std::uint64_t, 3> bytes{};
  for (std::size_t i = 0; i < 3; ++i)
    bytes[i] = std::byteswap(std::bit_cast<std::uint32_t>(floats[i]));
  at = write_letters(at, bytes[0] << 16 | bytes[1] >> 16);
  return write_letters(at, (bytes[1] & 0xffff) << 32 | bytes[2]);
}

// What a vector comes to when it is written.
struct Measure {
  std::size_t numbers = 0;
  std::size_t compact_bytes = 1;  // without whitespace
};

std::optional<Measure> measure(json::Value vector) {
  Measure measured;
  for (const json::Value element : vector.elements()) {
    if (!element.is(json::Kind::number)) return std::nullopt;
    ++measured.numbers;
    measured.compact_bytes += element.raw().size() + 1;
  }
  return measured;
}

// The numbers as the model wrote them: what is not read cannot be rounded.
void append_numbers(json::Value vector, const Measure& measured, std::string& out) {
  if (measured.compact_bytes == vector.raw().size()) {
    out.append(vector.raw());
  } else {
    vector.append_compact(out);
  }
}

// false: a number is no float.
bool append_base64(json::Value vector, const Measure& measured, std::string& out) {
  const std::size_t begin = out.size() + 1;
  out += '"';
  out.resize(begin + (measured.numbers + 2) / 3 * 16);
  char* at = out.data() + begin;
  std::array<float, 3> three{};
  std::size_t filled = 0;
  for (const json::Value element : vector.elements()) {
    const auto number = to_float(element.raw());
    if (!number) return false;
    three[filled++] = *number;
    if (filled < 3) continue;
    at = write_floats(at, three);
    filled = 0;
  }
  if (filled != 0) {
    // One float is four bytes: six letters and "=="; two are eight: eleven letters and "=".
    std::fill(three.begin() + static_cast<std::ptrdiff_t>(filled), three.end(), 0.0F);
    write_floats(at, three);
    out.resize(out.size() - (filled == 1 ? 10 : 5));
    out.append(filled == 1 ? "==" : "=");
  }
  out += '"';
  return true;
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
    const auto measured = measure(vector);
    if (!measured) return malformed("a vector holds something else than numbers");
    out += index == 0 ? "" : ",";
    out += R"({"object":"embedding","index":)";
    json::append_integer(out, static_cast<std::int64_t>(index++));
    out += R"(,"embedding":)";
    if (!base64) {
      append_numbers(vector, *measured, out);
    } else if (!append_base64(vector, *measured, out)) {
      return malformed("a vector holds a number that is too large for 32 bits");
    }
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
