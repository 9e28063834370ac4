#pragma once
// The figures as a person reads them.

#include <cstddef>
#include <string>
#include <vector>

namespace quarry::bench {

struct Row {
  std::string family;
  std::string direction;  // "request" or "answer"
  std::string part;
  double bytes_share = 0;  // of the whole corpus
  double bytes_per_second = 0;
  double parse_only_bytes_per_second = 0;
  bool budgeted = false;

  double ratio() const { return bytes_per_second / parse_only_bytes_per_second; }
};

// What every budget of the table is.
inline constexpr double kRatioMin = 0.5;

// One line of it; the head is of the same widths.
std::string table_head();
std::string table_row(const Row& row);

}  // namespace quarry::bench
