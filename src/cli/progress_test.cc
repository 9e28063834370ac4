#include "cli/progress.h"

#include "cli/format.h"

#include <gtest/gtest.h>

#include <vector>

namespace quarry::cli {
namespace {

using std::chrono::milliseconds;

TEST(Format, CountsHaveThousandsSeparated) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(Format, BytesKeepOneDecimalAndNeverShowAThousand) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(999'949), "999.9 kB");
  EXPECT_EQ(format_bytes(999'960), "1.0 MB");
  EXPECT_EQ(format_bytes(2'500'000'000), "2.5 GB");
  EXPECT_EQ(format_bytes(9'000'000'000'000'000), "9000.0 TB");
}

TEST(Format, DurationsUseTheUnitThatMatters) {
  EXPECT_EQ(format_duration(milliseconds(-5)), "0.0 s");
  EXPECT_EQ(format_duration(milliseconds(9'990)), "9.9 s");
  EXPECT_EQ(format_duration(milliseconds(12'345)), "12 s");
  EXPECT_EQ(format_duration(milliseconds(185'000)), "3 min 05 s");
  EXPECT_EQ(format_duration(milliseconds(7'380'000)), "2 h 03 min");
  EXPECT_EQ(format_duration(std::chrono::hours(76)), "3 d 04 h");
}

TEST(Format, MoneyKeepsTwoDecimalsAndDropsEmptyOnes) {
  EXPECT_EQ(format_usd(0), "$0.00");
  EXPECT_EQ(format_usd(1.5), "$1.50");
  EXPECT_EQ(format_usd(0.0123), "$0.0123");
  EXPECT_EQ(format_usd(0.000001), "$0.000001");
}

ProgressState half() {
  return {.status = "in_progress", .done = 250, .total = 500, .elapsed = milliseconds(12'000)};
}

TEST(Bar, ShowsShareCountsStatusAndTime) {
  EXPECT_EQ(render_bar(half(), 100), "[###############---------------] 250/500  in_progress  12 s");
}

TEST(Bar, IsEmptyAtTheStartAndFullOnlyAtTheEnd) {
  ProgressState state = half();
  state.done = 0;
  EXPECT_TRUE(render_bar(state, 100).starts_with("[------------------------------]"));
  state.done = 499;
  EXPECT_TRUE(render_bar(state, 100).starts_with("[#############################-]"));
  state.done = 500;
  EXPECT_TRUE(render_bar(state, 100).starts_with("[##############################]"));
  state.done = 501;  // never past its end, whatever the server counts
  EXPECT_TRUE(render_bar(state, 100).starts_with("[##############################]"));
}

TEST(Bar, NeverPassesTheWidthOfTheTerminal) {
  ProgressState state = half();
  state.status = "a status that nobody has ever heard of";
  for (std::size_t columns = 0; columns < 120; ++columns) {
    EXPECT_LE(render_bar(state, columns).size(), std::max<std::size_t>(columns, 20)) << columns;
  }
}

TEST(Bar, WithoutATotalShowsStatusAndTime) {
  EXPECT_EQ(render_bar({.status = "validating", .elapsed = milliseconds(400)}, 80),
            "validating  0.4 s");
}

TEST(Bar, CountsBytesAsBytes) {
  const std::string bar = render_bar({.status = "uploading",
                                      .done = std::uint64_t{1} << 62,
                                      .total = std::uint64_t{1} << 63,
                                      .bytes = true},
                                     100);
  EXPECT_TRUE(bar.starts_with("[###############---------------] 4611686.0 TB of ")) << bar;
}

struct Recorder {
  std::vector<std::string> written;
  Progress make(bool terminal) {
    return Progress(
        terminal, [] { return std::size_t{80}; },
        [this](std::string_view text) { written.emplace_back(text); });
  }
};

TEST(Progress, InAPipeWritesALineOnlyWhenSomethingChanged) {
  Recorder recorder;
  Progress progress = recorder.make(false);
  progress.show({.status = "validating"});
  progress.show({.status = "validating", .elapsed = milliseconds(900)});
  progress.show(half());
  progress.show(half());
  EXPECT_EQ(recorder.written, (std::vector<std::string>{"validating\n", "in_progress 250/500\n"}));
}

TEST(Progress, InAPipeAnUploadIsOneLineNotOneAPiece) {
  Recorder recorder;
  Progress progress = recorder.make(false);
  for (std::uint64_t done = 0; done < 1000; done += 100) {
    progress.show({.status = "uploading", .done = done, .total = 1000, .bytes = true});
  }
  EXPECT_EQ(recorder.written, std::vector<std::string>{"uploading\n"});
}

TEST(Progress, OnATerminalRedrawsTheSameLine) {
  Recorder recorder;
  Progress progress = recorder.make(true);
  progress.show(half());
  progress.show(half());
  ASSERT_EQ(recorder.written.size(), 2u);
  for (const std::string& text : recorder.written) {
    EXPECT_TRUE(text.starts_with("\r\x1b[2K[")) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

TEST(Progress, SaysThingsOnLinesOfTheirOwn) {
  Recorder recorder;
  Progress progress = recorder.make(true);
  progress.show(half());
  progress.say("batch batch_1");
  EXPECT_EQ(recorder.written.at(1), "\r\x1b[2K");
  EXPECT_EQ(recorder.written.at(2), "batch batch_1\n");
  progress.clear();  // nothing is drawn: nothing to erase
  EXPECT_EQ(recorder.written.size(), 3u);
}

}  // namespace
}  // namespace quarry::cli
