#include "sandbox/fault_script.h"

#include "sandbox/fault_table.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kRulesMax = 1000;

// "" or what is wrong with `value`.
std::string check_value(const ParameterSpec& spec, const json::value& value) {
  boost::system::error_code broken;
  const double number = value.is_number() ? value.to_number<double>(broken) : 0;
  const auto must = [&](std::string_view what) {
    return fmt::format("'{}' must be {}, not {}", spec.name, what, json::serialize(value));
  };
  switch (spec.type) {
    case ParameterType::text:
      return value.is_string() ? "" : must("a text");
    case ParameterType::flag:
      return value.is_bool() ? "" : must("true or false");
    case ParameterType::fraction:
      return value.is_number() && number >= 0 && number <= 1 ? "" : must("a number from 0 to 1");
    case ParameterType::positive:
      return value.is_number() && number > 0 ? "" : must("a number above 0");
    case ParameterType::offset:
      return value.is_int64() ? "" : must("a whole number");
    case ParameterType::whole:
      return value.is_int64() && value.get_int64() >= 0 ? "" : must("a whole number from 0 on");
    case ParameterType::status:
      return value.is_int64() && number >= 300 && number <= 599 ? ""
                                                                : must("a status from 300 to 599");
    case ParameterType::choice: {
      const bool known = value.is_string() &&
                         std::ranges::count(spec.choices, std::string_view(value.get_string()));
      return known ? "" : must(fmt::format("one of {}", fmt::join(spec.choices, ", ")));
    }
  }
  return "";
}

const std::vector<ParameterSpec>& common_members() {
  static const std::vector<ParameterSpec> kMembers{
      {.name = "operation", .type = ParameterType::text, .required = true},
      {.name = "fault", .type = ParameterType::text, .required = true},
      {.name = "count", .type = ParameterType::whole},
      {.name = "after", .type = ParameterType::whole},
      {.name = "probability", .type = ParameterType::fraction},
      {.name = "match", .type = ParameterType::text},
      {.name = "region", .type = ParameterType::text},
  };
  return kMembers;
}

std::string check_members(const json::object& source, const FaultSpec& fault) {
  for (const auto& [key, value] : source) {
    const ParameterSpec* known = nullptr;
    for (const auto* list : {&common_members(), &fault.parameters}) {
      const auto found = std::ranges::find(*list, std::string_view(key), &ParameterSpec::name);
      if (found != list->end()) known = &*found;
    }
    if (known == nullptr)
      return fmt::format("the fault '{}' has no member '{}'", fault.name, std::string_view(key));
    if (auto wrong = check_value(*known, value); !wrong.empty()) return wrong;
  }
  for (const ParameterSpec& spec : fault.parameters) {
    if (spec.required && !source.contains(spec.name))
      return fmt::format("the fault '{}' needs '{}'", fault.name, spec.name);
  }
  return "";
}

bool is_group(std::string_view operation) {
  return operation == "S3" || operation == "Bedrock" || operation == "Runtime" ||
         operation == "STS" || operation == "*" || operation == "Job";
}

// "" or why this fault cannot happen to this operation.
std::string check_scope(const FaultSpec& fault, std::string_view operation) {
  const auto known = known_operations();
  const auto found = std::ranges::find(known, operation, &Operation::name);
  if (!is_group(operation) && found == known.end())
    return fmt::format("there is no operation '{}'", operation);
  const OperationGroup group = found == known.end() ? OperationGroup::unknown : found->group;
  const bool s3 = operation == "S3" || group == OperationGroup::s3;
  const auto only = [&](std::string_view whose) {
    return fmt::format("the fault '{}' happens to {} only, not to '{}'", fault.name, whose,
                       operation);
  };
  switch (fault.scope) {
    case FaultScope::request:
      return operation == "Job" ? only("requests") : "";
    case FaultScope::s3:
      return s3 ? "" : only("S3's operations");
    case FaultScope::bedrock:
      return operation == "Bedrock" || operation == "Runtime" || group == OperationGroup::bedrock ||
                     group == OperationGroup::runtime
                 ? ""
                 : only("Bedrock's operations");
    case FaultScope::complete:
      return operation == "CompleteMultipartUpload" ? "" : only("CompleteMultipartUpload");
    case FaultScope::job:
      return operation == "Job" ? "" : only("the operation Job");
  }
  return "";
}

std::string text_member(const json::object& source, std::string_view member) {
  const json::value* value = source.if_contains(member);
  return value == nullptr ? "" : std::string(std::string_view(value->get_string()));
}

std::unexpected<std::string> wrong(std::string what) { return std::unexpected(std::move(what)); }

}  // namespace

bool FaultRule::concerns(const Operation& asked) const {
  if (operation == asked.name) return true;
  switch (asked.group) {
    case OperationGroup::s3:
      return operation == "S3" || operation == "*";
    case OperationGroup::bedrock:
      return operation == "Bedrock" || operation == "*";
    case OperationGroup::runtime:
      return operation == "Runtime" || operation == "*";
    case OperationGroup::sts:
      return operation == "STS" || operation == "*";
    case OperationGroup::quotas:
    case OperationGroup::metadata:
      return operation == "*";
    default:
      return false;
  }
}

double FaultRule::number(std::string_view parameter, double fallback) const {
  const json::value* value = source.if_contains(parameter);
  return value == nullptr ? fallback : value->to_number<double>();
}

std::uint64_t FaultRule::whole(std::string_view parameter, std::uint64_t fallback) const {
  const json::value* value = source.if_contains(parameter);
  return value == nullptr ? fallback : value->to_number<std::uint64_t>();
}

std::string FaultRule::text(std::string_view parameter, std::string_view fallback) const {
  return source.contains(parameter) ? text_member(source, parameter) : std::string(fallback);
}

bool FaultRule::flag(std::string_view parameter) const {
  const json::value* value = source.if_contains(parameter);
  return value != nullptr && value->get_bool();
}

std::expected<FaultRule, std::string> parse_fault_rule(const json::object& source) {
  const json::value* fault_name = source.if_contains("fault");
  const json::value* operation = source.if_contains("operation");
  for (const auto& [member, value] :
       {std::pair("fault", fault_name), std::pair("operation", operation)}) {
    if (value == nullptr) return wrong(fmt::format("'{}' is missing", member));
    if (!value->is_string()) return wrong(fmt::format("'{}' must be a text", member));
  }
  const FaultSpec* fault = find_fault(fault_name->get_string());
  if (fault == nullptr)
    return wrong(fmt::format("there is no fault '{}'", std::string_view(fault_name->get_string())));
  if (auto why = check_scope(*fault, operation->get_string()); !why.empty()) return wrong(why);
  if (auto why = check_members(source, *fault); !why.empty()) return wrong(why);
  FaultRule rule;
  rule.operation = text_member(source, "operation");
  rule.kind = fault->kind;
  rule.match = text_member(source, "match");
  rule.region = text_member(source, "region");
  rule.source = source;
  if (source.contains("count")) rule.count = rule.whole("count", 0);
  rule.after = rule.whole("after", 0);
  rule.probability = rule.number("probability", 1);
  return rule;
}

std::expected<FaultScript, std::string> parse_fault_script(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return wrong("the fault script is not JSON");
  if (!value.is_object()) return wrong("the fault script is not a JSON object");
  FaultScript script;
  const json::value* faults = nullptr;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "seed") {
      if (!member.is_int64() || member.get_int64() < 0)
        return wrong("'seed' must be a whole number from 0 on");
      script.seed = member.to_number<std::uint64_t>();
    } else if (key == "faults") {
      faults = &member;
    } else {
      return wrong(fmt::format("a fault script has no member '{}'", std::string_view(key)));
    }
  }
  if (faults == nullptr || !faults->is_array()) return wrong("'faults' must be a list");
  if (faults->get_array().size() > kRulesMax)
    return wrong(fmt::format("'faults' has more than {} entries", kRulesMax));
  for (const json::value& entry : faults->get_array()) {
    const std::size_t index = script.rules.size();
    if (!entry.is_object()) return wrong(fmt::format("faults[{}] is not an object", index));
    auto rule = parse_fault_rule(entry.get_object());
    if (!rule) return wrong(fmt::format("faults[{}]: {}", index, rule.error()));
    script.rules.push_back(std::move(*rule));
  }
  return script;
}

}  // namespace quarry::sandbox
