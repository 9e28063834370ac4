#pragma once
// Two figures of the same bytes, taken in turns: a machine's speed drifts, and the ratio must not.

#include <cstddef>
#include <functional>
#include <span>
#include <string>

namespace quarry::bench {

// CPU seconds of this thread for all the lines once: the median of the rounds.
struct Seconds {
  double subject = 0;
  double parse_only = 0;
};

// Runs `subject` on every line, then simdjson's DOM parser on every line, and again, for about
// `seconds` in all.
Seconds measure(std::span<const std::string> lines,
                double seconds,
                const std::function<void(std::size_t)>& subject);

}  // namespace quarry::bench
