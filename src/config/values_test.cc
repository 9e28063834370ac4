// The limits of each kind of value, and one past them.
#include "config/values.h"

#include "config/litellm_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace quarry::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::optional<std::string> one_variable(const std::string& name) {
  if (name == "NAME") return "value";
  return std::nullopt;
}

TEST(Resolve, ReplacesEveryVariableAndNothingElse) {
  EXPECT_EQ(resolve("os.environ/NAME", one_variable), "value");
  EXPECT_EQ(resolve("a-os.environ/NAME/b-os.environ/NAME", one_variable), "a-value/b-value");
  EXPECT_EQ(resolve("os.environ", one_variable), "os.environ");
  EXPECT_THAT(resolve("os.environ/NAME2", one_variable).error(),
              HasSubstr("NAME2, which is not set"));
  EXPECT_THAT(resolve("os.environ/", one_variable).error(), HasSubstr("no variable's name"));
}

TEST(ParseInteger, TakesDigitsWithinTheRangeOnly) {
  EXPECT_EQ(parse_integer("1", 1, 10), 1u);
  EXPECT_EQ(parse_integer("10", 1, 10), 10u);
  EXPECT_EQ(parse_integer("1_000", 1, 1000), 1000u);
  EXPECT_EQ(parse_integer("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
  for (const char* bad : {"0", "11", "", "-1", "+1", "1.0", "1e1", " 1", "1 ", "_1", "1_", "1__0",
                          "0x1", "99999999999999999999"}) {
    EXPECT_FALSE(parse_integer(bad, 1, 10)) << bad;
  }
}

TEST(ParseBytes, TakesNumbersAndUnits) {
  auto bytes = [](std::string_view text) { return parse_bytes(text, 1, UINT64_MAX).value_or(0); };
  EXPECT_EQ(bytes("1000000000"), 1'000'000'000u);
  EXPECT_EQ(bytes("1GB"), 1'000'000'000u);
  EXPECT_EQ(bytes("1 GiB"), 1'073'741'824u);
  EXPECT_EQ(bytes("1.5mb"), 1'500'000u);
  EXPECT_EQ(bytes("512KiB"), 524'288u);
  EXPECT_EQ(bytes("2TB"), 2'000'000'000'000u);
  EXPECT_EQ(bytes("7b"), 7u);
  for (const char* bad :
       {"", "GB", "1 GB x", "1G B", "1XB", "-1GB", "1..5GB", ".GB", "1e3", "1.5", "999999999TB"}) {
    EXPECT_EQ(bytes(bad), 0u) << bad;
  }
  EXPECT_EQ(parse_bytes("999", 1000, 2'000'000'000).error(), "must be from 1 KB to 2 GB");
  EXPECT_FALSE(parse_bytes("2000000001", 1000, 2'000'000'000));
}

TEST(ParseSeconds, TakesFractions) {
  EXPECT_EQ(parse_seconds("0.25", 10ms, 10s), 250ms);
  EXPECT_EQ(parse_seconds("10", 10ms, 10s), 10s);
  EXPECT_EQ(parse_seconds(".01", 10ms, 10s), 10ms);
  for (const char* bad : {"0", "10.001", "-1", "1s", "inf", "nan", "1e0", "", "1.2.3", "."}) {
    EXPECT_FALSE(parse_seconds(bad, 10ms, 10s)) << bad;
  }
}

TEST(ParseBoolean, TakesYamlsWords) {
  for (const char* yes : {"true", "True", "TRUE", "yes", "on"})
    EXPECT_EQ(parse_boolean(yes), true) << yes;
  for (const char* no : {"false", "No", "OFF"}) EXPECT_EQ(parse_boolean(no), false) << no;
  for (const char* bad : {"", "1", "0", "y", "truee"}) EXPECT_FALSE(parse_boolean(bad)) << bad;
}

// S3 user guide, "General purpose bucket naming rules", within Bedrock's s3Uri pattern.
TEST(CheckBucket, FollowsTheNamingRules) {
  for (const char* good : {"abc", "litellm-proxy", "my.bucket.1", "123456789012", "a-b"}) {
    EXPECT_EQ(check_bucket(good), std::nullopt) << good;
  }
  EXPECT_EQ(check_bucket(std::string(63, 'a')), std::nullopt);
  EXPECT_NE(check_bucket(std::string(64, 'a')), std::nullopt);
  for (const char* bad : {"", "ab", "Abc", "a_b", "-abc", "abc-", "abc.", "a..b", "192.168.5.4",
                          "s3://abc", "arn:aws:s3:::b"}) {
    EXPECT_NE(check_bucket(bad), std::nullopt) << bad;
  }
}

// CreateModelInvocationJob, s3Uri: (?:/[-!_*'().a-z0-9A-Z]+…)*
TEST(CheckPrefix, HoldsOnlyWhatBedrockTakesInAnS3Uri) {
  for (const char* good : {"", "quarry", "a/b", "-!_*'().aZ9", "a.b/..c"})
    EXPECT_EQ(check_prefix(good), std::nullopt) << good;
  for (const char* bad :
       {"a b", "a:b", "a=b", "a+b", "a@b", "a%b", "a//b", "/a", "a/../b", ".", "é", "a\\b"}) {
    EXPECT_NE(check_prefix(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(check_prefix(std::string(512, 'a')), std::nullopt);
  EXPECT_NE(check_prefix(std::string(513, 'a')), std::nullopt);
}

// CreateModelInvocationJob, roleArn: arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+
TEST(CheckRoleArn, FollowsTheApisPattern) {
  for (const char* good :
       {"arn:aws:iam::123456789012:role/r", "arn:aws-us-gov:iam::123456789012:role/a/b",
        "arn:aws:iam:::role/r", "arn:aws:iam::123456789012:role/a:b"}) {
    EXPECT_EQ(check_role_arn(good), std::nullopt) << good;
  }
  for (const char* bad :
       {"", "r", "arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:user/u",
        "arn:aws:iam::1234:role/r", "arn:aws-:iam::123456789012:role/r", "arn:aws:s3:::role/r",
        "arn:aws:iam:us-east-1:123456789012:role/r", "arn:aws:iam::123456789012:role/a b"}) {
    EXPECT_NE(check_role_arn(bad), std::nullopt) << bad;
  }
}

TEST(CheckRegion, KnowsTheShapeNotTheList) {
  for (const char* good :
       {"us-west-2", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-12"}) {
    EXPECT_EQ(check_region(good), std::nullopt) << good;
  }
  for (const char* bad : {"", "us", "us-west", "us-west-", "-west-2", "US-WEST-2", "us-west-2a",
                          "us--west-2", "us-2", "a b-c-1"}) {
    EXPECT_NE(check_region(bad), std::nullopt) << bad;
  }
}

TEST(CheckEndpoint, IsAUrlWithoutQueryOrUser) {
  for (const char* good :
       {"http://localhost:9000", "https://vpce-1.bedrock.us-east-1.vpce.amazonaws.com",
        "http://[::1]:80/x"}) {
    EXPECT_EQ(check_endpoint(good), std::nullopt) << good;
  }
  for (const char* bad : {"", "localhost:9000", "ftp://x", "http://", "http:///x", "http://:80",
                          "http://a b", "http://u@h", "http://h?x", "http://h#x"}) {
    EXPECT_NE(check_endpoint(bad), std::nullopt) << bad;
  }
}

TEST(CheckModelName, CanStandInAListOfNames) {
  EXPECT_EQ(check_model_name("bedrock/batch-anthropic.claude-3-5-sonnet-20240620-v1:0"),
            std::nullopt);
  EXPECT_EQ(check_model_name("My Claude"), std::nullopt);
  for (const char* bad : {"", "a,b", " a", "a ", "a\nb"})
    EXPECT_NE(check_model_name(bad), std::nullopt) << bad;
}

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("nmae", "name"), 2u);
}

TEST(SlipOf, LeavesLiteLlmsOwnWordsAlone) {
  EXPECT_EQ(slip_of("s3_buket_name", Place::litellm_params), "s3_bucket_name");
  EXPECT_EQ(slip_of("modle", Place::litellm_params), "model");
  EXPECT_EQ(slip_of("tpm", Place::model_info), std::nullopt);
  EXPECT_EQ(slip_of("db", Place::model_info), std::nullopt)
      << "two edits make any short word another";
  EXPECT_EQ(slip_of("mod", Place::model_info), "mode");
  for (Place place : {Place::top, Place::model, Place::litellm_params, Place::model_info,
                      Place::litellm_settings, Place::general_settings}) {
    for (std::string_view ours : our_keys(place))
      EXPECT_EQ(slip_of(std::string(ours) + "x", place), ours);
  }
}

TEST(TokenCost, IsReadByItsDigitsToThePicoDollar) {
  for (const auto& [text, pico] : std::initializer_list<std::pair<const char*, std::int64_t>>{
           {"3e-06", 3'000'000},
           {"0.000003", 3'000'000},
           {"3.0E-6", 3'000'000},
           {"1.75e-08", 17'500},
           {"5.5e-07", 550'000},
           {"2.5000000000000002e-08", 25'000},
           {"1.4999999999999999e-12", 1},
           {"1.5e-12", 2},
           {"0.00e5", 0},
           {".5e-6", 500'000},
           {"0", 0},
           {"0.01", 10'000'000'000}}) {
    ASSERT_TRUE(parse_token_cost(text)) << text;
    EXPECT_EQ(*parse_token_cost(text), pico) << text;
  }
}

TEST(TokenCost, RefusesWhatIsNoPriceOfAToken) {
  for (const char* text : {"", ".", "-1e-6", "+1e-6", "1e", "1e-6x", "0x1", "nan", "1,5", "1.2.3",
                           "3", "0.011", "1e30", "9e99999", "$3"}) {
    EXPECT_FALSE(parse_token_cost(text)) << text;
  }
}

}  // namespace
}  // namespace quarry::config
