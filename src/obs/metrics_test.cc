// What a count promises: that it is in the text, once, from any thread, and never without bound.
#include "obs/metrics.h"

#include "obs/metric_table.h"
#include "obs/process_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace quarry::obs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The registry is the process': each test has a value of its own for a label.
TEST(Metrics, ACountIsInTheTextUnderItsLabels) {
  count(Counter::http_requests, {"GET", "/counted", "200"});
  count(Counter::http_requests, {"GET", "/counted", "200"}, 2);
  EXPECT_THAT(
      metrics_text(),
      HasSubstr(R"(quarry_http_requests_total{code="200",method="GET",route="/counted"} 3)"));
  EXPECT_EQ(value_of(Counter::http_requests, {"GET", "/counted", "200"}), 3);
}

TEST(Metrics, WhatHasNoLabelsIsThereFromTheStart) {
  EXPECT_THAT(metrics_text(), HasSubstr("\nquarry_lease_takeovers_total 0\n"));
}

TEST(Metrics, ACountOfNothingMakesTheSeries) {
  count(Counter::webhook_deliveries, {"never"}, 0);
  EXPECT_THAT(metrics_text(), HasSubstr(R"(quarry_webhook_deliveries_total{outcome="never"} 0)"));
}

TEST(Metrics, ACounterNeverFalls) {
  count(Counter::tokens, {"falls", "input"}, 5);
  count(Counter::tokens, {"falls", "input"}, -3);
  EXPECT_EQ(value_of(Counter::tokens, {"falls", "input"}), 5);
}

TEST(Metrics, AGaugeIsWhatWasSetLastAndWhatWasAdded) {
  set(Gauge::batches, {"gauged"}, 7);
  add(Gauge::batches, {"gauged"}, -2);
  EXPECT_THAT(metrics_text(), HasSubstr(R"(quarry_batches{status="gauged"} 5)"));
}

TEST(Metrics, AnObservationIsInEveryBucketThatIsWideEnough) {
  observe(Histogram::http_request_seconds, {"GET", "/observed"}, 0.03);
  const std::string text = metrics_text();
  const std::string series =
      R"(quarry_http_request_seconds_bucket{method="GET",route="/observed",le=)";
  EXPECT_THAT(text, HasSubstr(series + "\"0.025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr(series + "\"0.05\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(series + "\"+Inf\"} 1\n"));
  EXPECT_THAT(
      text, HasSubstr("quarry_http_request_seconds_sum{method=\"GET\",route=\"/observed\"} 0.03"));
}

TEST(Metrics, QuotesAndLineEndsInALabelAreEscaped) {
  count(Counter::lines, {"a\"b\nc\\d", "succeeded"});
  EXPECT_THAT(metrics_text(), HasSubstr(R"(model="a\"b\nc\\d")"));
}

TEST(Metrics, MissingLabelsAreEmptyAndTooManyLeftOut) {
  count(Counter::lines, {"short"});
  count(Counter::lines, {"long", "succeeded", "more"});
  const std::string text = metrics_text();
  EXPECT_THAT(text, HasSubstr(R"(quarry_lines_total{model="short",outcome=""} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(quarry_lines_total{model="long",outcome="succeeded"} 1)"));
}

TEST(Metrics, SeriesAreBoundedAndWhatComesAfterIsOther) {
  for (std::size_t i = 0; i < kSeriesMax + 10; ++i) {
    count(Counter::unpriced_jobs, {"model-" + std::to_string(i)});
  }
  count(Counter::unpriced_jobs, {"model-0"});
  EXPECT_EQ(value_of(Counter::unpriced_jobs, {"model-0"}), 2);  // known ones go on
  EXPECT_EQ(value_of(Counter::unpriced_jobs, {"other"}), 10);
  EXPECT_THAT(metrics_text(), Not(HasSubstr("model-" + std::to_string(kSeriesMax))));
}

TEST(Metrics, ThreadsLoseNoCount) {
  constexpr int kThreads = 4;
  constexpr int kCounts = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kCounts; ++i) {
        count(Counter::aws_requests, {"s3", "Op" + std::to_string((i + t) % 8), "threads"});
        if (i % 5000 == 0) metrics_text();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  double sum = 0;
  for (int i = 0; i < 8; ++i) {
    sum += value_of(Counter::aws_requests, {"s3", "Op" + std::to_string(i), "threads"});
  }
  EXPECT_EQ(sum, kThreads * kCounts);
}

TEST(Metrics, TheProcessIsMeasuredAsItIs) {
  const auto before = process_stats();
  ASSERT_TRUE(before);
  EXPECT_GT(before->resident_bytes, std::uint64_t{1} << 20);
  EXPECT_GE(before->virtual_bytes, before->resident_bytes);
  EXPECT_GT(before->max_fds, before->open_fds);
  const std::ifstream one_more("/proc/self/stat");
  EXPECT_EQ(process_stats()->open_fds, before->open_fds + 1);
  metrics_text();
  EXPECT_EQ(value_of(Gauge::process_start_time_seconds), before->start_seconds);
}

std::vector<const MetricSpec*> all_specs() {
  std::vector<const MetricSpec*> all;
  for (const auto specs : {counter_specs(), gauge_specs(), histogram_specs()}) {
    for (const MetricSpec& spec : specs) all.push_back(&spec);
  }
  return all;
}

TEST(MetricTable, NamesAreUniqueAndWithinTheProcessOrOurs) {
  std::set<std::string_view> seen;
  for (const MetricSpec* spec : all_specs()) {
    EXPECT_TRUE(seen.insert(spec->name).second) << spec->name;
    EXPECT_TRUE(spec->name.starts_with("quarry_") || spec->name.starts_with("process_"))
        << spec->name;
    EXPECT_TRUE(spec->help.ends_with(".")) << spec->name;
  }
}

TEST(MetricTable, CountersAreTotalsAndHistogramsAreInSeconds) {
  for (const MetricSpec& spec : counter_specs()) EXPECT_TRUE(spec.name.ends_with("_total"));
  for (const MetricSpec& spec : gauge_specs()) EXPECT_FALSE(spec.name.ends_with("_total"));
  for (const MetricSpec& spec : histogram_specs()) {
    EXPECT_TRUE(spec.name.ends_with("_seconds"));
    EXPECT_TRUE(std::ranges::is_sorted(spec.buckets));
    EXPECT_GE(spec.buckets.size(), 5u);
  }
}

std::string documented(const MetricSpec& spec, std::string_view type) {
  std::string labels;
  for (const std::string_view label : spec.labels) {
    if (!label.empty()) labels += (labels.empty() ? "`" : ", `") + std::string(label) + "`";
  }
  return "| `" + std::string(spec.name) + "` | " + std::string(type) + " | " + labels + " | " +
         std::string(spec.help) + " |\n";
}

TEST(MetricTable, IsTheOneOfTheDocumentation) {
  std::string table;
  for (const MetricSpec& spec : counter_specs()) table += documented(spec, "counter");
  for (const MetricSpec& spec : gauge_specs()) table += documented(spec, "gauge");
  for (const MetricSpec& spec : histogram_specs()) table += documented(spec, "histogram");
  std::ifstream file(std::string(QUARRY_SOURCE_DIR) + "/docs/observability.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_THAT(page, HasSubstr(table)) << "the table of docs/observability.md is to be:\n" << table;
}

}  // namespace
}  // namespace quarry::obs
