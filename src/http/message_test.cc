#include "http/message.h"

#include <gtest/gtest.h>

namespace quarry::http {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  const Headers headers = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(headers.get("content-TYPE"), "text/plain");
  EXPECT_EQ(headers.get("content-typ"), std::nullopt);
  EXPECT_EQ(headers.get("content-type2"), std::nullopt);
}

TEST(Headers, KeepRepeatedFieldsInOrderAndGetTheFirst) {
  Headers headers;
  headers.add("a", "1");
  headers.add("b", "2");
  headers.add("A", "3");
  EXPECT_EQ(headers.get("A"), "1");
  EXPECT_EQ(headers.count("a"), 2u);
  EXPECT_EQ(headers.fields().back(), Headers::Field("A", "3"));
}

TEST(Headers, SetReplacesEveryFieldOfTheName) {
  Headers headers = {{"a", "1"}, {"b", "2"}, {"A", "3"}};
  headers.set("a", "4");
  EXPECT_EQ(headers.count("A"), 1u);
  EXPECT_EQ(headers.get("a"), "4");
  headers.remove("B");
  EXPECT_EQ(headers.fields().size(), 1u);
}

TEST(EqualIgnoringCase, FoldsAsciiLettersOnly) {
  EXPECT_TRUE(equal_ignoring_case("aZ-09", "Az-09"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("\xc4", "\xe4"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
}

}  // namespace
}  // namespace quarry::http
