#include "sandbox/row_faults.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

RowFaults faults_of(std::string_view text, std::uint64_t records) {
  auto script = parse_fault_script(text);
  EXPECT_TRUE(script) << script.error();
  return RowFaults(script->rules, records);
}

TEST(RowFaults, NoneLeaveEveryRowAsItIs) {
  const auto faults = faults_of(R"({"faults": [{"operation": "Job", "fault": "stuck"}]})", 10);
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(faults.error_of(i), nullptr);
    EXPECT_EQ(faults.fate_of(i), RowFate::normal);
  }
  EXPECT_EQ(faults.unknown_rows(), 0U);
}

TEST(RowFaults, SeveralOfAJobMeanDifferentRows) {
  const auto faults = faults_of(
      R"({"faults": [{"operation": "Job", "fault": "record_errors", "rows": 2, "code": 429},
                     {"operation": "Job", "fault": "missing_rows", "rows": 1},
                     {"operation": "Job", "fault": "duplicate_rows"},
                     {"operation": "Job", "fault": "unknown_rows", "rows": 3}]})",
      10);
  std::string seen;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const RecordError* error = faults.error_of(i);
    if (error != nullptr) EXPECT_EQ(error->code, 429);
    const RowFate fate = faults.fate_of(i);
    seen += error != nullptr             ? 'e'
            : fate == RowFate::missing   ? 'm'
            : fate == RowFate::duplicate ? 'd'
                                         : '.';
  }
  EXPECT_EQ(seen, "eemd..");
  EXPECT_EQ(faults.unknown_rows(), 3U);
}

TEST(RowFaults, AShareIsSpreadEvenly) {
  const auto faults = faults_of(
      R"({"faults": [{"operation": "Job", "fault": "record_errors", "fraction": 0.25}]})", 12);
  std::string seen;
  for (std::uint64_t i = 0; i < 12; ++i) seen += faults.error_of(i) != nullptr ? 'e' : '.';
  EXPECT_EQ(seen, "...e...e...e");
}

TEST(RowFaults, AllRecordsAreAll) {
  const auto faults = faults_of(
      R"({"faults": [{"operation": "Job", "fault": "all_records_error", "message": "m", "retryable": true}]})",
      2);
  ASSERT_NE(faults.error_of(1), nullptr);
  EXPECT_EQ(faults.error_of(1)->message, "m");
  EXPECT_TRUE(faults.error_of(1)->retryable);
}

}  // namespace
}  // namespace quarry::sandbox
