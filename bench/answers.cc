// The answers of the corpus, in the shapes of the Bedrock user guide's pages on each model.

#include "corpus.h"
#include "json_style.h"
#include "random_text.h"
#include <cstdio>
#include <stdexcept>

namespace quarry::bench {

namespace {

// What a model said, before a family writes it down.
struct Said {
  JsonStyle json;
  std::string text;    // UTF-8; may be empty where it calls
  bool calls = false;  // a tool
  std::string call_id;
  std::string input;  // of the call, a JSON object
  std::string input_tokens, output_tokens, total_tokens;
};

using Writer = std::string (*)(Random&, const Said&);

std::string claude(Random& random, const Said& said) {
  const JsonStyle& json = said.json;
  std::vector<std::string> content;
  if (!said.text.empty())
    content.push_back(json.object({{"type", "\"text\""}, {"text", json.string(said.text)}}));
  if (said.calls) {
    content.push_back(json.object({{"type", "\"tool_use\""},
                                   {"id", json.string("toolu_bdrk_" + said.call_id)},
                                   {"name", "\"lookup_0\""},
                                   {"input", said.input}}));
  }
  return json.object({{"model", "\"claude-3-haiku-20240307\""},
                      {"id", json.string("msg_bdrk_" + random.hex(24))},
                      {"type", "\"message\""},
                      {"role", "\"assistant\""},
                      {"content", json.array(content)},
                      {"stop_reason", said.calls ? "\"tool_use\"" : "\"end_turn\""},
                      {"stop_sequence", "null"},
                      {"usage", json.object({{"input_tokens", said.input_tokens},
                                             {"cache_creation_input_tokens", "0"},
                                             {"cache_read_input_tokens", "0"},
                                             {"output_tokens", said.output_tokens}})}});
}

std::string output_message(const Said& said) {
  const JsonStyle& json = said.json;
  std::vector<std::string> content;
  if (!said.text.empty()) content.push_back(json.object({{"text", json.string(said.text)}}));
  if (said.calls) {
    content.push_back(
        json.object({{"toolUse", json.object({{"toolUseId", json.string("tooluse_" + said.call_id)},
                                              {"name", "\"lookup_0\""},
                                              {"input", said.input}})}}));
  }
  const std::string message =
      json.object({{"content", json.array(content)}, {"role", "\"assistant\""}});
  return json.object({{"message", message}});
}

std::string nova(Random&, const Said& said) {
  const JsonStyle& json = said.json;
  return json.object({{"output", output_message(said)},
                      {"stopReason", said.calls ? "\"tool_use\"" : "\"end_turn\""},
                      {"usage", json.object({{"inputTokens", said.input_tokens},
                                             {"outputTokens", said.output_tokens},
                                             {"totalTokens", said.total_tokens},
                                             {"cacheReadInputTokenCount", "0"},
                                             {"cacheWriteInputTokenCount", "0"}})}});
}

std::string converse(Random& random, const Said& said) {
  const JsonStyle& json = said.json;
  return json.object(
      {{"metrics", json.object({{"latencyMs", std::to_string(random.between(400, 9000))}})},
       {"output", output_message(said)},
       {"stopReason", said.calls ? "\"tool_use\"" : "\"end_turn\""},
       {"usage", json.object({{"cacheReadInputTokens", "0"},
                              {"cacheWriteInputTokens", "0"},
                              {"inputTokens", said.input_tokens},
                              {"outputTokens", said.output_tokens},
                              {"totalTokens", said.total_tokens}})}});
}

// gpt-oss: what it thought stands before the text, in tags.
std::string openai_shaped(Random& random, const Said& said) {
  const JsonStyle& json = said.json;
  const std::string thought = "<reasoning>" + phrase(random, 25) + "</reasoning>";
  const std::string content = json.string(thought + said.text);
  const std::string function =
      json.object({{"name", "\"lookup_0\""}, {"arguments", json.string(said.input)}});
  const std::string calls =
      json.array({json.object({{"id", json.string("chatcmpl-tool-" + said.call_id)},
                               {"type", "\"function\""},
                               {"function", function}})});
  const std::string message =
      said.calls
          ? json.object({{"content", content},
                         {"refusal", "null"},
                         {"role", "\"assistant\""},
                         {"tool_calls", calls}})
          : json.object({{"content", content}, {"refusal", "null"}, {"role", "\"assistant\""}});
  const std::string choice =
      json.object({{"finish_reason", said.calls ? "\"tool_calls\"" : "\"stop\""},
                   {"index", "0"},
                   {"logprobs", "null"},
                   {"message", message}});
  return json.object({{"choices", json.array({choice})},
                      {"created", "1767323045"},
                      {"id", json.string("chatcmpl-" + random.hex(12))},
                      {"model", "\"openai.gpt-oss-20b-1:0\""},
                      {"object", "\"chat.completion\""},
                      {"service_tier", "\"default\""},
                      {"system_fingerprint", "\"\""},
                      {"usage", json.object({{"completion_tokens", said.output_tokens},
                                             {"prompt_tokens", said.input_tokens},
                                             {"total_tokens", said.total_tokens}})}});
}

Said said(Random& random, std::size_t text_bytes, bool calls) {
  Said said;
  said.json = {.spaced = false, .ascii = random.chance(20)};
  said.text = text(random, text_bytes);
  said.calls = calls;
  said.call_id = random.hex(22);
  said.input = said.json.object({{"customer_id", "\"C-" + random.hex(8) + "\""},
                                 {"limit", "5"},
                                 {"tags", said.json.array({"\"open\"", "\"late\""})}});
  const std::size_t input = random.between(20, 4000), output = text_bytes / 4 + 3;
  said.input_tokens = std::to_string(input);
  said.output_tokens = std::to_string(output);
  said.total_tokens = std::to_string(input + output);
  return said;
}

std::vector<Part> chat_answers(Writer write) {
  std::vector<Part> parts{{"short", 600, {}}, {"long", 300, {}}, {"tools", 100, {}}};
  Random random(20'260'103);
  for (int i = 0; i < 800; ++i)
    parts[0].lines.push_back(write(random, said(random, random.between(5, 400), false)));
  for (int i = 0; i < 120; ++i)
    parts[1].lines.push_back(write(random, said(random, random.between(1'000, 6'000), false)));
  for (int i = 0; i < 800; ++i) {
    const std::size_t bytes = random.chance(50) ? 0 : random.between(40, 200);
    parts[2].lines.push_back(write(random, said(random, bytes, true)));
  }
  return parts;
}

// Titan's second embedding model gives its floats twice.
std::string titan_embedding(Random& random) {
  std::string floats = "[";
  for (int i = 0; i < 1024; ++i) {
    char number[16];
    std::snprintf(number, sizeof number, "%s0.%08u", random.chance(50) ? "-" : "",
                  random.below(9'000'000) + 100'000);
    if (i > 0) floats += ',';
    floats += number;
  }
  floats += ']';
  const JsonStyle json;
  return json.object({{"embedding", floats},
                      {"embeddingsByType", json.object({{"float", floats}})},
                      {"inputTextTokenCount", std::to_string(random.between(20, 700))}});
}

}  // namespace

std::vector<Part> answers(std::string_view family) {
  if (family == "anthropic") return chat_answers(claude);
  if (family == "nova") return chat_answers(nova);
  if (family == "converse") return chat_answers(converse);
  if (family == "openai_shaped") return chat_answers(openai_shaped);
  if (family != "titan_embed") throw std::logic_error("no answers of this family");
  Random random(20'260'104);
  Part vectors{"vectors", 1000, {}};
  for (int i = 0; i < 25; ++i) vectors.lines.push_back(titan_embedding(random));
  return {vectors};
}

}  // namespace quarry::bench
