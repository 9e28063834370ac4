#include "store/column_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::store {
namespace {

using namespace std::string_literals;

TEST(ColumnText, IsTheTextItselfWherePostgresqlTakesIt) {
  for (const std::string& text : {""s, "batch.jsonl"s, "äöü"s, "日本語 🎉"s, "\x01\x7f\n"s,
                                  "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_EQ(column_text(text), text);
    EXPECT_EQ(text_of_column(text), text);
  }
}

struct Row {
  const char* name;
  std::string text;
  std::string stored;
};
class EscapedText : public ::testing::TestWithParam<Row> {};

TEST_P(EscapedText, IsTakenAndComesBack) {
  EXPECT_EQ(column_text(GetParam().text), GetParam().stored);
  EXPECT_EQ(text_of_column(GetParam().stored), GetParam().text);
}

// What is not UTF-8: RFC 3629, section 3.
INSTANTIATE_TEST_SUITE_P(Rows,
                         EscapedText,
                         ::testing::Values(Row{"Nul", "a\0b"s,
                                               "a\x1a"
                                               "00b"},
                                           Row{"NulAtTheEnd", "ab\0"s,
                                               "ab\x1a"
                                               "00"},
                                           Row{"TheEscapeItself",
                                               "a\x1a"
                                               "00",
                                               "a\x1a"
                                               "1a00"},
                                           Row{"Latin1", "caf\xe9",
                                               "caf\x1a"
                                               "e9"},
                                           Row{"LoneContinuation", "\x80x",
                                               "\x1a"
                                               "80x"},
                                           Row{"CutShort", "\xe2\x82",
                                               "\x1a"
                                               "e2\x1a"
                                               "82"},
                                           Row{"CutShortBeforeMore", "\xe2\x82z",
                                               "\x1a"
                                               "e2\x1a"
                                               "82z"},
                                           Row{"TooLongTwo", "\xc0\xaf",
                                               "\x1a"
                                               "c0\x1a"
                                               "af"},
                                           Row{"TooLongThree", "\xe0\x9f\xbf",
                                               "\x1a"
                                               "e0\x1a"
                                               "9f\x1a"
                                               "bf"},
                                           Row{"TooLongFour", "\xf0\x8f\xbf\xbf",
                                               "\x1a"
                                               "f0\x1a"
                                               "8f\x1a"
                                               "bf\x1a"
                                               "bf"},
                                           Row{"Surrogate", "\xed\xa0\x80",
                                               "\x1a"
                                               "ed\x1a"
                                               "a0\x1a"
                                               "80"},
                                           Row{"BeyondUnicode", "\xf4\x90\x80\x80",
                                               "\x1a"
                                               "f4\x1a"
                                               "90\x1a"
                                               "80\x1a"
                                               "80"}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ColumnText, KeepsTwoTextsApartThatDifferOnlyInWhatIsEscaped) {
  EXPECT_NE(column_text("a\0"s), column_text("a"));
  EXPECT_NE(column_text("\x1a"
                        "00"),
            column_text("\0"s));
}

TEST(ColumnText, LeavesAnEscapeThatItDidNotWrite) {
  EXPECT_EQ(text_of_column("a\x1a"), "a\x1a");
  EXPECT_EQ(text_of_column("a\x1azz"), "a\x1azz");
}

}  // namespace
}  // namespace quarry::store
