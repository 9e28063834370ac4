#include "json/write.h"

#include "json/reader.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <string>

namespace quarry::json {
namespace {

struct Escape {
  const char* name;
  std::string text;
  std::string written;
};

class EscapedTest : public ::testing::TestWithParam<Escape> {};

// Bytes are looked at in groups, so what stands around a character must not matter.
TEST_P(EscapedTest, IsTheSameWhereverItStands) {
  for (std::size_t before = 0; before < 20; ++before) {
    for (std::size_t after = 0; after < 20; ++after) {
      const std::string left(before, 'a'), right(after, '~');
      std::string out = "kept";
      append_string(out, left + GetParam().text + right);
      EXPECT_EQ(out, "kept\"" + left + GetParam().written + right + '"');
    }
  }
}

// More than what is written at once.
TEST_P(EscapedTest, IsTheSameInALongText) {
  std::string text, written;
  for (int i = 0; i < 3000; ++i) {
    text += GetParam().text + "x";
    written += GetParam().written + "x";
  }
  std::string out;
  append_string_inside(out, text);
  EXPECT_EQ(out, written);
}

INSTANTIATE_TEST_SUITE_P(Characters,
                         EscapedTest,
                         ::testing::Values(Escape{"Quote", "\"", "\\\""},
                                           Escape{"Quotes", "\"\"", "\\\"\\\""},
                                           Escape{"Backslash", "\\", "\\\\"},
                                           Escape{"LineEnd", "\n", "\\n"},
                                           Escape{"Nul", std::string(1, '\0'), "\\u0000"},
                                           Escape{"LastControl", "\x1f", "\\u001f"},
                                           Escape{"Space", " ", " "},
                                           Escape{"Delete", "\x7f", "\x7f"},
                                           Escape{"TwoBytes", "é", "é"},
                                           Escape{"FourBytes", "😀", "😀"},
                                           Escape{"NextLine", "\u0085", "\\u0085"},
                                           Escape{"LineSeparator", "\u2028", "\\u2028"},
                                           Escape{"Broken", "\xff", "\xef\xbf\xbd"}),
                         [](const auto& row) { return std::string(row.param.name); });

std::string string_token(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

TEST(Write, EscapesWhatJsonAndSplitlinesNeed) {
  EXPECT_EQ(string_token("a\"b\\c\n\r\t\b\f\x01/\x7f"),
            "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001/\x7f\"");
  EXPECT_EQ(string_token("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9\xc2\x86\xe2\x80\xa7"),
            "\"\\u0085\\u2028\\u2029\xc2\x86\xe2\x80\xa7\"");
}

TEST(Write, ReplacesInvalidUtf8) {
  const std::string replaced = "\"x\xef\xbf\xbdy\"";
  for (const char* bad : {"x\xffy", "x\xc3y", "x\x80y", "x\xf8y"})
    EXPECT_EQ(string_token(bad), replaced) << bad;
  EXPECT_TRUE(Document().parse(
      string_token("\xed\xa0\x80 \xf4\x90\x80\x80 \xe0\x80\x80 \xc0\xaf \xe2\x80")));
}

TEST(Write, CopiesJsonAsOneLineForEveryReader) {
  std::string out;
  append_line(out, "{\"a\":\r\n\"\xc2\x85\xc3\xa9\xe2\x80\xa8\xe2\x82\xac\xe2\x80\xa9\xc2\"\n}\n");
  EXPECT_EQ(out, "{\"a\":\"\\u0085\xc3\xa9\\u2028\xe2\x82\xac\\u2029\xc2\"}");
}

TEST(AppendAll, JoinsLiteralsTextsAndNumbersBehindWhatIsThere) {
  std::string out = "kept";
  const std::string text(300, 't');
  append_all(out, "{\"a\":", Digits(0), text, std::string_view(), "}");
  EXPECT_EQ(out, "kept{\"a\":0" + text + "}");
}

TEST(Digits, AreOfAnyInteger) {
  EXPECT_EQ(std::string_view(Digits(std::numeric_limits<std::int64_t>::min())),
            "-9223372036854775808");
  EXPECT_EQ(std::string_view(Digits(std::numeric_limits<std::int64_t>::max())),
            "9223372036854775807");
}

}  // namespace
}  // namespace quarry::json
