// Translating a line against simdjson's parse of the same bytes: the budget is half of its speed,
// both ways.
#include "translate/translator.h"

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <string>

namespace {

using namespace quarry;

std::string prose(std::size_t bytes) {
  const std::string sentence =
      R"(The quick \"brown\" fox jumps over the lazy dog; it\u2019s caf\u00e9 time, na\u00efve reader.\n)"
      "It’s plain UTF-8 here, with “quotes” and a dash – then more words follow without any escape "
      "at all. ";
  std::string text;
  while (text.size() < bytes) text += sentence;
  return text;
}

// A short question, a long one, a tool conversation, an image.
std::string request(int kind) {
  const std::string head = R"({"model":"claude","max_tokens":1000,"temperature":0.2,"messages":[)"
                           R"({"role":"system","content":"You are a helpful assistant."},)";
  if (kind == 0) return head + R"({"role":"user","content":"What is the capital of France?"}]})";
  if (kind == 1) return head + R"({"role":"user","content":")" + prose(4000) + R"("}]})";
  if (kind == 2) {
    std::string body = head + R"({"role":"user","content":"Weather?"})";
    for (int i = 0; i < 8; ++i) {
      const std::string id = "call_" + std::to_string(i);
      body +=
          R"(,{"role":"assistant","content":null,"tool_calls":[{"id":")" + id +
          R"(","type":"function","function":{"name":"f","arguments":"{\"city\":\"Oslo\",\"days\":3}"}}]},)"
          R"({"role":"tool","tool_call_id":")" +
          id + R"(","content":"rainy, 7 degrees, wind from the west"})";
    }
    return body +
           R"(],"tools":[{"type":"function","function":{"name":"f","description":"The weather.",)"
           R"("parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},)"
           R"("required":["city"]}}}]})";
  }
  return head +
         R"({"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":)"
         R"({"url":"data:image/png;base64,iVBORw0KGgoA)" +
         std::string(400'000, 'A') + R"("}}]}]})";
}

std::string answer(int kind) {
  const std::string text = kind == 0 ? "Paris." : prose(4000);
  return R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-3-haiku","content":[{"type":"text","text":")" +
         text +
         R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":900}})";
}

void parse_only(benchmark::State& state, const std::string& text) {
  const simdjson::padded_string padded(text);
  simdjson::dom::parser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse(padded).error());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void BM_ParseRequest(benchmark::State& state) {
  parse_only(state, request(static_cast<int>(state.range(0))));
}
void BM_ParseAnswer(benchmark::State& state) {
  parse_only(state, answer(static_cast<int>(state.range(0))));
}

void BM_TranslateRequest(benchmark::State& state) {
  const std::string body = request(static_cast<int>(state.range(0)));
  const auto* model = catalog::Catalog::built_in().find("anthropic.claude-3-haiku-20240307-v1:0");
  translate::RequestTranslator translator;
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (!translator.translate(body, {.model = model}, out)) state.SkipWithError("refused");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

void BM_TranslateAnswer(benchmark::State& state) {
  const std::string body = answer(static_cast<int>(state.range(0)));
  translate::ResultTranslator translator;
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (!translator.translate(body, {.model_name = "m", .created = 1, .completion_seed = "00"},
                              out)) {
      state.SkipWithError("refused");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}

BENCHMARK(BM_ParseRequest)->DenseRange(0, 3);
BENCHMARK(BM_TranslateRequest)->DenseRange(0, 3);
BENCHMARK(BM_ParseAnswer)->DenseRange(0, 1);
BENCHMARK(BM_TranslateAnswer)->DenseRange(0, 1);

}  // namespace

BENCHMARK_MAIN();
