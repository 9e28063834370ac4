// Translations as pairs of files: tests/golden/anthropic/<case>.request.json becomes
// <case>.bedrock.json, and <case>.result.json becomes <case>.openai.json. The files are written by
// hand from the two APIs' references.
#include "translate/translator.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace quarry::translate {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return fs::path(QUARRY_SOURCE_DIR) / "tests/golden/anthropic"; }

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The cases that have a file of this kind.
std::vector<std::string> cases(const std::string& kind) {
  std::vector<std::string> names;
  const std::string ending = "." + kind + ".json";
  for (const auto& entry : fs::directory_iterator(folder())) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(ending)) names.push_back(file.substr(0, file.size() - ending.size()));
  }
  std::ranges::sort(names);
  return names;
}

std::string without_line_ends(std::string text) {
  std::erase(text, '\n');
  return text;
}

class GoldenRequest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenRequest, BecomesTheModelsBody) {
  const auto* model =
      catalog::Catalog::built_in().find("us.anthropic.claude-3-5-sonnet-20240620-v1:0");
  RequestTranslator translator;
  const std::string request = read_file(folder() / (GetParam() + ".request.json"));
  const auto expected = boost::json::parse(read_file(folder() / (GetParam() + ".bedrock.json")));
  // As written, with line ends between the tokens, and as the one line of a batch file.
  for (const std::string& body : {request, without_line_ends(request)}) {
    std::string out = "kept";
    const auto done = translator.translate(body, {.model = model}, out);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(out.starts_with("kept"));
    out.erase(0, 4);
    EXPECT_EQ(out.find('\n'), std::string::npos) << out;
    EXPECT_EQ(boost::json::parse(out), expected) << out;
  }
}

INSTANTIATE_TEST_SUITE_P(Files,
                         GoldenRequest,
                         ::testing::ValuesIn(cases("request")),
                         [](const auto& row) { return row.param; });

class GoldenResult : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenResult, BecomesAChatCompletion) {
  ResultTranslator translator;
  const ResultOptions options{.model_name = "my-claude",
                              .created = 1767323045,
                              .completion_seed = "0123456789abcdef0123456789abcdef"};
  const std::string result = read_file(folder() / (GetParam() + ".result.json"));
  const auto expected = boost::json::parse(read_file(folder() / (GetParam() + ".openai.json")));
  std::string out = "kept";
  const auto usage = translator.translate(result, options, out);
  ASSERT_TRUE(usage) << usage.error().message;
  ASSERT_TRUE(out.starts_with("kept"));
  out.erase(0, 4);
  EXPECT_EQ(out.find('\n'), std::string::npos) << out;
  EXPECT_EQ(boost::json::parse(out), expected) << out;
  EXPECT_EQ(usage->input_tokens, expected.at("usage").at("prompt_tokens"));
  EXPECT_EQ(usage->output_tokens, expected.at("usage").at("completion_tokens"));
}

INSTANTIATE_TEST_SUITE_P(Files,
                         GoldenResult,
                         ::testing::ValuesIn(cases("result")),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace quarry::translate
