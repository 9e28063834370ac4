#pragma once
// The figures as a person reads them: a row for each pair of benchmarks, and one for the whole of a
// subject's direction, its parts weighted as in a batch.

#include <benchmark/benchmark.h>

#include "benchmarks.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace quarry::bench {

// Prints the table once everything is measured, since the repetitions of all benchmarks are run in
// a mixed order.
class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  explicit TableReporter(std::vector<Pair> pairs) : pairs_(std::move(pairs)) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

  // CPU seconds of one iteration, the median of the repetitions; nullopt where it was not run.
  std::optional<double> seconds(const std::string& name) const;

 private:
  std::vector<Pair> pairs_;
  std::map<std::string, double> seconds_;
};

}  // namespace quarry::bench
