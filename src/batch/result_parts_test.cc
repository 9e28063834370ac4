// Lines that became several records: joined in order from any order, billed for what ran, and
// waiting on disk.
#include "batch/line_parts.h"
#include "batch/result_lines.h"
#include "batch/scratch_file.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

namespace quarry::batch {
namespace {

const BatchId kBatch{"batch_0123456789abcdef0123456789abcdef"};

class Directory {
 public:
  Directory() : path(std::filesystem::temp_directory_path() / ("quarry-batch-" + random_hex128())) {
    std::filesystem::create_directory(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  bool empty() const { return std::filesystem::is_empty(path); }

  std::filesystem::path path;
};

TEST(ScratchFile, GivesBackWhatWasAppendedWhereverItIsByNow) {
  const Directory directory;
  ScratchFile file(directory.path);
  std::vector<std::pair<std::uint64_t, std::string>> pieces;
  for (int i = 0; i < 300; ++i) {  // some 3 MB: partly in the file, partly not yet
    std::string piece(static_cast<std::size_t>(10'000 + i), static_cast<char>('a' + i % 26));
    const auto offset = file.append(piece);
    ASSERT_TRUE(offset) << offset.error().message();
    pieces.emplace_back(*offset, std::move(piece));
  }
  std::string read;
  for (const auto& [offset, piece] : pieces) {
    ASSERT_TRUE(file.read(offset, piece.size(), read));
    EXPECT_EQ(read, piece);
  }
  EXPECT_TRUE(directory.empty()) << "it has no name, so nothing can be left behind";
}

TEST(ScratchFile, ReadsAcrossWhatIsWrittenAndWhatIsNot) {
  const Directory directory;
  ScratchFile file(directory.path);
  ASSERT_TRUE(file.append(std::string(std::size_t{1} << 20, 'x')));  // written
  ASSERT_TRUE(file.append("tail"));                                  // not yet
  std::string read;
  ASSERT_TRUE(file.read((std::size_t{1} << 20) - 2, 6, read));
  EXPECT_EQ(read, "xxtail");
}

TEST(ScratchFile, BeginsAnewOnceCleared) {
  const Directory directory;
  ScratchFile file(directory.path);
  ASSERT_TRUE(file.append(std::string(std::size_t{2} << 20, 'x')));
  ASSERT_TRUE(file.clear());
  EXPECT_EQ(*file.append("new"), 0u);
  std::string read;
  ASSERT_TRUE(file.read(0, 3, read));
  EXPECT_EQ(read, "new");
}

TEST(ScratchFile, SaysWhichDirectoryHasNoRoomForIt) {
  const Directory directory;
  ScratchFile file(directory.path / "missing");
  const auto appended = file.append(std::string(std::size_t{2} << 20, 'x'));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code(), Errc::unavailable);
  EXPECT_TRUE(appended.error().message().contains((directory.path / "missing").string()));
}

TEST(LineParts, KeepErrorsAndCountsAsTheyWere) {
  const Directory directory;
  LineParts parts(directory.path, 2);
  ASSERT_TRUE(*parts.put(0, 1,
                         {.model_output = {},
                          .error = bedrock::RecordError{400, "later", true, true},
                          .metered = {}}));
  ASSERT_TRUE(*parts.put(
      0, 0, {.model_output = "{}", .error = {}, .metered = openai::Usage{7, 0, 0, 2, 0}}));
  EXPECT_FALSE(*parts.put(0, 0, {.model_output = "other", .error = {}, .metered = {}}));
  const auto failed = parts.get(0, 1);
  ASSERT_TRUE(failed && failed->error);
  EXPECT_EQ(failed->error->code, 400);
  EXPECT_EQ(failed->error->message, "later");
  EXPECT_TRUE(failed->error->expired);
  EXPECT_TRUE(failed->error->retryable);
  const auto ok = parts.get(0, 0);
  ASSERT_TRUE(ok);
  EXPECT_EQ(ok->model_output, "{}");
  EXPECT_EQ(ok->metered, (openai::Usage{7, 0, 0, 2, 0}));
  EXPECT_EQ(parts.arrived(0), 2u);
}

class PartsOfLines : public ::testing::Test {
 protected:
  // Line 1: one record; line 2: three; line 3: two, as base64.
  ResultLines lines(std::string family = "titan_embed", bool leave_passing = false) const {
    std::string sidecar;
    append_custom_id(sidecar, {1, R"("one")", 1, ""});
    append_custom_id(sidecar, {2, R"("three")", 3, ""});
    append_custom_id(sidecar, {3, R"("two")", 2, "base64"});
    ResultSettings settings;
    settings.batch_id = kBatch;
    settings.model_name = "public";
    settings.endpoint = openai::Endpoint::embeddings;
    settings.family = std::move(family);
    settings.scratch_directory = directory_.path;
    settings.leave_passing_failures = leave_passing;
    return ResultLines(std::move(settings), *CustomIds::parse(std::move(sidecar)));
  }
  static std::string row(const bedrock::RecordKey& key,
                         double first,
                         std::string_view usage = "5") {
    return fmt::format(
        R"({{"modelInput":{{}},"modelOutput":{{"embedding":[{},1.5],"inputTextTokenCount":{}}},"recordId":"{}"}})",
        first, usage, bedrock::record_id(key));
  }
  static std::string silent_row(const bedrock::RecordKey& key) {
    return fmt::format(R"({{"modelOutput":{{"embedding":[1.5]}},"recordId":"{}"}})",
                       bedrock::record_id(key));
  }
  static std::string error_row(const bedrock::RecordKey& key, std::string_view extra = "") {
    return fmt::format(
        R"({{"error":{{"errorCode":400,"errorMessage":"too long"{}}},"recordId":"{}"}})", extra,
        bedrock::record_id(key));
  }
  static void add(ResultLines& lines, std::string_view text) {
    const auto added = lines.add_row(text);
    ASSERT_TRUE(added) << added.error().message();
  }
  static void end(ResultLines& lines) {
    while (*lines.add_absent({"result_missing", "gone", false}, 1)) {
    }
  }
  static boost::json::value parsed(std::string_view text) {
    return boost::json::parse(text.substr(0, text.find('\n')));
  }

  Directory directory_;
};

TEST_F(PartsOfLines, ComeTogetherInOrderFromAnyOrder) {
  std::vector<std::string> rows{row({1}, 10),    row({2, 0}, 20), row({2, 1}, 21),
                                row({2, 2}, 22), row({3, 0}, 30), row({3, 1}, 31)};
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(rows, random);
    ResultLines joined = lines();
    for (const std::string& text : rows) add(joined, text);
    EXPECT_EQ(joined.missing(), 0u);
    EXPECT_EQ(joined.completed, 3);
    EXPECT_EQ(joined.usage.input_tokens, 30);
    EXPECT_EQ(joined.without_usage, 0);
    EXPECT_EQ(joined.errors, "");
    std::string_view rest = joined.output;
    int seen = 0;
    while (!rest.empty()) {
      const auto line = parsed(rest);
      rest.remove_prefix(rest.find('\n') + 1);
      ++seen;
      if (line.at("custom_id") != "three") continue;
      const auto& data = line.at_pointer("/response/body/data").as_array();
      ASSERT_EQ(data.size(), 3u);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(data[i].at("index"), i);
        EXPECT_EQ(data[i].at_pointer("/embedding/0").to_number<double>(),
                  20.0 + static_cast<double>(i));
      }
      EXPECT_EQ(line.at_pointer("/response/body/usage/prompt_tokens"), 15);
      EXPECT_EQ(line.at_pointer("/response/body/model"), "public");
    }
    EXPECT_EQ(seen, 3);
  }
}

TEST_F(PartsOfLines, GiveALinesResultItsNote) {
  ResultLines joined = lines();
  add(joined, row({3, 1}, 2));
  add(joined, row({3, 0}, 1));
  const auto line = parsed(joined.output);
  EXPECT_EQ(line.at_pointer("/response/body/data/0/embedding"), "AACAPwAAwD8=");  // 1, 1.5
  EXPECT_EQ(line.at_pointer("/response/body/data/1/embedding"), "AAAAQAAAwD8=");  // 2, 1.5
}

TEST_F(PartsOfLines, FailTheLineWhereOneFailsAndTheOthersAreBilled) {
  ResultLines joined = lines();
  add(joined, row({2, 2}, 1));
  add(joined, error_row({2, 1}));
  EXPECT_EQ(joined.errors, "") << "what is still to come may have run, and is billed";
  add(joined, row({2, 0}, 1));
  EXPECT_EQ(joined.failed, 1);
  EXPECT_EQ(joined.completed, 0);
  const auto line = parsed(joined.errors);
  EXPECT_EQ(line.at("custom_id"), "three");
  EXPECT_EQ(line.at_pointer("/response/status_code"), 400);
  EXPECT_EQ(line.at_pointer("/response/body/error/message"), "input[1]: too long");
  EXPECT_EQ(joined.usage.input_tokens, 10);
}

TEST_F(PartsOfLines, ThatCannotBeReadFailTheLineAndAreStillBilled) {
  ResultLines joined = lines();
  add(joined, row({3, 0}, 1));
  add(joined, fmt::format(R"({{"modelOutput":{{"inputTextTokenCount":9}},"recordId":"{}"}})",
                          bedrock::record_id({3, 1})));
  const auto line = parsed(joined.errors);
  EXPECT_EQ(line.at_pointer("/response/status_code"), 502);
  EXPECT_TRUE(
      line.at_pointer("/response/body/error/message").as_string().starts_with("input[1]: "));
  EXPECT_EQ(joined.usage.input_tokens, 14);
}

TEST_F(PartsOfLines, ThatAreMissingMakeTheLineAbsentAndTheOthersAreBilled) {
  ResultLines joined = lines();
  add(joined, row({2, 0}, 1));
  add(joined, row({2, 2}, 1));
  EXPECT_EQ(joined.missing(), 3u);
  end(joined);
  EXPECT_EQ(joined.missing(), 0u);
  EXPECT_EQ(joined.failed, 3);
  EXPECT_EQ(joined.usage.input_tokens, 10);
  std::string_view rest = joined.errors;
  for (; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) {
    EXPECT_EQ(parsed(rest).at_pointer("/error/code"), "result_missing");
  }
}

TEST_F(PartsOfLines, SayWhatFailedEvenWhereOthersAreMissing) {
  ResultLines joined = lines();
  add(joined, error_row({2, 2}));
  end(joined);
  EXPECT_TRUE(joined.errors.contains("input[2]: too long"));
}

TEST_F(PartsOfLines, ThatAwsCallsRetryableLeaveTheLineWhateverTheirCode) {
  ResultLines joined = lines("titan_embed", true);
  add(joined, error_row({3, 0}, R"(,"retryable":true)"));
  add(joined, row({3, 1}, 1));
  EXPECT_EQ(joined.errors, "");
  EXPECT_EQ(joined.failed, 0);
  ASSERT_TRUE(joined.left_line(3));
  EXPECT_EQ(joined.left_lines(), 1u);
}

TEST_F(PartsOfLines, ThatFailForGoodFailTheLineThoughOthersWouldPass) {
  for (const auto& [passing, lasting] : {std::pair(0u, 2u), std::pair(2u, 0u)}) {
    ResultLines joined = lines("titan_embed", true);
    add(joined, error_row({2, passing}, R"(,"retryable":true)"));
    add(joined, row({2, 1}, 1));
    add(joined, error_row({2, lasting}));
    EXPECT_EQ(joined.left_lines(), 0u) << "another try would fail as this one";
    EXPECT_EQ(joined.failed, 1);
    EXPECT_TRUE(joined.errors.contains(fmt::format("input[{}]: too long", lasting)));
  }
}

TEST_F(PartsOfLines, NotRunInTimeLeaveTheLineUnfinished) {
  ResultLines joined = lines();
  add(joined, row({3, 0}, 1));
  add(joined, error_row({3, 1}, R"(,"expired":true)"));
  EXPECT_EQ(joined.unfinished, 1);
  EXPECT_EQ(parsed(joined.errors).at_pointer("/error/code"), "batch_expired");
  EXPECT_EQ(joined.usage.input_tokens, 5);
}

TEST_F(PartsOfLines, ThatRepeatOrAreNobodysAreLeftOut) {
  ResultLines joined = lines();
  add(joined, row({2, 0}, 1));
  add(joined, row({2, 0}, 9));  // again
  add(joined, row({2, 3}, 1));  // a part too many
  add(joined, row({2}, 1));     // of a line of one
  add(joined, row({1, 0}, 1));  // of a line of several
  EXPECT_EQ(joined.repeated_rows, 1);
  EXPECT_EQ(joined.unknown_rows, 3);
  add(joined, row({2, 1}, 1));
  add(joined, row({2, 2}, 1));
  EXPECT_EQ(
      parsed(joined.output).at_pointer("/response/body/data/0/embedding/0").to_number<double>(),
      1.0);
  add(joined, row({2, 1}, 1));  // after its line was done
  EXPECT_EQ(joined.repeated_rows, 2);
  EXPECT_EQ(joined.completed, 1);
}

TEST_F(PartsOfLines, AnsweredAreCountedOnceEachAndWithoutThoseThatFailed) {
  ResultLines joined = lines();
  add(joined, row({1}, 1));
  add(joined, row({1}, 1));        // again
  add(joined, row({3, 0}, 1));     // of a line that has no other
  add(joined, row({3, 0}, 1));     // again
  add(joined, error_row({2, 1}));  // not answered
  add(joined, row({7}, 1));        // nobody's
  add(joined, "{");
  EXPECT_EQ(joined.answers, 2);
  EXPECT_EQ(joined.whole_rows(), 3);
}

TEST_F(PartsOfLines, WithoutUsageAreCountedAsSuch) {
  ResultLines joined = lines();
  add(joined, silent_row({1}));
  add(joined, silent_row({3, 0}));
  add(joined, error_row({3, 1}));
  EXPECT_EQ(joined.without_usage, 2);
  EXPECT_EQ(joined.usage.input_tokens, 0);
  EXPECT_EQ(parsed(joined.output).at_pointer("/response/body/usage_absent"), true);
}

TEST_F(PartsOfLines, OfDirectCallsAreBilledByTheirHeadersWhereTheySayNothing) {
  ResultLines joined = lines();
  const std::string_view silent = R"({"embedding":[1.5]})";
  const auto answer = [&](std::uint64_t line, std::uint32_t part, std::int64_t tokens) {
    ASSERT_TRUE(joined.add_answer({line, part, 200, silent, openai::Usage{tokens, 0, 0, 0, 0}}));
  };
  answer(1, 0, 1);
  answer(2, 0, 10);
  answer(2, 1, 20);
  answer(2, 2, 30);
  answer(3, 0, 100);
  ASSERT_TRUE(joined.add_answer({3, 1, 400, "too long", std::nullopt}));
  EXPECT_EQ(joined.completed, 2);
  EXPECT_EQ(joined.failed, 1);
  EXPECT_EQ(joined.usage.input_tokens, 161);
  EXPECT_EQ(joined.without_usage, 0);
  EXPECT_FALSE(joined.output.contains("usage_absent"));
  EXPECT_TRUE(joined.errors.contains("input[1]: too long"));
}

TEST_F(PartsOfLines, OfALongLineComeInPiecesThatAreTheWholeLine) {
  // Some 4 MB of vectors: more than is held at once.
  const auto long_row = [](std::uint32_t part) {
    std::string vector = fmt::format("{}", part);
    for (int i = 0; i < 350'000; ++i) vector += ",0.5";
    return fmt::format(
        R"({{"modelOutput":{{"embedding":[{}],"inputTextTokenCount":5}},"recordId":"{}"}})", vector,
        bedrock::record_id({2, part}));
  };
  ResultLines joined = lines();
  add(joined, row({1}, 1));
  for (const std::uint32_t part : {2U, 0U, 1U}) add(joined, long_row(part));
  ASSERT_TRUE(joined.has_more_output());
  EXPECT_FALSE(joined.add_row(row({3, 0}, 1))) << "what comes in between would tear the line";
  std::string all;
  int pieces = 0;
  for (; joined.has_more_output(); ++pieces) {
    all += std::exchange(joined.output, {});
    ASSERT_TRUE(joined.more_output());
    EXPECT_LE(joined.output.size(), std::size_t{1} << 20);
  }
  all += std::exchange(joined.output, {});
  EXPECT_GE(pieces, 4);
  EXPECT_EQ(std::ranges::count(all, '\n'), 2);
  const auto line = parsed(all.substr(all.find('\n') + 1));
  EXPECT_EQ(line.at("custom_id"), "three");
  EXPECT_EQ(line.at_pointer("/response/status_code"), 200);
  EXPECT_TRUE(line.at("error").is_null());
  const auto& data = line.at_pointer("/response/body/data").as_array();
  ASSERT_EQ(data.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(data[i].at_pointer("/embedding/0").to_number<std::size_t>(), i);
    EXPECT_EQ(data[i].at("embedding").as_array().size(), 350'001u);
  }
  add(joined, row({3, 0}, 1));
  add(joined, row({3, 1}, 1));
  EXPECT_EQ(joined.completed, 3);
}

TEST_F(PartsOfLines, OfALongLineWhoseLastFailsLeaveNoTrace) {
  std::string vector = "1";
  for (int i = 0; i < 350'000; ++i) vector += ",0.5";
  ResultLines joined = lines();
  for (const std::uint32_t part : {0U, 1U}) {
    add(joined,
        fmt::format(
            R"({{"modelOutput":{{"embedding":[{}],"inputTextTokenCount":5}},"recordId":"{}"}})",
            vector, bedrock::record_id({2, part})));
  }
  add(joined, fmt::format(R"({{"modelOutput":{{"surprise":1}},"recordId":"{}"}})",
                          bedrock::record_id({2, 2})));
  EXPECT_FALSE(joined.has_more_output());
  EXPECT_EQ(joined.output, "");
  EXPECT_EQ(joined.failed, 1);
  EXPECT_EQ(joined.usage.input_tokens, 10);
  EXPECT_EQ(joined.without_usage, 1);
  add(joined, row({1}, 1));
  EXPECT_EQ(joined.completed, 1);
  EXPECT_EQ(std::ranges::count(joined.output, '\n'), 1);
}

TEST_F(PartsOfLines, LeaveNothingInTheDirectory) {
  ResultLines joined = lines();
  add(joined, row({2, 0}, 1));
  EXPECT_TRUE(directory_.empty());
}

TEST_F(PartsOfLines, ThatTheDiskHasNoRoomForFailTheStepAndNotTheLine) {
  std::filesystem::remove(directory_.path);
  ResultLines joined = lines();
  const std::string long_error =
      fmt::format(R"({{"error":{{"errorCode":400,"errorMessage":"{}"}},"recordId":"{}"}})",
                  std::string(std::size_t{2} << 20, 'x'), bedrock::record_id({2, 0}));
  const auto added = joined.add_row(long_error);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code(), Errc::unavailable);
  EXPECT_EQ(joined.failed, 0);
  std::filesystem::create_directory(directory_.path);
}

}  // namespace
}  // namespace quarry::batch
