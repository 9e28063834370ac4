#include "cli/doctor_report.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Diagnosis example() {
  return {.id = "d1",
          .model_name = "haiku",
          .model_id = "anthropic.claude",
          .region = "us-east-1",
          .bucket = "s3://bucket/quarry/",
          .place = "config.yaml:7",
          .checks = {
              {.name = "identity", .outcome = Outcome::fine, .detail = "me"},
              {.name = "write",
               .outcome = Outcome::failed,
               .detail = "nothing can be written",
               .said = "AccessDenied\x1b[31m",
               .remedy = {.text = "s3:PutObject is not allowed",
                          .place = "the policy of user quarry",
                          .statement = R"({"Effect":"Allow","Action":["a","b"]})",
                          .setting = "s3_encryption_key_id",
                          .value = "K"}},
              {.name = "on demand", .outcome = Outcome::not_checked, .detail = "it would cost"}}};
}

TEST(DoctorReport, HasARowForEachCheckAndTheRemedyBelow) {
  EXPECT_EQ(render_diagnosis(example(), false),
            "haiku: anthropic.claude in us-east-1, s3://bucket/quarry/ (config.yaml:7)\n"
            "  ✓ identity   me\n"
            "  ✗ write      nothing can be written\n"
            "      said: AccessDenied\\x1b[31m\n"
            "      mend: s3:PutObject is not allowed\n"
            "      in litellm_params, set s3_encryption_key_id: K\n"
            "      add to the policy of user quarry:\n"
            "      {\n"
            "        \"Effect\": \"Allow\",\n"
            "        \"Action\": [\n"
            "          \"a\",\n"
            "          \"b\"\n"
            "        ]\n"
            "      }\n"
            "  – on demand  it would cost\n");
}

TEST(DoctorReport, ColoursOnlyForATerminal) {
  EXPECT_THAT(render_diagnosis(example(), false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_diagnosis(example(), true), HasSubstr("\x1b[31m✗\x1b[0m write"));
}

TEST(DoctorReport, WrapsLongTextsUnderTheirOwnBeginning) {
  Diagnosis one = example();
  one.checks.resize(1);
  one.checks[0].detail = std::string(60, 'a') + " " + std::string(60, 'b');
  EXPECT_THAT(render_diagnosis(one, false),
              HasSubstr("  ✓ identity  " + std::string(60, 'a') + "\n" + std::string(14, ' ') +
                        std::string(60, 'b') + "\n"));
}

TEST(DoctorReport, TheLastLineCounts) {
  EXPECT_EQ(render_summary({example()}), "1 of 2 checks failed, 1 not made (–, each says why)\n");
  Diagnosis fine = example();
  fine.checks.resize(1);
  EXPECT_EQ(render_summary({fine}), "all 1 checks are fine\n");
}

TEST(DoctorReport, JsonHasTheSameAsData) {
  const auto all = boost::json::parse(diagnoses_json({example()})).as_object();
  EXPECT_EQ(all.at("ok"), false);
  EXPECT_EQ(all.at("failed"), 1);
  const auto& deployment = all.at("deployments").as_array().at(0).as_object();
  EXPECT_EQ(deployment.at("model_name"), "haiku");
  const auto& write = deployment.at("checks").as_array().at(1).as_object();
  EXPECT_EQ(write.at("outcome"), "failed");
  const auto& remedy = write.at("remedy").as_object();
  EXPECT_EQ(remedy.at("statement").as_object().at("Effect"), "Allow");
  EXPECT_EQ(remedy.at("setting").as_object().at("key"), "s3_encryption_key_id");
  EXPECT_TRUE(deployment.at("checks").as_array().at(0).as_object().at("remedy").is_null());
}

}  // namespace
}  // namespace quarry::cli
