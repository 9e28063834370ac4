#pragma once
// Tokens of a line, a job or a batch, in OpenAI's terms: input includes what was cached.

#include <cstdint>

namespace quarry::openai {

struct Usage {
  std::int64_t input_tokens = 0;         // cached ones included
  std::int64_t cached_input_tokens = 0;  // read from a cache
  std::int64_t cache_write_tokens = 0;   // written to a cache, also within input_tokens
  std::int64_t output_tokens = 0;        // reasoning included
  std::int64_t reasoning_tokens = 0;

  std::int64_t total_tokens() const { return input_tokens + output_tokens; }
  Usage& operator+=(const Usage& other) {
    input_tokens += other.input_tokens;
    cached_input_tokens += other.cached_input_tokens;
    cache_write_tokens += other.cache_write_tokens;
    output_tokens += other.output_tokens;
    reasoning_tokens += other.reasoning_tokens;
    return *this;
  }
  bool operator==(const Usage&) const = default;
};

}  // namespace quarry::openai
