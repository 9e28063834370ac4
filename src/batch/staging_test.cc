// Lines cut into jobs: none lost, none torn, none too large, few jobs and no small rest.
#include "batch/staging.h"

#include "base/bytes.h"
#include "batch/custom_ids.h"
#include "bedrock/record.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace quarry::batch {
namespace {

const BatchId kBatch{"batch_0123456789abcdef0123456789abcdef"};

struct Job {
  std::uint64_t lines = 0;
  std::uint64_t records = 0;
  std::string custom_ids;
  std::string text;
};

class Staging : public ::testing::Test {
 protected:
  Staging() {
    group_.model_name = "m";
    group_.deployment = &deployment_;
    use("anthropic.claude-3-haiku-20240307-v1:0");
  }
  void use(std::string_view model_id) {
    group_.model = catalog::Catalog::built_in().find(model_id);
  }
  static std::string line(int i, std::string_view model = "m", std::string_view extra = "") {
    return fmt::format(
        R"({{"custom_id":"id-{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}","messages":[{{"role":"user","content":"hi"}}]{}}}}})"
        "\n",
        i, model, extra);
  }
  // An embeddings line of that many inputs.
  static std::string list_line(int i, int inputs) {
    std::string list;
    for (int n = 0; n < inputs; ++n) list += fmt::format("{}\"text {}\"", n ? "," : "", n);
    return fmt::format(
        R"({{"custom_id":"id-{}","method":"POST","url":"/v1/embeddings","body":{{"model":"m","input":[{}]}}}})"
        "\n",
        i, list);
  }
  void embeddings() {
    endpoint_ = openai::Endpoint::embeddings;
    use("amazon.titan-embed-text-v2:0");
  }
  // Runs the whole text through, window by window; gives the jobs.
  std::vector<Job> stage(const std::string& text, std::size_t window = 1'000'000) {
    stager_ =
        std::make_unique<Stager>(StageSettings{kBatch, false, endpoint_, 1 << 20, model_override_},
                                 Stager::Groups{{"m", &group_}});
    group_.lines = static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
    std::vector<Job> jobs;
    std::string records;
    const auto close = [&] {
      jobs.push_back({group_.line_count, group_.record_count, group_.custom_ids, records});
      records.clear();
    };
    const auto drain = [&] {
      while (true) {
        const bool more = stager_->advance();
        records += group_.records;
        group_.records.clear();
        if (group_.full) {
          close();
          if (on_next_job_) on_next_job_();
          group_.begin_job();
        }
        if (!more) break;
      }
    };
    for (std::size_t at = 0; at < text.size(); at += window) {
      stager_->feed(as_bytes(std::string_view(text).substr(at, window)));
      drain();
    }
    stager_->end();
    drain();
    if (group_.record_count > 0) close();
    return jobs;
  }
  static std::vector<std::uint64_t> records_of(const std::vector<Job>& jobs) {
    std::vector<std::uint64_t> counts;
    for (const Job& job : jobs) counts.push_back(job.records);
    return counts;
  }
  boost::json::value refused() const { return boost::json::parse(stager_->refused); }

  openai::Endpoint endpoint_ = openai::Endpoint::chat_completions;
  std::string model_override_;
  std::function<void()> on_next_job_;
  aws::Deployment deployment_;
  GroupStage group_;
  std::unique_ptr<Stager> stager_;
};

using Counts = std::vector<std::uint64_t>;

TEST(EvenCut, LeavesNoSmallRest) {
  EXPECT_EQ(even_cut(50'050, 50'000), 25'025u);
  EXPECT_EQ(even_cut(50'000, 50'000), 50'000u);
  EXPECT_EQ(even_cut(7, 50'000), 50'000u);
  EXPECT_EQ(even_cut(100'001, 50'000), 33'334u);
}

TEST_F(Staging, CutsJobsAtTheRecordLimitAndLosesNoLine) {
  deployment_.settings.max_records_per_job = 2;
  std::string text;
  for (int i = 1; i <= 5; ++i) text += line(i);
  const auto jobs = stage(text);
  EXPECT_EQ(records_of(jobs), (Counts{2, 2, 1}));
  EXPECT_EQ(stager_->line_count, 5);
  EXPECT_EQ(jobs[2].custom_ids, "5 \"id-5\"\n");
}

TEST_F(Staging, IsTheSameForAnyWindow) {
  deployment_.settings.max_records_per_job = 2;
  std::string text;
  for (int i = 1; i <= 5; ++i) text += line(i);
  for (std::size_t window = 1; window < 300; window += 7) {
    EXPECT_EQ(records_of(stage(text, window)), (Counts{2, 2, 1})) << window;
    const catalog::Model* model = group_.model;
    group_ = GroupStage();
    group_.model_name = "m";
    group_.deployment = &deployment_;
    group_.model = model;
  }
}

TEST_F(Staging, CutsJobsAtTheByteLimit) {
  const auto one = stage(line(1));
  group_.begin_job();
  deployment_.settings.max_job_bytes = 2 * one[0].text.size();
  EXPECT_EQ(records_of(stage(line(1) + line(2) + line(3))), (Counts{2, 1}));
}

TEST_F(Staging, RefusesALineThatNoJobHasRoomFor) {
  deployment_.settings.max_job_bytes = 10;
  EXPECT_EQ(records_of(stage(line(1))), Counts{});
  EXPECT_EQ(refused().at_pointer("/response/body/error/code"), "invalid_value");
  EXPECT_TRUE(group_.records.empty());
}

TEST_F(Staging, TheLastLineNeedsNoLineEnd) {
  std::string text = line(1) + line(2);
  text.pop_back();
  EXPECT_EQ(records_of(stage(text)), Counts{2});
}

TEST_F(Staging, ALineThatNoModelTakesGoesToTheErrorFileAndTheRestRuns) {
  EXPECT_EQ(records_of(stage(line(1, "m", R"(,"max_tokens":20000)") + line(2))), Counts{1});
  EXPECT_EQ(stager_->refused_count, 1);
  EXPECT_EQ(refused().at("custom_id"), "id-1");
  EXPECT_EQ(refused().at_pointer("/response/body/error/param"), "body.max_tokens");
}

TEST_F(Staging, ALineWithoutMessagesFailsTheBatchAndAWrongOneOnlyItself) {
  const std::string without =
      R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}})"
      "\n";
  const std::string wrong =
      R"({"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":7}})"
      "\n";
  stage(wrong + without);
  ASSERT_EQ(stager_->fatal.size(), 1u);
  EXPECT_EQ(stager_->fatal[0].line, 2);
  EXPECT_EQ(stager_->fatal[0].message, "Messages parameter is required.");
  EXPECT_EQ(stager_->refused_count, 1);
}

TEST_F(Staging, AnEmbeddingsLineWithoutInputFailsTheBatch) {
  embeddings();
  stage(R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m"}})"
        "\n");
  ASSERT_EQ(stager_->fatal.size(), 1u);
  EXPECT_EQ(stager_->fatal[0].param, "body.input");
}

TEST_F(Staging, AnEndpointThatTheModelDoesNotAnswerIsRefusedBeforeAnythingRuns) {
  endpoint_ = openai::Endpoint::embeddings;  // of a chat model
  EXPECT_EQ(records_of(stage(list_line(1, 1))), Counts{});
  EXPECT_EQ(stager_->refused_count, 1);
}

TEST_F(Staging, LinesOfOtherModelsAreLeftForTheirOwnPass) {
  EXPECT_EQ(records_of(stage(line(1, "other") + line(2))), Counts{1});
  EXPECT_EQ(stager_->line_count, 1);
}

TEST_F(Staging, OneTargetModelOverridesWhatLinesSay) {
  model_override_ = "m";
  EXPECT_EQ(records_of(stage(line(1, "other") + line(2))), Counts{2});
}

TEST_F(Staging, TheLineAtACutIsTranslatedForTheModelThatRunsIt) {
  deployment_.settings.max_records_per_job = 1;
  const auto* stricter =
      catalog::Catalog::built_in().find("anthropic.claude-3-5-haiku-20241022-v1:0");
  ASSERT_NE(stricter, nullptr);
  ASSERT_GT(stricter->output_tokens_max, group_.model->output_tokens_max);
  on_next_job_ = [&] { group_.model = stricter; };
  // More than the first model gives, and what the second can: the first is not asked.
  const auto jobs = stage(
      line(1) + line(2, "m", fmt::format(R"(,"max_tokens":{})", stricter->output_tokens_max)));
  EXPECT_EQ(records_of(jobs), (Counts{1, 1}));
  EXPECT_EQ(stager_->refused_count, 0);
}

// --- Lines that become several records ---

TEST_F(Staging, AListBecomesRecordsOfOneLineInOrder) {
  embeddings();
  const auto jobs = stage(list_line(1, 1) + list_line(2, 3));
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].lines, 2u);
  EXPECT_EQ(jobs[0].records, 4u);
  EXPECT_EQ(stager_->line_count, 2);
  const auto ids = CustomIds::parse(jobs[0].custom_ids);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->row(0).parts, 1u);
  EXPECT_EQ(ids->row(1).parts, 3u);
  std::vector<std::string> found;
  std::string_view rest = jobs[0].text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const auto value = boost::json::parse(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    found.push_back(std::string(value.at("recordId").as_string()) + " " +
                    std::string(value.at_pointer("/modelInput/inputText").as_string()));
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{
                bedrock::record_id({1}) + " text 0", bedrock::record_id({2, 0}) + " text 0",
                bedrock::record_id({2, 1}) + " text 1", bedrock::record_id({2, 2}) + " text 2"}));
}

TEST_F(Staging, ALinesRecordsAllLieInOneJob) {
  embeddings();
  deployment_.settings.max_records_per_job = 10;
  const auto jobs = stage(list_line(1, 6) + list_line(2, 6) + list_line(3, 4) + list_line(4, 6));
  EXPECT_EQ(records_of(jobs), (Counts{6, 10, 6}));
}

TEST_F(Staging, ALineOfAsManyRecordsAsAJobTakesIsAJobAndOneMoreIsRefused) {
  embeddings();
  deployment_.settings.max_records_per_job = 10;
  EXPECT_EQ(records_of(stage(list_line(1, 10))), Counts{10});
  group_.begin_job();
  EXPECT_EQ(records_of(stage(list_line(1, 11) + list_line(2, 1))), Counts{1});
  EXPECT_EQ(refused().at("custom_id"), "id-1");
  EXPECT_EQ(refused().at_pointer("/response/body/error/param"), "body.input");
  EXPECT_EQ(refused().at_pointer("/response/body/error/message"),
            "This line is 11 requests to the model, more than the 10 that one batch job takes. "
            "hint: split the list over several lines");
}

TEST_F(Staging, TheListAtACutIsTranslatedAnewForItsJob) {
  embeddings();
  deployment_.settings.max_records_per_job = 3;
  const auto* cohere = catalog::Catalog::built_in().find("cohere.embed-multilingual-v3");
  ASSERT_NE(cohere, nullptr);
  on_next_job_ = [&] { group_.model = cohere; };
  const auto jobs = stage(list_line(1, 2) + list_line(2, 2));
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_TRUE(jobs[0].text.contains("inputText"));
  EXPECT_EQ(jobs[1].records, 1u) << "two texts are one record for Cohere";
  EXPECT_FALSE(jobs[1].text.contains("inputText"));
  EXPECT_EQ(jobs[1].custom_ids, "2 \"id-2\"\n");
}

TEST_F(Staging, SpreadsRecordsAndNotLinesEvenlyOverJobs) {
  embeddings();
  deployment_.settings.max_records_per_job = 40;
  std::string text;
  for (int i = 1; i <= 9; ++i) text += list_line(i, 10);  // 90 records: 3 jobs
  EXPECT_EQ(records_of(stage(text)), (Counts{30, 30, 30}));
}

TEST_F(Staging, ANoteOfTheLineIsKeptForItsResult) {
  embeddings();
  const auto jobs = stage(
      R"({"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":["x","y"],"encoding_format":"base64"}})"
      "\n");
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(CustomIds::parse(jobs[0].custom_ids)->row(0).note, "base64");
}

}  // namespace
}  // namespace quarry::batch
