#include "translate/families/tool_shape.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace quarry::translate {
namespace {

// The id that a family writes for a client's.
template <class Append>
std::string written(const std::string& id, const Append& append) {
  json::Document document;
  const std::string text = "\"" + id + "\"";
  const auto value = document.parse(text);
  EXPECT_TRUE(value) << id;
  std::string out;
  append(out, *value);
  EXPECT_TRUE(out.starts_with('"') && out.ends_with('"')) << out;
  return out.substr(1, out.size() - 2);
}

std::string bounded(const std::string& id) { return written(id, append_bounded_tool_id); }
std::string short_id(const std::string& id) { return written(id, append_short_tool_id); }

constexpr const char* kAlphanumeric =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

TEST(BoundedToolId, IsKeptUpTo64Characters) {
  const std::string longest(64, 'x');
  EXPECT_EQ(bounded("call_A-1"), "call_A-1");
  EXPECT_EQ(bounded(longest), longest);
  EXPECT_EQ(bounded("a.b:c|d\\u00e9"), "a_b_c_d__");
}

TEST(BoundedToolId, TellsLongIdsThatBeginAlikeApart) {
  const std::string begin(80, 'x');
  const std::string one = bounded(begin + "1");
  EXPECT_EQ(one.size(), 64U);
  EXPECT_EQ(one, bounded(begin + "1"));
  EXPECT_NE(one, bounded(begin + "2"));
  EXPECT_TRUE(bounded(std::string(65, 'x')).starts_with(std::string(47, 'x') + "_"));
}

TEST(ShortToolId, IsKeptWhereItHasMistralsForm) {
  EXPECT_EQ(short_id("Ab3dEf7h9"), "Ab3dEf7h9");
  EXPECT_NE(short_id("Ab3dEf7_9"), "Ab3dEf7_9");
}

TEST(ShortToolId, IsNineLettersAndDigitsAndTheSameEveryTime) {
  for (const std::string id : {"call_1", "toolu_01A", "a", "Ab3dEf7h90", "\\ud83c\\udf0d"}) {
    const std::string out = short_id(id);
    EXPECT_EQ(out.size(), 9U) << id;
    EXPECT_EQ(out.find_first_not_of(kAlphanumeric), std::string::npos) << out;
    EXPECT_EQ(out, short_id(id));
  }
}

// Cut to nine characters, ids of one maker would become one.
TEST(ShortToolId, TellsIdsThatBeginAlikeApart) {
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i)
    ids.insert(short_id("tooluse_AAAAAAAAAAAAAAAA" + std::to_string(i)));
  EXPECT_EQ(ids.size(), 10'000U);
}

}  // namespace
}  // namespace quarry::translate
