#include "json/line_splitter.h"

#include "base/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::json {
namespace {

struct Seen {
  std::string text;
  std::uint64_t number = 0;
  bool too_long = false;
  bool operator==(const Seen&) const = default;
};

// Every line of `input`, fed in chunks of `chunk_bytes`.
std::vector<Seen> split(std::string_view input,
                        std::size_t chunk_bytes,
                        std::size_t line_bytes_max = 1000) {
  LineSplitter splitter(line_bytes_max);
  LineSplitter::Line line;
  std::vector<Seen> seen;
  const auto take = [&] { seen.push_back({std::string(line.text), line.number, line.too_long}); };
  for (std::size_t at = 0; at < input.size(); at += chunk_bytes) {
    const std::string chunk(input.substr(at, chunk_bytes));  // its own memory, gone afterwards
    splitter.feed(as_bytes(chunk));
    while (splitter.next(line)) take();
  }
  while (splitter.finish(line)) take();
  return seen;
}

TEST(LineSplitter, GivesTheSameLinesWhereverTheChunksAreCut) {
  const std::string input =
      "\xef\xbb\xbf{\"a\":1}\r\n\n  \t\r\n{\"b\":\"\xe2\x80\xa8 \xc2\x85 \xe2\x80\xa9\"}\n\r\n"
      "0123456789abcdefghijXYZ\nlast\r";
  const std::vector<Seen> expected{{"{\"a\":1}", 1, false},
                                   {"{\"b\":\"\xe2\x80\xa8 \xc2\x85 \xe2\x80\xa9\"}", 4, false},
                                   {"0123456789abcdefghij", 6, true},
                                   {"last", 7, false}};
  for (std::size_t chunk_bytes = 1; chunk_bytes <= input.size(); ++chunk_bytes) {
    EXPECT_EQ(split(input, chunk_bytes, 20), expected) << "chunks of " << chunk_bytes;
  }
}

TEST(LineSplitter, TakesALineOfTheLimitAndMarksOneByteMore) {
  for (const std::size_t chunk_bytes : {1UZ, 3UZ, 100UZ}) {
    EXPECT_EQ(split("12345678\n", chunk_bytes, 8), (std::vector<Seen>{{"12345678", 1, false}}));
    EXPECT_EQ(split("12345678\r\n", chunk_bytes, 8), (std::vector<Seen>{{"12345678", 1, false}}));
    EXPECT_EQ(split("\xef\xbb\xbf"
                    "12345678\r\n",
                    chunk_bytes, 8),
              (std::vector<Seen>{{"12345678", 1, false}}));
    EXPECT_EQ(split("123456789\nx", chunk_bytes, 8),
              (std::vector<Seen>{{"12345678", 1, true}, {"x", 2, false}}));
  }
}

TEST(LineSplitter, SkipsTheRestOfALineThatIsFarTooLongWithoutKeepingIt) {
  const std::string input = std::string(100'000, 'a') + "\nb\n";
  for (const std::size_t chunk_bytes : {7UZ, 4096UZ, 200'000UZ}) {
    EXPECT_EQ(split(input, chunk_bytes, 4),
              (std::vector<Seen>{{"aaaa", 1, true}, {"b", 2, false}}));
  }
}

TEST(LineSplitter, TakesAnyLineWhereThereIsNoLimit) {
  EXPECT_EQ(split("abc\r\ndef", 2, SIZE_MAX),
            (std::vector<Seen>{{"abc", 1, false}, {"def", 2, false}}));
}

TEST(LineSplitter, CountsBlankLinesWithoutGivingThem) {
  LineSplitter splitter(100);
  LineSplitter::Line line;
  const std::string input = "\n\n \n";
  splitter.feed(as_bytes(input));
  EXPECT_FALSE(splitter.next(line));
  EXPECT_FALSE(splitter.finish(line));
  EXPECT_EQ(splitter.line_count(), 3u);
}

TEST(LineSplitter, GivesNothingForNothing) {
  EXPECT_TRUE(split("", 1).empty());
  EXPECT_TRUE(split("\xef\xbb\xbf", 1).empty());
  EXPECT_TRUE(split("\n", 1).empty());
}

TEST(LineSplitter, StripsOnlyOneByteOrderMarkAndOnlyAtTheStart) {
  EXPECT_EQ(split("\xef\xbb\xbf\xef\xbb\xbf"
                  "a\n\xef\xbb\xbf"
                  "b",
                  2),
            (std::vector<Seen>{{"\xef\xbb\xbf"
                                "a",
                                1, false},
                               {"\xef\xbb\xbf"
                                "b",
                                2, false}}));
}

TEST(LineSplitter, KeepsACarriageReturnThatIsNotAtTheEnd) {
  EXPECT_EQ(split("a\rb\r\r\n", 2), (std::vector<Seen>{{"a\rb\r", 1, false}}));
}

}  // namespace
}  // namespace quarry::json
