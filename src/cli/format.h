#pragma once
// Numbers as people read them. Pure.

#include <chrono>
#include <cstdint>
#include <string>

namespace quarry::cli {

std::string format_count(std::uint64_t count);  // 1234567 -> "1,234,567"
std::string format_bytes(std::uint64_t bytes);  // "999 B", "1.5 kB", "2.0 GB": powers of 1000
// "0.4 s", "12 s", "3 min 05 s", "2 h 03 min", "3 d 04 h". Negative is zero.
std::string format_duration(std::chrono::milliseconds span);
// "$0.00", "$0.0123", "$1.50": at least two decimals, and at most six where they say something.
std::string format_usd(double usd);

}  // namespace quarry::cli
