#include "base/bytes.h"
#include "files/custom_id_set.h"
#include "files/file_form.h"
#include "files/file_rules.h"
#include "files/scan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quarry::files {
namespace {

Scan scan_of(std::string_view text, std::size_t chunk = 1'000'000) {
  Scanner scanner(4096);
  for (std::size_t at = 0; at < text.size(); at += chunk) {
    scanner.feed(as_bytes(text.substr(at, chunk)));
  }
  return scanner.finish();
}

std::string line(std::string_view custom_id, std::string_view model = "m") {
  return fmt::format(
      R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}","messages":[]}}}})"
      "\n",
      custom_id, model);
}

TEST(CustomIdSet, KnowsWhatItHasSeen) {
  CustomIdSet set;
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(set.insert(fmt::format("request-{}", i))) << i;
  for (int i = 0; i < 20'000; ++i) ASSERT_FALSE(set.insert(fmt::format("request-{}", i))) << i;
  EXPECT_EQ(set.size(), 20'000u);
}

TEST(Scan, CountsLinesAndNamesModels) {
  const Scan scan = scan_of(line("a") + "\n" + line("b", "n"));
  EXPECT_EQ(scan.lines, 2u);
  EXPECT_EQ(scan.error_count, 0u);
  EXPECT_EQ(scan.models, (std::map<std::string, std::uint64_t>{{"m", 1}, {"n", 1}}));
  EXPECT_EQ(scan.urls, std::set<std::string>{"/v1/chat/completions"});
  EXPECT_TRUE(scan.first_line_is_json);
}

TEST(Scan, SaysWhichLineRepeatsACustomId) {
  const Scan scan = scan_of(line("a") + line("b") + "\r\n" + line("a"));
  ASSERT_EQ(scan.errors.size(), 1u);
  EXPECT_EQ(scan.errors[0].code, "duplicate_custom_id");
  EXPECT_EQ(scan.errors[0].line, 4);
}

TEST(Scan, IsTheSameForAnyChunking) {
  const std::string text =
      "\xEF\xBB\xBF" + line("a") + "not json\n" + line("b") + "[1,2]\n" + line("a");
  const std::string whole = to_json(scan_of(text));
  for (std::size_t chunk = 1; chunk < 40; ++chunk)
    EXPECT_EQ(to_json(scan_of(text, chunk)), whole) << chunk;
}

TEST(BatchInput, IsRefusedWithTheCause) {
  const auto refusal = [](std::string_view text) {
    const auto checked = check_batch_input(scan_of(text));
    return checked ? std::string() : checked.error().message();
  };
  const std::string begins = "Invalid file format for Batch API. Must be .jsonl; ";
  EXPECT_EQ(refusal(""), begins + "the file is empty, or has only blank lines.");
  EXPECT_EQ(refusal("\n\r\n"), begins + "the file is empty, or has only blank lines.");
  EXPECT_EQ(refusal("\nname,text\n"), begins + "line 2 is not parseable as valid JSON.");
  EXPECT_EQ(refusal("\"text\"\n"), begins + "line 1 is not a JSON object.");
  EXPECT_EQ(refusal(std::string(5000, '{') + "\n"),
            begins + "line 1 is longer than the maximum of 4096 bytes.");
  EXPECT_EQ(refusal("{}\nno json\n"), "");
}

TEST(Scan, SurvivesItsOwnJson) {
  const Scan scan = scan_of(line("a") + "{}\n");
  const auto again = parse_scan(to_json(scan));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(scan));
  EXPECT_EQ(again->sizes, scan.sizes);
  EXPECT_EQ(again->largest, scan.largest);
}

TEST(Scan, SumsUpHowLargeTheRequestsOfEachModelAre) {
  const auto with = [](std::string_view id, std::string_view body) {
    return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/completions","body":{}}})"
                       "\n",
                       id, body);
  };
  const Scan scan = scan_of(with("a", R"({"model":"m","prompt":"four","max_tokens":5})") +
                            with("b", R"({"model":"n","prompt":"four"})") +
                            with("c", R"({"model":"m","prompt":"sixsix","max_tokens":7})") +
                            with("d", R"({"prompt":"one"})"));
  ASSERT_TRUE(scan.sizes);
  EXPECT_EQ(scan.sizes->size(), 3u);
  EXPECT_EQ(scan.sizes->at("m"),
            (openai::RequestSize{
                .text_bytes = 10, .answers = 2, .output_tokens_max = 12, .body_bytes = 44 + 46}));
  EXPECT_EQ(scan.sizes->at("n"),
            (openai::RequestSize{
                .text_bytes = 4, .answers = 1, .unlimited_answers = 1, .body_bytes = 29}));
  EXPECT_EQ(scan.sizes->at(""),
            (openai::RequestSize{
                .text_bytes = 3, .answers = 1, .unlimited_answers = 1, .body_bytes = 16}));
  EXPECT_EQ(scan.models, (std::map<std::string, std::uint64_t>{{"m", 2}, {"n", 1}}));
  EXPECT_EQ(scan.largest.at("m"),
            (openai::RequestSize{
                .text_bytes = 6, .answers = 1, .output_tokens_max = 7, .body_bytes = 46}));
  EXPECT_EQ(scan.largest.at("n"), scan.sizes->at("n"));
}

TEST(Scan, ReadsTheShorterListsOfAVersionThatLookedAtLess) {
  const auto old = parse_scan(
      R"({"lines":1,"error_count":0,"errors":[],"models":{"m":1},"sizes":{"m":[1,2,3,4,5,6,7]},)"
      R"("urls":[],"names_overflow":false,"without_model":false,"first_line_is_json":true})");
  ASSERT_TRUE(old) << old.error().message();
  EXPECT_EQ(old->sizes->at("m").unlimited_answers, 7);
  EXPECT_TRUE(old->largest.empty());
}

TEST(Scan, ThatWasStoredBeforeSizesWereLookedAtIsStillRead) {
  const auto old = parse_scan(
      R"({"lines":3,"error_count":0,"errors":[],"models":{"m":3},"urls":["/v1/embeddings"],)"
      R"("names_overflow":false,"without_model":false,"first_line_is_json":true})");
  ASSERT_TRUE(old) << old.error().message();
  EXPECT_EQ(old->lines, 3u);
  EXPECT_FALSE(old->sizes);
}

TEST(Scan, RefusesStreamsOfEveryApiInItsOwnName) {
  for (const auto& [url, api] :
       std::map<std::string, std::string>{{"/v1/chat/completions", "Chat Completions"},
                                          {"/v1/completions", "Completions"},
                                          {"/v1/embeddings", "Embeddings"},
                                          {"/v1/responses", "Responses"}}) {
    const Scan scan = scan_of(fmt::format(
        R"({{"custom_id":"a","method":"POST","url":"{}","body":{{"model":"m","stream":true}}}})",
        url));
    ASSERT_EQ(scan.errors.size(), 1u) << url;
    EXPECT_EQ(scan.errors[0].code, "streaming_unsupported");
    EXPECT_EQ(scan.errors[0].message, api + ": Streaming is not supported in the Batch API.");
    EXPECT_EQ(scan.errors[0].param, "body.stream");
  }
}

TEST(Scan, AFileThatIsNoJsonIsKnownByItsFirstLine) {
  EXPECT_FALSE(scan_of("hello\n").first_line_is_json);
  EXPECT_FALSE(scan_of("\xff\x80\x13\n").first_line_is_json);
  EXPECT_TRUE(scan_of("{}\nhello\n").first_line_is_json);
}

TEST(Scan, ALineOverTheLimitIsAnErrorWithItsNumber) {
  const Scan scan = scan_of(line("a") + std::string(5000, 'x') + "\n" + line("b"));
  ASSERT_EQ(scan.errors.size(), 1u);
  EXPECT_EQ(scan.errors[0].line, 2);
  EXPECT_EQ(scan.lines, 3u);
}

struct Spelling {
  const char* test;
  std::vector<FormField> fields;
  std::vector<std::string> models;
};
class Spellings : public ::testing::TestWithParam<Spelling> {};

TEST_P(Spellings, NameTheTargetModels) {
  const auto models = target_models(GetParam().fields);
  ASSERT_TRUE(models);
  EXPECT_EQ(*models, GetParam().models);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    Spellings,
    ::testing::Values(
        Spelling{"Plain", {{"target_model_names", "m1"}}, {"m1"}},
        Spelling{"CommaList", {{"target_model_names", "m1, m2,m1"}}, {"m1", "m2"}},
        Spelling{"Brackets",
                 {{"target_model_names[]", "m1"}, {"target_model_names[]", "m2"}},
                 {"m1", "m2"}},
        Spelling{"Indexed", {{"target_model_names[0]", "m1"}}, {"m1"}},
        Spelling{"Nested", {{"extra_body[target_model_names]", "m3"}}, {"m3"}},
        Spelling{"JsonText", {{"extra_body", R"({"target_model_names": "m1"})"}}, {"m1"}},
        Spelling{
            "JsonList", {{"extra_body", R"({"target_model_names": ["m1","m2"]})"}}, {"m1", "m2"}},
        Spelling{"Others", {{"target_model_namesX", "m1"}, {"model", "m2"}}, {}}),
    [](const auto& row) { return std::string(row.param.test); });

TEST(ModelLimits, AreOfAllNamesThatOneModelHasTogether) {
  auto deployment = std::make_shared<aws::Deployment>();
  deployment->settings.id = "w";
  deployment->settings.model_name = "claude-*";
  deployment->settings.model_id = "one";
  deployment->settings.wildcard = true;
  deployment->settings.limits.file_lines = 3;
  const aws::DeploymentSet set({deployment});
  const auto checked = [&](std::uint64_t a, std::uint64_t b) {
    Scan scan;
    scan.lines = a + b;
    scan.models = {{"claude-a", a}, {"claude-b", b}};
    return check_lines(scan, {}, access::Caller{}, set);
  };
  EXPECT_TRUE(checked(2, 1));
  const auto refused = checked(2, 2);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("4 lines for the model 'claude-*'"), std::string::npos)
      << refused.error().message();
}

TEST(FileForm, ExtraBodyMustBeAnObject) {
  for (const char* text : {"[1]", "\"x\"", "{", R"({"target_model_names": 3})"}) {
    const auto models = target_models({{"extra_body", text}});
    ASSERT_FALSE(models) << text;
    EXPECT_EQ(models.error().param(), "extra_body");
  }
}

TEST(FileForm, PurposeIsRequiredAndKnown) {
  EXPECT_EQ(parse_file_form({}).error().param(), "purpose");
  EXPECT_EQ(parse_file_form({{"purpose", "xyz"}}).error().param(), "purpose");
  EXPECT_EQ(parse_file_form({{"purpose", "batch"}})->purpose, "batch");
}

TEST(FileForm, ExpiryIsWholeAndWithinItsBounds) {
  const auto with = [](const char* anchor, const char* seconds) {
    return parse_file_form({{"purpose", "batch"},
                            {"expires_after[anchor]", anchor},
                            {"expires_after[seconds]", seconds}});
  };
  EXPECT_EQ(with("created_at", "3600")->expires_after_s, 3600);
  EXPECT_EQ(with("created_at", "2592000")->expires_after_s, 2'592'000);
  for (const char* seconds : {"3599", "2592001", "x", "", "3600.5"})
    EXPECT_FALSE(with("created_at", seconds)) << seconds;
  EXPECT_FALSE(with("x", "3600"));
  EXPECT_FALSE(parse_file_form({{"purpose", "batch"}, {"expires_after[seconds]", "3600"}}));
  EXPECT_EQ(parse_file_form({{"purpose", "batch"},
                             {"expires_after.anchor", "created_at"},
                             {"expires_after.seconds", "3600"}})
                ->expires_after_s,
            3600);
}

TEST(SafeFilename, KeepsNoPathAndAtMost255Bytes) {
  EXPECT_EQ(safe_filename("../../etc/x.jsonl"), "x.jsonl");
  EXPECT_EQ(safe_filename("C:\\dir\\y.jsonl"), "y.jsonl");
  EXPECT_EQ(safe_filename("ü \"q\".jsonl"), "ü \"q\".jsonl");
  EXPECT_EQ(safe_filename(".."), "upload");
  EXPECT_EQ(safe_filename(""), "upload");
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  EXPECT_EQ(safe_filename(umlauts).size(), 254u);
}

}  // namespace
}  // namespace quarry::files
