#include "sandbox/fault_table.h"

#include <algorithm>

namespace quarry::sandbox {
namespace {

using Type = ParameterType;
using Kind = FaultKind;
using Scope = FaultScope;
using Parameters = std::vector<ParameterSpec>;

// What every fault that answers with an error takes.
Parameters with_error_form(Parameters parameters = {}) {
  parameters.push_back({.name = "message"});
  parameters.push_back({.name = "error_form",
                        .type = Type::choice,
                        .choices = {"type_suffix", "plain", "body_type", "Message"}});
  return parameters;
}

Parameters record_error(Parameters parameters = {}) {
  parameters.push_back({.name = "code", .type = Type::status});
  parameters.push_back({.name = "message"});
  parameters.push_back({.name = "retryable", .type = Type::flag});
  return parameters;
}

ParameterSpec fraction() { return {.name = "fraction", .type = Type::fraction}; }
ParameterSpec rows() { return {.name = "rows", .type = Type::whole}; }
ParameterSpec needed(std::string_view name, Type type) {
  return {.name = name, .type = type, .required = true};
}

std::vector<FaultSpec> request_faults() {
  return {
      {"throttle", Kind::throttle, Scope::request, with_error_form()},
      {"internal", Kind::internal, Scope::request, with_error_form()},
      {"unavailable", Kind::unavailable, Scope::request, with_error_form()},
      {"error", Kind::error, Scope::request,
       with_error_form({needed("status", Type::status), needed("code", Type::text)})},
      {"quota", Kind::quota, Scope::bedrock, with_error_form()},
      {"access_denied", Kind::access_denied, Scope::request, with_error_form()},
      {"expired_token", Kind::expired_token, Scope::request, with_error_form()},
      {"reset_before", Kind::reset_before, Scope::request},
      {"reset_after", Kind::reset_after, Scope::request},
      {"slow_headers", Kind::slow_headers, Scope::request, {needed("seconds", Type::positive)}},
      {"slow_body", Kind::slow_body, Scope::request, {needed("bytes_per_second", Type::positive)}},
      {"truncated_body",
       Kind::truncated_body,
       Scope::request,
       {{.name = "reset", .type = Type::flag}}},
      {"clock_skew", Kind::clock_skew, Scope::request, {needed("seconds", Type::offset)}},
      {"redirect", Kind::redirect, Scope::s3, {{.name = "bucket_region"}}},
      {"conflict", Kind::conflict, Scope::s3},
      {"precondition", Kind::precondition, Scope::s3},
      {"complete_error",
       Kind::complete_error,
       Scope::complete,
       {{.name = "code"}, {.name = "message"}}},
  };
}

std::vector<FaultSpec> job_faults() {
  return {
      {"fail",
       Kind::fail,
       Scope::job,
       {{.name = "message"},
        {.name = "at", .type = Type::choice, .choices = {"validating", "running"}},
        fraction(),
        {.name = "write_partial", .type = Type::flag}}},
      {"all_records_error", Kind::all_records_error, Scope::job, record_error()},
      {"record_errors", Kind::record_errors, Scope::job, record_error({fraction(), rows()})},
      {"partial",
       Kind::partial,
       Scope::job,
       {fraction(), {.name = "expired_rows", .type = Type::flag}}},
      {"expire", Kind::expire, Scope::job},
      {"stop", Kind::stop, Scope::job, {fraction()}},
      {"stuck", Kind::stuck, Scope::job},
      {"no_manifest", Kind::no_manifest, Scope::job},
      {"manifest_disagrees",
       Kind::manifest_disagrees,
       Scope::job,
       {{.name = "tokens", .type = Type::offset}, {.name = "records", .type = Type::offset}}},
      {"missing_rows", Kind::missing_rows, Scope::job, {rows()}},
      {"duplicate_rows", Kind::duplicate_rows, Scope::job, {rows()}},
      {"unknown_rows", Kind::unknown_rows, Scope::job, {rows()}},
      {"unreadable_rows", Kind::unreadable_rows, Scope::job, {rows()}},
      {"no_final_newline", Kind::no_final_newline, Scope::job},
      {"huge_row", Kind::huge_row, Scope::job, {{.name = "bytes", .type = Type::whole}}},
      {"empty_output", Kind::empty_output, Scope::job},
      {"no_output", Kind::no_output, Scope::job},
      {"truncated_output", Kind::truncated_output, Scope::job},
      {"no_counters", Kind::no_counters, Scope::job},
      {"vanish",
       Kind::vanish,
       Scope::job,
       {{.name = "from",
         .type = Type::choice,
         .choices = {"Submitted", "Validating", "Scheduled", "InProgress", "Ended"}}}},
      {"late_output", Kind::late_output, Scope::job, {needed("seconds", Type::positive)}},
      {"early_output", Kind::early_output, Scope::job},
  };
}

}  // namespace

const std::vector<FaultSpec>& all_faults() {
  static const std::vector<FaultSpec> kAll = [] {
    std::vector<FaultSpec> all = request_faults();
    std::ranges::move(job_faults(), std::back_inserter(all));
    return all;
  }();
  return kAll;
}

const FaultSpec* find_fault(std::string_view fault_name) {
  const auto& all = all_faults();
  const auto found = std::ranges::find(all, fault_name, &FaultSpec::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace quarry::sandbox
