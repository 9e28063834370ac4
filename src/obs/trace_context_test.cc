// What of a traceparent is believed. The rows are those of the specification's text (3.2, 4.3) and
// of its validation suite (github.com/w3c/trace-context, test/test.py), by what they check.
#include "obs/trace_context.h"

#include <gtest/gtest.h>

namespace quarry::obs {
namespace {

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kParent = "b7ad6b7169203331";

struct Row {
  const char* name;
  const char* header;
  bool valid;
  bool sampled = false;
};

class Traceparent : public ::testing::TestWithParam<Row> {};

TEST_P(Traceparent, IsTakenOrAsIfItWereNotThere) {
  const auto got = parse_traceparent(GetParam().header);
  ASSERT_EQ(got.has_value(), GetParam().valid);
  if (!got) return;
  EXPECT_EQ(*got, (TraceContext{std::string(kTrace), std::string(kParent), GetParam().sampled}));
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    Traceparent,
    ::testing::Values(
        Row{"Sampled", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true, true},
        Row{"NotSampled", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true},
        Row{"UnknownFlags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe", true},
        Row{"AllFlags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff", true, true},
        Row{"LaterVersion", "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true, true},
        Row{"LaterVersionWithMore",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
            true, true},
        Row{"LaterVersionThatEndsInADash",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", true, true},
        Row{"LaterVersionWithMoreAndNoDash",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what", false},
        Row{"ThisVersionWithMore", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
            false},
        Row{"ThisVersionThatEndsInADash",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", false},
        Row{"VersionFf", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        Row{"VersionOfNoHex", ".0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        Row{"VersionTooLong", "000-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        Row{"VersionTooShort", "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", false},
        Row{"TraceOfZeros", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        Row{"TraceInUpperCase", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
        Row{"TraceOfNoHex", "00-.af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        Row{"TraceTooShort", "00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01", false},
        Row{"TraceTooLong", "00-0af7651916cd43dd8448eb211c80319c00-b7ad6b7169203331-01", false},
        Row{"ParentOfZeros", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        Row{"ParentInUpperCase", "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01", false},
        Row{"ParentTooLong", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333100-01", false},
        Row{"FlagsOfNoHex", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-.0", false},
        Row{"FlagsTooShort", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", false},
        Row{"FlagsTooLong", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-001", false},
        Row{"OtherSeparators", "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", false},
        Row{"Empty", "", false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RequestTrace, HasTheCallersTraceAndASpanOfItsOwn) {
  const TraceContext from{std::string(kTrace), std::string(kParent), true};
  const RequestTrace trace = begin_span(from, "00f067aa0ba902b7ffffffffffffffff");
  EXPECT_EQ(trace.trace_id, kTrace);
  EXPECT_EQ(trace.span_id, "00f067aa0ba902b7");
}

TEST(RequestTrace, IsNothingWithoutACaller) {
  EXPECT_EQ(begin_span(std::nullopt, "00f067aa0ba902b7ffffffffffffffff").trace_id, "");
  EXPECT_EQ(begin_span(std::nullopt, "00f067aa0ba902b7ffffffffffffffff").span_id, "");
}

TEST(RequestTrace, NeverHasASpanOfZeros) {
  const TraceContext from{std::string(kTrace), std::string(kParent), true};
  EXPECT_EQ(begin_span(from, "0000000000000000ffffffffffffffff").span_id, "0000000000000001");
}

}  // namespace
}  // namespace quarry::obs
