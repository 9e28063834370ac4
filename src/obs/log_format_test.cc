// What a log line promises whoever reads it, person or program.
#include "obs/log_format.h"

#include "base/secret.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <vector>

namespace quarry::obs {
namespace {

constexpr LogTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                       std::chrono::hours(14) + std::chrono::milliseconds(5007)};

std::string human(std::string_view event, const std::vector<Field>& fields, bool colour = false) {
  // The clock on the wall is the machine's; the rest of the line is ours.
  return human_line(kNow, Level::info, event, fields, colour).substr(colour ? 0 : 9);
}

boost::json::object json(std::string_view event, const std::vector<Field>& fields) {
  std::string line = json_line(kNow, Level::warn, event, fields);
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  return boost::json::parse(line).as_object();
}

TEST(HumanLine, IsTimeLevelEventAndFields) {
  std::string line = human_line(kNow, Level::warn, "batch created", std::vector<Field>{}, false);
  ASSERT_GE(line.size(), 9u);
  EXPECT_EQ(line[2], ':');
  EXPECT_EQ(line[5], ':');
  EXPECT_EQ(line.substr(9), "warn  batch created");
  EXPECT_EQ(human("batch created", {{"batch", "batch_1"}, {"lines", 500}, {"small", true}}),
            "info  batch created  batch=batch_1 lines=500 small=true");
}

TEST(HumanLine, QuotesWhatIsNotOnePlainWord) {
  EXPECT_EQ(human("e", {{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "say \"hi\" \\"}}),
            R"(info  e  a="two words" b="" c="x=y" d="say \"hi\" \\")");
  EXPECT_EQ(human("e", {{"path", "/a/b.jsonl"}, {"word", "naïve"}}),
            "info  e  path=/a/b.jsonl word=naïve");
}

TEST(HumanLine, LetsNoValueEndTheLineOrSteerTheTerminal) {
  std::string line = human("first\nsecond", {{"a", "x\ny\r\t"},
                                             {"b", "\x1b[31mred"},
                                             {"c",
                                              "\xc2\x9b"
                                              "31m"},
                                             {"d",
                                              "a\xe2\x80\xa8"
                                              "b"},
                                             {"e", "\xff\xc0\xaf"}});
  EXPECT_EQ(line,
            "info  first\\nsecond  a=\"x\\ny\\r\\t\" b=\"\\x1b[31mred\" c=\"\\xc2\\x9b31m\" "
            "d=\"a\\xe2\\x80\\xa8b\" e=\"\\xff\\xc0\\xaf\"");
}

TEST(HumanLine, HasColourOnlyWhereAsked) {
  EXPECT_EQ(human("e", {{"k", 1}}).find('\x1b'), std::string::npos);
  EXPECT_NE(human("e", {{"k", 1}}, true).find("\x1b[32minfo"), std::string::npos);
}

TEST(JsonLine, IsOneObjectWithAnIsoTime) {
  EXPECT_EQ(
      json_line(kNow, Level::warn, "batch created",
                std::vector<Field>{{"batch", "batch_1"}, {"lines", 500}}),
      R"({"time":"2026-11-22T14:00:05.007Z","level":"warn","event":"batch created","batch":"batch_1","lines":500})");
}

TEST(JsonLine, KeepsNumbersAndBooleansBare) {
  auto line = json("e", {{"i", -3},
                         {"u", std::uint64_t{18446744073709551615u}},
                         {"d", 2.5},
                         {"b", false},
                         {"s", "7"}});
  EXPECT_EQ(line["i"], -3);
  EXPECT_EQ(line["u"], 18446744073709551615u);
  EXPECT_EQ(line["d"], 2.5);
  EXPECT_EQ(line["b"], false);
  EXPECT_EQ(line["s"], "7");
}

TEST(JsonLine, QuotesNumbersThatJsonCannotSpell) {
  auto line = json("e", {{"inf", std::numeric_limits<double>::infinity()},
                         {"nan", std::numeric_limits<double>::quiet_NaN()},
                         {"char", 'x'}});
  EXPECT_EQ(line["inf"], "inf");
  EXPECT_EQ(line["nan"], "nan");
  EXPECT_EQ(line["char"], "x");
}

TEST(JsonLine, EscapesQuotesControlsAndBrokenUtf8) {
  auto line = json("a \"quoted\"\nevent", {{"c", std::string("\x01\t\x7f\\", 4)},
                                           {"bad", "x\xffy\xed\xa0\x80"},
                                           {"cut", "\xe2\x82"},
                                           {"ok", "€😀"}});
  EXPECT_EQ(line["event"], "a \"quoted\"\nevent");
  EXPECT_EQ(line["c"], "\x01\t\x7f\\");
  EXPECT_EQ(line["bad"], "x\xEF\xBF\xBDy\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(line["cut"], "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(line["ok"], "€😀");
}

TEST(JsonLine, KeepsItsOwnKeysApartFromTheFields) {
  auto line = json("e", {{"time", "t"}, {"level", "l"}, {"event", "x"}});
  EXPECT_EQ(line["event"], "e");
  EXPECT_EQ(line["event_"], "x");
  EXPECT_EQ(line["time_"], "t");
  EXPECT_EQ(line["level_"], "l");
}

TEST(Fields, NeverShowASecret) {
  EXPECT_EQ(human("e", {{"key", Secret<std::string>("sk-very-secret")}}),
            "info  e  key=<redacted>");
}

std::string logged(LogFormat format, Level least, auto act) {
  testing::internal::CaptureStderr();
  configure(format, least);
  act();
  configure(LogFormat::automatic, Level::info);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, GoesToStderrOneLineAnEvent) {
  std::string text = logged(LogFormat::json, Level::info, [] {
    info("one {not a format}", {{"n", 1}});
    warn("two");
  });
  auto end = text.find('\n');
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(boost::json::parse(text.substr(0, end)).at("event"), "one {not a format}");
  EXPECT_EQ(boost::json::parse(text.substr(end + 1)).at("level"), "warn");
}

TEST(Log, LeavesOutWhatIsBelowTheLeastLevel) {
  std::string text = logged(LogFormat::human, Level::warn, [] {
    debug("quiet");
    info("quiet");
    error("loud");
  });
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("error loud\n"), std::string::npos) << text;
}

TEST(Log, SaysWhatATaskEndedWith) {
  auto run = [](std::exception_ptr failure) {
    return logged(LogFormat::json, Level::info, [&] { log_task_failure("monitor", failure); });
  };
  auto line =
      boost::json::parse(run(std::make_exception_ptr(std::runtime_error("disk full\n"))).c_str());
  EXPECT_EQ(line.at("level"), "error");
  EXPECT_EQ(line.at("task"), "monitor");
  EXPECT_EQ(line.at("error"), "disk full\n");
  EXPECT_EQ(boost::json::parse(run(std::make_exception_ptr(7)).c_str()).at("error"),
            "not a std::exception");
}

}  // namespace
}  // namespace quarry::obs
