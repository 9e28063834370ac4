#include "table.h"

#include <fmt/format.h>

namespace quarry::bench {

std::string table_head() {
  return fmt::format("{:14} {:9} {:8} {:>6} {:>6} {:>11} {:>6}  {}\n", "family", "direction",
                     "part", "bytes", "MB/s", "parse MB/s", "ratio", "budget");
}

std::string table_row(const Row& row) {
  std::string budget;
  if (row.budgeted) budget = row.ratio() >= kRatioMin ? "50 %  ok" : "50 %  below";
  return fmt::format("{:14} {:9} {:8} {:>4.0f} % {:>6.0f} {:>11.0f} {:>4.0f} %  {}\n", row.family,
                     row.direction, row.part, row.bytes_share * 100, row.bytes_per_second / 1e6,
                     row.parse_only_bytes_per_second / 1e6, row.ratio() * 100, budget);
}

}  // namespace quarry::bench
