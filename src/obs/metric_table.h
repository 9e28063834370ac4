#pragma once
// What each metric is called and means: the one list that the registry and the documentation are
// made of.

#include "obs/metrics.h"

#include <array>
#include <span>
#include <string_view>

namespace quarry::obs {

struct MetricSpec {
  std::string_view name;
  std::string_view help;
  std::array<std::string_view, 3> labels{};  // "" ends them
  std::span<const double> buckets{};         // of histograms: upper bounds, in the metric's unit
};

// In the order of the enums. Names follow https://prometheus.io/docs/practices/naming/.
std::span<const MetricSpec> counter_specs();
std::span<const MetricSpec> gauge_specs();
std::span<const MetricSpec> histogram_specs();

}  // namespace quarry::obs
