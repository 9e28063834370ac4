#include "table.h"

#include <fmt/format.h>

#include <ostream>
#include <string_view>

namespace quarry::bench {

namespace {

// What every budget of the table is: of parse-only's speed.
constexpr double kRatioMin = 0.5;

// Bytes, and what they take; of one part, or the sum of several.
struct Cost {
  double bytes = 0, translate = 0, parse = 0;  // seconds

  void add(const Cost& other, double weight) {
    bytes += weight * other.bytes;
    translate += weight * other.translate;
    parse += weight * other.parse;
  }
};

std::string row(
    const Pair& pair, std::string_view part, double bytes_share, const Cost& cost, bool budgeted) {
  const double ratio = cost.parse / cost.translate;
  const std::string_view budget = !budgeted ? "" : ratio >= kRatioMin ? "50 %  ok" : "50 %  below";
  return fmt::format("{:14} {:9} {:8} {:>4.0f} % {:>6.0f} {:>11.0f} {:>4.0f} %  {}\n",
                     pair.subject->name, pair.direction, part, bytes_share * 100,
                     cost.bytes / cost.translate / 1e6, cost.bytes / cost.parse / 1e6, ratio * 100,
                     budget);
}

}  // namespace

bool TableReporter::ReportContext(const Context&) {
  GetErrorStream() << "measuring, which takes a minute or two\n";
  return true;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    // A single repetition has no aggregates.
    const bool wanted =
        run.run_type == Run::RT_Aggregate ? run.aggregate_name == "median" : run.repetitions <= 1;
    if (!wanted) continue;
    seconds_[run.run_name.function_name] =
        run.GetAdjustedCPUTime() / benchmark::GetTimeUnitMultiplier(run.time_unit);
  }
}

std::optional<double> TableReporter::seconds(const std::string& name) const {
  const auto found = seconds_.find(name);
  return found == seconds_.end() ? std::nullopt : std::optional(found->second);
}

void TableReporter::Finalize() {
  std::ostream& out = GetOutputStream();
  out << "Translation and simdjson's parse of the same bytes, CPU seconds of one core, medians.\n"
         "bytes: the part's share of a batch; ratio: translation's speed to parse-only's.\n\n"
      << fmt::format("{:14} {:9} {:8} {:>6} {:>6} {:>11} {:>6}  {}\n", "family", "direction",
                     "part", "bytes", "MB/s", "parse MB/s", "ratio", "budget");
  for (auto pair = pairs_.begin(); pair != pairs_.end();) {
    const auto first = pair;
    Cost whole;
    std::vector<Cost> costs;
    for (; pair != pairs_.end() && pair->subject == first->subject &&
           pair->direction == first->direction;
         ++pair) {
      const auto translate = seconds(pair->translate), parse = seconds(pair->parse);
      // Zeroes where --benchmark_filter left one of the two out.
      costs.push_back(translate && parse ? Cost{pair->bytes, *translate, *parse} : Cost{});
      whole.add(costs.back(), pair->lines_share);
    }
    const bool several = costs.size() > 1;
    for (std::size_t i = 0; i < costs.size(); ++i) {
      if (costs[i].bytes == 0) continue;
      const Pair& part = first[static_cast<std::ptrdiff_t>(i)];
      // The budget is for the whole.
      out << row(part, part.part, costs[i].bytes * part.lines_share / whole.bytes, costs[i],
                 part.subject->budgeted && !several);
    }
    if (several && whole.bytes > 0) out << row(*first, "whole", 1, whole, first->subject->budgeted);
  }
  out.flush();
}

}  // namespace quarry::bench
