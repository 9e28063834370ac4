// What the body of POST /v1/batches may say of its completion window.
#include "openai/create_batch.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace quarry::openai {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

Result<CreateBatch> parsed(const std::string& window, hours longest = kShortestWindow) {
  return parse_create_batch(
      fmt::format(
          R"({{"input_file_id":"file-1","endpoint":"/v1/embeddings","completion_window":"{}"}})",
          window),
      longest);
}

TEST(CreateBatch, TheWindowIsOneDayWhereNothingElseIsAllowed) {
  const auto day = parsed("24h");
  ASSERT_TRUE(day) << day.error().message();
  EXPECT_EQ(day->window, hours(24));
  EXPECT_EQ(day->completion_window, "24h");

  const auto two = parsed("48h");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code(), Errc::invalid_request);
  EXPECT_EQ(two.error().param(), "completion_window");
  EXPECT_EQ(two.error().reason(), "invalid_value");
  EXPECT_EQ(two.error().message(),
            "Invalid value: '48h'. Supported values are: '24h' (completion_window). hint: the "
            "server's general_settings.max_completion_window allows longer ones.");
  EXPECT_EQ(parsed("2d").error().message(),
            "Invalid value: '2d'. Supported values are: '24h' (completion_window).");
}

TEST(CreateBatch, TheWindowIsWholeHoursUpToTheLongest) {
  for (const auto& [text, count] : {std::pair("24h", 24), {"25h", 25}, {"72h", 72}}) {
    const auto create = parsed(text, hours(72));
    ASSERT_TRUE(create) << text << ": " << create.error().message();
    EXPECT_EQ(create->window, hours(count));
    EXPECT_EQ(create->completion_window, text);
  }
  for (const char* text : {"73h", "23h", "0h", "-24h", "+24h", "024h", "24", "h", "", "1d", "24.5h",
                           "24h ", " 24h", "24H", "99999999999999999999h"}) {
    const auto create = parsed(text, hours(72));
    ASSERT_FALSE(create) << text;
    EXPECT_THAT(create.error().message(), HasSubstr("'24h' to '72h', in whole hours"));
  }
}

TEST(CreateBatch, OnlyABooleanAsksForADryRun) {
  const auto with = [](std::string_view dry_run) {
    return parse_create_batch(
        R"({"input_file_id":"file-1","endpoint":"/v1/embeddings","completion_window":"24h")" +
        std::string(dry_run) + "}");
  };
  EXPECT_FALSE(with("")->dry_run);
  EXPECT_FALSE(with(R"(,"dry_run":null)")->dry_run);
  EXPECT_FALSE(with(R"(,"dry_run":false)")->dry_run);
  EXPECT_TRUE(with(R"(,"dry_run":true)")->dry_run);
  const auto text = with(R"(,"dry_run":"true")");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().param(), "dry_run");
  EXPECT_EQ(text.error().message(),
            "Invalid type for 'dry_run': expected a boolean, but got a string instead.");
}

}  // namespace
}  // namespace quarry::openai
