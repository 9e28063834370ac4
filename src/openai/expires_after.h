#pragma once
// The bounds of expires_after[seconds] and output_expires_after.seconds (OpenAI API reference,
// "Upload file", "Create batch").

#include <cstdint>

namespace quarry::openai {

inline constexpr std::int64_t kExpiresAfterLeast = 3600;  // seconds
inline constexpr std::int64_t kExpiresAfterMost = 2'592'000;

}  // namespace quarry::openai
