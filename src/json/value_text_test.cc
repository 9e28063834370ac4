#include "json/value_text.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace quarry::json {
namespace {

namespace bj = boost::json;

std::string text_of(double value) {
  std::string out;
  append_double(out, value);
  return out;
}

TEST(DoubleTextTest, IsWhatPeopleWrite) {
  EXPECT_EQ(text_of(0), "0.0");
  EXPECT_EQ(text_of(-0.0), "-0.0");
  EXPECT_EQ(text_of(0.5), "0.5");
  EXPECT_EQ(text_of(50), "50.0");
  EXPECT_EQ(text_of(0.1), "0.1");
  EXPECT_EQ(text_of(0.000441), "0.000441");
  EXPECT_EQ(text_of(-12.345678901), "-12.345678901");
  EXPECT_EQ(text_of(1e9), "1000000000.0");
}

TEST(DoubleTextTest, HasAnExponentOnlyBeyondEverySumOfMoney) {
  EXPECT_EQ(text_of(1e-9), "0.000000001");
  EXPECT_EQ(text_of(9.9e-10), "9.9e-10");
  EXPECT_EQ(text_of(9999999999999998.0), "9999999999999998.0");
  EXPECT_EQ(text_of(1e16), "1e+16");
  EXPECT_EQ(text_of(1e300), "1e+300");
  EXPECT_EQ(text_of(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(DoubleTextTest, OfNoNumberIsNull) {
  EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "null");
}

TEST(DoubleTextTest, ReadsAsTheSameNumber) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const double sum = static_cast<double>(random() >> (random() % 64)) / 1e9;
    const double any = std::bit_cast<double>(random());
    for (const double value : {sum, std::isfinite(any) ? any : 1.0}) {
      const std::string text = text_of(value);
      double again = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), again);
      ASSERT_EQ(read.ptr, text.data() + text.size()) << text;
      ASSERT_EQ(std::bit_cast<std::uint64_t>(again), std::bit_cast<std::uint64_t>(value)) << text;
      ASSERT_TRUE(bj::parse(text).is_double()) << text;
    }
  }
}

TEST(ValueTextTest, OfEveryKindIsItsJson) {
  const std::string text =
      R"({"none":null,"no":false,"yes":true,"least":-9223372036854775808,)"
      R"("most":18446744073709551615,"money":0.000441,"list":[1,[],{},"a\"b\n"],"in":{"x":{"y":0.5}}})";
  EXPECT_EQ(value_text(bj::parse(text)), text);
}

}  // namespace
}  // namespace quarry::json
