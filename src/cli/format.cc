#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::cli {

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  static constexpr std::array kUnits{"kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {  // 999.95 would print as 1000.0
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_duration(std::chrono::milliseconds span) {
  using namespace std::chrono;
  span = std::max(span, milliseconds(0));
  if (span < 10s) return fmt::format("{}.{} s", span / 1s, span % 1s / 100ms);
  if (span < 1min) return fmt::format("{} s", span / 1s);
  if (span < 1h) return fmt::format("{} min {:02} s", span / 1min, span % 1min / 1s);
  if (span < days(1)) return fmt::format("{} h {:02} min", span / 1h, span % 1h / 1min);
  return fmt::format("{} d {:02} h", span / days(1), span % days(1) / 1h);
}

std::string format_usd(double usd) {
  std::string text = fmt::format("{:.6f}", usd);
  const std::size_t two_decimals = text.find('.') + 3;
  while (text.size() > two_decimals && text.back() == '0') text.pop_back();
  return "$" + text;
}

}  // namespace quarry::cli
