#pragma once
// A script of faults: what goes wrong, with which requests or jobs, and how often. Read from JSON,
// strictly: whatever is not known is an error that names it. Pure.

#include "sandbox/request_facts.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

enum class FaultKind {
  // Of a request.
  throttle,
  internal,
  unavailable,
  error,
  quota,
  access_denied,
  expired_token,
  reset_before,
  reset_after,
  slow_headers,
  slow_body,
  truncated_body,
  clock_skew,
  redirect,
  conflict,
  precondition,
  complete_error,
  // Of a job, decided when it is created.
  fail,
  all_records_error,
  record_errors,
  partial,
  expire,
  stop,
  stuck,
  no_manifest,
  manifest_disagrees,
  missing_rows,
  duplicate_rows,
  unknown_rows,
  unreadable_rows,
  no_final_newline,
  huge_row,
  empty_output,
  no_output,
  truncated_output,
  no_counters,
  vanish,
  late_output,
  early_output,
};

struct FaultRule {
  // An operation of AWS's, or a group: "S3", "Bedrock", "Runtime", "*" (any request), "Job".
  std::string operation;
  FaultKind kind = FaultKind::throttle;
  std::optional<std::uint64_t> count;  // fires at most so often
  std::uint64_t after = 0;             // the first so many that match are spared
  double probability = 1;
  std::string match;           // "" matches all
  std::string region;          // "" matches all
  boost::json::object source;  // as it was written: the parameters too, each known and of its type

  bool concerns(const Operation& asked) const;

  // A parameter, or `fallback` where it was not given.
  double number(std::string_view parameter, double fallback) const;
  std::uint64_t whole(std::string_view parameter, std::uint64_t fallback) const;
  std::string text(std::string_view parameter, std::string_view fallback) const;
  bool flag(std::string_view parameter) const;  // false where it was not given
};

struct FaultScript {
  std::uint64_t seed = 0;
  std::vector<FaultRule> rules;
};

// {"seed": 7, "faults": [{"operation": "S3", "fault": "throttle", …}]}. The error is one sentence.
std::expected<FaultScript, std::string> parse_fault_script(std::string_view text);
std::expected<FaultRule, std::string> parse_fault_rule(const boost::json::object& source);

}  // namespace quarry::sandbox
