#include "sandbox/fault_script.h"

#include "sandbox/fault_choice.h"
#include "sandbox/fault_table.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

std::string script_of(std::string_view faults) {
  return fmt::format(R"({{"seed": 7, "faults": [{}]}})", faults);
}

TEST(FaultScript, ReadsEveryMember) {
  const auto script = parse_fault_script(script_of(
      R"({"operation": "UploadPart", "fault": "slow_headers", "count": 3, "after": 1,
          "probability": 0.5, "match": "text", "region": "us-west-2", "seconds": 1.5})"));
  ASSERT_TRUE(script) << script.error();
  EXPECT_EQ(script->seed, 7U);
  const FaultRule& rule = script->rules.at(0);
  EXPECT_EQ(rule.operation, "UploadPart");
  EXPECT_EQ(rule.kind, FaultKind::slow_headers);
  EXPECT_EQ(rule.count, 3U);
  EXPECT_EQ(rule.after, 1U);
  EXPECT_EQ(rule.probability, 0.5);
  EXPECT_EQ(rule.match, "text");
  EXPECT_EQ(rule.region, "us-west-2");
  EXPECT_EQ(rule.number("seconds", 0), 1.5);
}

TEST(FaultScript, WhatIsNotSaidIsWithoutLimit) {
  const auto script =
      parse_fault_script(R"({"faults": [{"operation": "*", "fault": "internal"}]})");
  ASSERT_TRUE(script) << script.error();
  EXPECT_EQ(script->seed, 0U);
  const FaultRule& rule = script->rules.at(0);
  EXPECT_FALSE(rule.count);
  EXPECT_EQ(rule.after, 0U);
  EXPECT_EQ(rule.probability, 1);
  EXPECT_EQ(rule.text("message", "otherwise"), "otherwise");
  EXPECT_FALSE(rule.flag("write_partial"));
}

TEST(FaultScript, EveryFaultIsKnownOnceAndCanBeWritten) {
  std::set<std::string_view> names;
  std::set<FaultKind> kinds;
  for (const FaultSpec& spec : all_faults()) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_TRUE(kinds.insert(spec.kind).second) << spec.name;
    json::object written{{"fault", spec.name}};
    written["operation"] = spec.scope == FaultScope::job        ? "Job"
                           : spec.scope == FaultScope::complete ? "CompleteMultipartUpload"
                           : spec.scope == FaultScope::bedrock  ? "Bedrock"
                                                                : "S3";
    for (const ParameterSpec& parameter : spec.parameters) {
      json::value& value = written[parameter.name];
      switch (parameter.type) {
        case ParameterType::text:
          value = "text";
          break;
        case ParameterType::flag:
          value = true;
          break;
        case ParameterType::fraction:
          value = 0.5;
          break;
        case ParameterType::positive:
          value = 2;
          break;
        case ParameterType::offset:
          value = -1;
          break;
        case ParameterType::whole:
          value = 4;
          break;
        case ParameterType::status:
          value = 404;
          break;
        case ParameterType::choice:
          value = parameter.choices.front();
          break;
      }
    }
    const auto rule = parse_fault_rule(written);
    ASSERT_TRUE(rule) << rule.error();
    EXPECT_EQ(rule->kind, spec.kind);
    EXPECT_EQ(rule->source, written);
  }
}

struct Refusal {
  const char* name;
  const char* faults;
  const char* why;
};

class FaultScriptRefuses : public ::testing::TestWithParam<Refusal> {};

TEST_P(FaultScriptRefuses, AndNamesIt) {
  const auto script = parse_fault_script(script_of(GetParam().faults));
  ASSERT_FALSE(script);
  EXPECT_EQ(script.error(), GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    FaultScriptRefuses,
    ::testing::Values(
        Refusal{"NoObject", R"(3)", "faults[0] is not an object"},
        Refusal{"NoFault", R"({"operation": "*"})", "faults[0]: 'fault' is missing"},
        Refusal{"NoOperation", R"({"fault": "internal"})", "faults[0]: 'operation' is missing"},
        Refusal{"FaultNoText", R"({"operation": "*", "fault": 1})",
                "faults[0]: 'fault' must be a text"},
        Refusal{"UnknownFault", R"({"operation": "*", "fault": "boom"})",
                "faults[0]: there is no fault 'boom'"},
        Refusal{"UnknownOperation", R"({"operation": "Put", "fault": "internal"})",
                "faults[0]: there is no operation 'Put'"},
        Refusal{"UnknownMember", R"({"operation": "*", "fault": "internal", "x": 1})",
                "faults[0]: the fault 'internal' has no member 'x'"},
        Refusal{"ParameterOfAnother", R"({"operation": "*", "fault": "internal", "seconds": 1})",
                "faults[0]: the fault 'internal' has no member 'seconds'"},
        Refusal{"ParameterMissing", R"({"operation": "*", "fault": "slow_headers"})",
                "faults[0]: the fault 'slow_headers' needs 'seconds'"},
        Refusal{"CountBelowZero", R"({"operation": "*", "fault": "internal", "count": -1})",
                "faults[0]: 'count' must be a whole number from 0 on, not -1"},
        Refusal{"FractionAboveOne", R"({"operation": "Job", "fault": "partial", "fraction": 1.5})",
                "faults[0]: 'fraction' must be a number from 0 to 1, not 1.5E0"},
        Refusal{"StatusTooLow",
                R"({"operation": "*", "fault": "error", "status": 200, "code": "c"})",
                "faults[0]: 'status' must be a status from 300 to 599, not 200"},
        Refusal{"ChoiceUnknown", R"({"operation": "Job", "fault": "fail", "at": "noon"})",
                R"(faults[0]: 'at' must be one of validating, running, not "noon")"},
        Refusal{"JobFaultOfARequest", R"({"operation": "S3", "fault": "stuck"})",
                "faults[0]: the fault 'stuck' happens to the operation Job only, not to 'S3'"},
        Refusal{"RequestFaultOfAJob", R"({"operation": "Job", "fault": "internal"})",
                "faults[0]: the fault 'internal' happens to requests only, not to 'Job'"},
        Refusal{"S3FaultOfBedrock", R"({"operation": "InvokeModel", "fault": "redirect"})",
                "faults[0]: the fault 'redirect' happens to S3's operations only, not to "
                "'InvokeModel'"},
        Refusal{"BedrockFaultOfS3", R"({"operation": "PutObject", "fault": "quota"})",
                "faults[0]: the fault 'quota' happens to Bedrock's operations only, not to "
                "'PutObject'"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(FaultScript, RefusesWhatIsNoScript) {
  EXPECT_EQ(parse_fault_script("[1]").error(), "the fault script is not a JSON object");
  EXPECT_EQ(parse_fault_script("{").error(), "the fault script is not JSON");
  EXPECT_EQ(parse_fault_script("{}").error(), "'faults' must be a list");
  EXPECT_EQ(parse_fault_script(R"({"faults": [], "seed": -1})").error(),
            "'seed' must be a whole number from 0 on");
  EXPECT_EQ(parse_fault_script(R"({"faults": [], "sead": 1})").error(),
            "a fault script has no member 'sead'");
}

// --- Which of them happens ---

RequestFacts asked(std::string_view operation,
                   OperationGroup group,
                   std::string text = "",
                   std::string region = "us-west-2") {
  return {.operation = {.name = operation, .group = group},
          .region = std::move(region),
          .texts = {std::move(text)}};
}

RequestFacts put(std::string text = "", std::string region = "us-west-2") {
  return asked("PutObject", OperationGroup::s3, std::move(text), std::move(region));
}

FaultChoice choice_of(std::string_view faults, int seed = 1) {
  FaultChoice choice;
  auto script = parse_fault_script(fmt::format(R"({{"seed": {}, "faults": [{}]}})", seed, faults));
  EXPECT_TRUE(script) << script.error();
  choice.replace(std::move(*script));
  return choice;
}

std::string fired(FaultChoice& choice, int times, const RequestFacts& facts = put()) {
  std::string text;
  for (int i = 0; i < times; ++i) text += choice.for_request(facts) ? '1' : '0';
  return text;
}

TEST(FaultChoice, CountsWhatMatchesOnly) {
  auto choice = choice_of(
      R"({"operation": "PutObject", "fault": "internal", "after": 1, "count": 2, "match": "b/k"})");
  EXPECT_EQ(fired(choice, 2, put("b/other")), "00");
  EXPECT_EQ(fired(choice, 5, put("b/key")), "01100");
  EXPECT_EQ(json::serialize(choice.report()),
            R"({"seed":1,"faults":[{"operation":"PutObject","fault":"internal","after":1,)"
            R"("count":2,"match":"b/k","matched":5,"fired":2}]})");
}

TEST(FaultChoice, AGroupHoldsItsOwnOperations) {
  for (const auto& [group, expected] : {std::pair("S3", "100"), std::pair("Bedrock", "010"),
                                        std::pair("Runtime", "001"), std::pair("*", "111")}) {
    auto choice = choice_of(fmt::format(R"({{"operation": "{}", "fault": "internal"}})", group));
    std::string text = fired(choice, 1);
    text += fired(choice, 1, asked("ListModelInvocationJobs", OperationGroup::bedrock));
    text += fired(choice, 1, asked("Converse", OperationGroup::runtime));
    EXPECT_EQ(text, expected) << group;
  }
}

TEST(FaultChoice, ARegionIsTheRequests) {
  auto choice = choice_of(R"({"operation": "S3", "fault": "internal", "region": "eu-west-1"})");
  EXPECT_EQ(fired(choice, 1), "0");
  EXPECT_EQ(fired(choice, 1, put("", "eu-west-1")), "1");
}

TEST(FaultChoice, TheFirstThatFiresHasTheRequest) {
  auto choice = choice_of(
      R"({"operation": "S3", "fault": "internal", "count": 1}, {"operation": "S3", "fault": "throttle"})");
  EXPECT_EQ(choice.for_request(put())->kind, FaultKind::internal);
  EXPECT_EQ(choice.for_request(put())->kind, FaultKind::throttle);
}

TEST(FaultChoice, AProbabilityIsDecidedByTheSeedAlone) {
  constexpr std::string_view kFault =
      R"({"operation": "S3", "fault": "internal", "probability": 0.25})";
  auto choice = choice_of(kFault, 7);
  const std::string first = fired(choice, 400);
  const auto hits = std::ranges::count(first, '1');
  EXPECT_GT(hits, 60);
  EXPECT_LT(hits, 140);
  auto again = choice_of(kFault, 7);
  EXPECT_EQ(fired(again, 400), first);
  auto other = choice_of(kFault, 8);
  EXPECT_NE(fired(other, 400), first);
}

TEST(FaultChoice, AJobGetsEveryFaultThatFires) {
  auto choice = choice_of(
      R"({"operation": "Job", "fault": "no_manifest", "count": 1},
         {"operation": "Job", "fault": "missing_rows", "match": "nova"},
         {"operation": "*", "fault": "internal"})");
  const std::vector<std::string> texts{"my-job", "us.amazon.nova-lite-v1:0"};
  EXPECT_EQ(choice.for_job(texts, "us-west-2").size(), 2U);
  EXPECT_EQ(choice.for_job(texts, "us-west-2").size(), 1U);
  EXPECT_TRUE(choice.for_job(std::vector<std::string>{"my-job"}, "us-west-2").empty());
}

}  // namespace
}  // namespace quarry::sandbox
