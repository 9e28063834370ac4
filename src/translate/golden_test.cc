// Translations as files, written by hand from the two APIs' references:
// tests/golden/<family>/<endpoint>.<case>.request.json becomes <…>.bedrock.json, or is refused with
// <…>.error.json; <…>.result.json becomes <…>.openai.json. Several records are a JSON array of
// them. <…>.note.txt is what the request leaves for its result.
#include "translate/translator.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace quarry::translate {
namespace {

namespace fs = std::filesystem;
namespace bj = boost::json;

struct Case {
  std::string family;    // the folder
  std::string endpoint;  // chat, completions, responses, embeddings
  std::string name;
  fs::path path;  // without the ending

  fs::path file(const std::string& ending) const { return path.string() + ending; }
};

std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.path; }

fs::path root() { return fs::path(QUARRY_SOURCE_DIR) / "tests/golden"; }

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string read_if_there(const fs::path& path) {
  return fs::exists(path) ? read_file(path) : std::string();
}

// The cases that have a file of this kind.
std::vector<Case> cases(const std::string& kind) {
  std::vector<Case> found;
  const std::string ending = "." + kind + ".json";
  for (const auto& entry : fs::recursive_directory_iterator(root())) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(ending)) continue;
    const std::string stem = file.substr(0, file.size() - ending.size());
    const std::size_t dot = stem.find('.');
    if (dot == std::string::npos) continue;
    found.push_back({entry.path().parent_path().filename().string(), stem.substr(0, dot),
                     stem.substr(dot + 1), entry.path().parent_path() / stem});
  }
  std::ranges::sort(found, {}, &Case::path);
  return found;
}

openai::Endpoint endpoint_of(const Case& row) {
  static const std::map<std::string, openai::Endpoint> endpoints{
      {"chat", openai::Endpoint::chat_completions},
      {"completions", openai::Endpoint::completions},
      {"responses", openai::Endpoint::responses},
      {"embeddings", openai::Endpoint::embeddings}};
  return endpoints.at(row.endpoint);
}

std::string without_line_ends(std::string text) {
  std::erase(text, '\n');
  return text;
}

// One record alone, or the list of several.
bj::value records_of(const TranslatedLine& line) {
  bj::array records;
  for (std::size_t i = 0; i < line.records(); ++i) {
    EXPECT_EQ(line.record(i).find('\n'), std::string_view::npos) << line.record(i);
    records.push_back(bj::parse(line.record(i)));
  }
  return records.size() == 1 ? records.front() : bj::value(records);
}

class GoldenRequest : public ::testing::TestWithParam<Case> {};

TEST_P(GoldenRequest, BecomesTheModelsBody) {
  const Case& row = GetParam();
  const std::string request = read_file(row.file(".request.json"));
  const std::string model_id(bj::parse(request).at("model").as_string());
  const catalog::Model* model = catalog::Catalog::built_in().find(model_id);
  ASSERT_NE(model, nullptr) << model_id;
  RequestOptions options;
  options.endpoint = endpoint_of(row);
  options.model = model;
  options.wire = row.family == "converse" ? Wire::converse : Wire::native;
  options.drop_params = row.name.ends_with("_dropped");

  RequestTranslator translator;
  TranslatedLine line;
  // As written, with line ends between the tokens, and as the one line of a batch file.
  for (const std::string& body : {request, without_line_ends(request)}) {
    const auto done = translator.translate(body, options, line);
    if (fs::exists(row.file(".error.json"))) {
      ASSERT_FALSE(done) << records_of(line);
      const bj::value error{{"code", done.error().code},
                            {"param", done.error().param},
                            {"message", done.error().message}};
      EXPECT_EQ(error, bj::parse(read_file(row.file(".error.json")))) << error;
      EXPECT_EQ(line.records(), 0U);
      continue;
    }
    ASSERT_TRUE(done) << done.error().param << ": " << done.error().message;
    EXPECT_EQ(records_of(line), bj::parse(read_file(row.file(".bedrock.json"))))
        << records_of(line);
    const std::string note = without_line_ends(read_if_there(row.file(".note.txt")));
    if (!note.empty()) {
      EXPECT_EQ(line.note(), note);
    }
  }
}

std::string name_of_case(const ::testing::TestParamInfo<Case>& row) {
  return row.param.family + "_" + row.param.endpoint + "_" + row.param.name;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenRequest, ::testing::ValuesIn(cases("request")), name_of_case);

class GoldenResult : public ::testing::TestWithParam<Case> {};

// Of the whole line, in the words of its endpoint.
std::optional<openai::Usage> usage_in(const bj::object& body) {
  if (body.contains("usage_absent")) return std::nullopt;
  const bj::object& usage = body.at("usage").as_object();
  openai::Usage counts;
  const bool plain = usage.contains("prompt_tokens");
  counts.input_tokens = usage.at(plain ? "prompt_tokens" : "input_tokens").as_int64();
  const auto* output = usage.if_contains(plain ? "completion_tokens" : "output_tokens");
  if (output != nullptr) counts.output_tokens = output->as_int64();
  return counts;
}

TEST_P(GoldenResult, BecomesOpenAisBody) {
  const Case& row = GetParam();
  const std::string note = without_line_ends(read_if_there(row.file(".note.txt")));
  ResultOptions options;
  options.endpoint = endpoint_of(row);
  options.family = row.family;
  options.wire = row.family == "converse" ? Wire::converse : Wire::native;
  options.model_name = "my-model";
  options.created = 1767323045;
  options.completion_seed = "0123456789abcdef0123456789abcdef";
  options.note = note;

  const std::string text = read_file(row.file(".result.json"));
  const bj::value answers = bj::parse(text);
  ResultTranslator translator;
  std::string out = "kept";
  std::expected<LineUsage, openai::LineError> usage;
  if (answers.is_array()) {
    translator.begin(options, out);
    for (const bj::value& answer : answers.get_array()) {
      const auto added = translator.add(bj::serialize(answer), out);
      ASSERT_TRUE(added) << added.error().message;
    }
    usage = translator.finish(out);
  } else {
    usage = translator.translate(text, options, out);
  }
  if (fs::exists(row.file(".error.json"))) {
    ASSERT_FALSE(usage) << out;
    EXPECT_EQ(out, "kept");
    EXPECT_EQ(usage.error().message,
              bj::parse(read_file(row.file(".error.json"))).at("message").as_string());
    return;
  }
  ASSERT_TRUE(usage) << usage.error().message;
  ASSERT_TRUE(out.starts_with("kept"));
  out.erase(0, 4);
  const bj::value expected = bj::parse(read_file(row.file(".openai.json")));
  EXPECT_EQ(out.find('\n'), std::string::npos) << out;
  EXPECT_EQ(bj::parse(out), expected) << out;
  const auto counted = usage_in(expected.as_object());
  ASSERT_EQ(usage->has_value(), counted.has_value());
  if (counted) {
    EXPECT_EQ((*usage)->input_tokens, counted->input_tokens);
    EXPECT_EQ((*usage)->output_tokens, counted->output_tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenResult, ::testing::ValuesIn(cases("result")), name_of_case);

}  // namespace
}  // namespace quarry::translate
