#pragma once
// Every fault there is: its name, what it may happen to, and what it takes. docs/sandbox.md has the
// same table in words.

#include "sandbox/fault_script.h"

#include <string_view>
#include <vector>

namespace quarry::sandbox {

enum class ParameterType {
  text,
  flag,
  fraction,  // 0..1
  positive,  // a number above 0
  offset,    // a whole number, below 0 too
  whole,     // 0 and more
  status,    // 300..599
  choice,
};

struct ParameterSpec {
  std::string_view name;
  ParameterType type = ParameterType::text;
  bool required = false;
  std::vector<std::string_view> choices{};
};

enum class FaultScope { request, s3, bedrock, complete, job };

struct FaultSpec {
  std::string_view name;
  FaultKind kind;
  FaultScope scope;
  std::vector<ParameterSpec> parameters{};
};

const std::vector<FaultSpec>& all_faults();
// nullptr when there is none of that name.
const FaultSpec* find_fault(std::string_view fault_name);

}  // namespace quarry::sandbox
