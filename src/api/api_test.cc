#include "api/errors.h"
#include "api/query.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::api {
namespace {

TEST(Query, DecodesNamesAndValues) {
  const auto parameters = parse_query("limit=20&after=batch%5Fx&empty&purpose=a+b");
  EXPECT_EQ(parameters.at("limit"), "20");
  EXPECT_EQ(parameters.at("after"), "batch_x");
  EXPECT_EQ(parameters.at("empty"), "");
  EXPECT_EQ(parameters.at("purpose"), "a b");
}

TEST(IntegerParameter, SaysWhatIsWrongInOpenAIsWords) {
  EXPECT_EQ(*integer_parameter("limit", "100", 0, 100), 100);
  const auto above = integer_parameter("limit", "101", 0, 100);
  EXPECT_EQ(above.error().message(),
            "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 "
            "instead.");
  EXPECT_EQ(above.error().reason(), "integer_above_max_value");
  EXPECT_EQ(integer_parameter("limit", "-1", 0, 100).error().reason(), "integer_below_min_value");
  EXPECT_EQ(integer_parameter("limit", "99999999999999999999", 0, 100).error().reason(),
            "integer_above_max_value");
  for (const char* text : {"abc", "", "1.5", "1x"}) {
    EXPECT_EQ(integer_parameter("limit", text, 0, 100).error().reason(), "invalid_type") << text;
  }
}

TEST(ErrorResponse, HasTheEnvelopeAndTheStatus) {
  const auto response =
      error_response(Error(Errc::not_found, "No such File object: x").param("id"), "req_1");
  EXPECT_EQ(response.status, 404);
  const auto body = boost::json::parse(response.body).at("error");
  EXPECT_EQ(body.at("message"), "No such File object: x");
  EXPECT_EQ(body.at("type"), "invalid_request_error");
  EXPECT_EQ(body.at("param"), "id");
  EXPECT_TRUE(body.at("code").is_null());
}

TEST(ErrorResponse, AConflictIsNotToBeRepeatedByTheSdk) {
  const auto response = error_response(Error(Errc::conflict, "no"), "req_1");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.headers.get("x-should-retry"), "false");
}

TEST(ErrorResponse, ABodyThatIsTooLargeIs413) {
  EXPECT_EQ(
      error_response(Error(Errc::invalid_request, "big").reason("body_too_large"), "req_1").status,
      413);
}

TEST(ErrorResponse, TheCauseIsInTheLogUnderTheIdThatTheClientHas) {
  testing::internal::CaptureStderr();
  error_response(Error(Errc::forbidden, "no such role"), "req_7");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(log.contains("req_7")) << log;
  EXPECT_TRUE(log.contains("no such role")) << log;
}

TEST(ErrorResponse, WhatAwsSaidIsTheOperatorsAndNotTheClients) {
  const auto response =
      error_response(Error(Errc::forbidden, "AccessDenied…").reason("AccessDenied"), "req_1");
  EXPECT_EQ(response.status, 502);
  const auto body = boost::json::parse(response.body).at("error");
  EXPECT_TRUE(body.at("code").is_null());
  EXPECT_FALSE(std::string(body.at("message").as_string()).contains("AccessDenied"));
}

}  // namespace
}  // namespace quarry::api
