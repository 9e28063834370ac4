#include "api/query.h"

#include <gtest/gtest.h>

namespace quarry::api {
namespace {

TEST(BooleanParameter, IsWhatFastApiReadsAsOneInAnyCase) {
  for (const char* text : {"true", "True", "TRUE", "t", "1", "yes", "Y", "on", "oN"}) {
    EXPECT_EQ(boolean_parameter("whole", text), true) << text;
  }
  for (const char* text : {"false", "False", "f", "0", "NO", "n", "off"}) {
    EXPECT_EQ(boolean_parameter("whole", text), false) << text;
  }
}

TEST(BooleanParameter, OfAnythingElseIsAnErrorThatNamesIt) {
  for (const char* text : {"", "2", "tru", "truee", "yes ", "-1", "null"}) {
    const auto value = boolean_parameter("whole", text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code(), Errc::invalid_request);
    EXPECT_EQ(value.error().param(), "whole");
  }
}

}  // namespace
}  // namespace quarry::api
