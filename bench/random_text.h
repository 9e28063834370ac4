#pragma once
// Text as batches carry it, from a fixed seed: the same bytes on every machine.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace quarry::bench {

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  // 0 to below - 1. std's distributions differ from library to library, this does not.
  std::uint32_t below(std::uint32_t below) {
    return static_cast<std::uint32_t>(std::uint64_t{engine_()} * below >> 32);
  }
  std::size_t between(std::size_t low, std::size_t high) {
    return low + below(static_cast<std::uint32_t>(high - low + 1));
  }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  std::string_view pick(std::span<const std::string_view> of) {
    return of[below(static_cast<std::uint32_t>(of.size()))];
  }
  std::string hex(std::size_t digits);

 private:
  std::mt19937 engine_;
};

// UTF-8 of about `bytes`. Seven texts in ten are English, the others French, German and Spanish, or
// Chinese and Japanese; all have quotes, line ends, and now and then an emoji.
std::string text(Random& random, std::size_t bytes);
// One line of English, without quotes.
std::string phrase(Random& random, std::size_t words);

}  // namespace quarry::bench
