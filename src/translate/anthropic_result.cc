#include "translate/anthropic_result.h"

#include "json/write.h"

#include <optional>
#include <utility>

namespace quarry::translate {

namespace {

// Far above what any model counts; sums of it over a batch stay within 64 bits.
constexpr std::int64_t kTokensMax = std::int64_t{1} << 40;

std::unexpected<openai::LineError> malformed(std::string_view why) {
  std::string message = "The model's answer cannot be read: ";
  message.append(why).append(".");
  return std::unexpected(openai::LineError{"upstream_malformed", std::move(message), ""});
}

// Anthropic API reference, "Handling stop reasons".
std::string_view finish_reason(json::Value answer) {
  const auto reason = answer.find_non_null("stop_reason");
  if (!reason || !reason->is(json::Kind::string)) return "stop";
  const std::string_view text = reason->text();
  if (text == "max_tokens" || text == "model_context_window_exceeded") return "length";
  if (text == "tool_use") return "tool_calls";
  if (text == "refusal" || text == "guardrail_intervened" || text == "content_filtered") {
    return "content_filter";
  }
  return "stop";  // end_turn, stop_sequence, pause_turn
}

// nullopt: there, but not a count.
std::optional<std::int64_t> tokens(json::Value usage, std::string_view key) {
  const auto value = usage.find_non_null(key);
  if (!value) return 0;
  const auto count = value->integer();
  if (!count || *count < 0 || *count > kTokensMax) return std::nullopt;
  return count;
}

std::expected<openai::Usage, openai::LineError> read_usage(json::Value answer) {
  const auto usage = answer.find_non_null("usage");
  if (!usage || !usage->is(json::Kind::object)) return malformed("it has no usage");
  if (!usage->find_non_null("input_tokens") || !usage->find_non_null("output_tokens")) {
    return malformed("its usage lacks input_tokens or output_tokens");
  }
  const auto input = tokens(*usage, "input_tokens");
  const auto output = tokens(*usage, "output_tokens");
  const auto read = tokens(*usage, "cache_read_input_tokens");
  const auto written = tokens(*usage, "cache_creation_input_tokens");
  if (!input || !output || !read || !written)
    return malformed("its usage holds something else than counts");
  // Anthropic's input leaves out what was cached, OpenAI's includes it.
  return openai::Usage{.input_tokens = *input + *read + *written,
                       .cached_input_tokens = *read,
                       .cache_write_tokens = *written,
                       .output_tokens = *output,
                       .reasoning_tokens = 0};
}

void append_usage(std::string& out, const openai::Usage& usage) {
  const auto append = [&](std::string_view text, std::int64_t count) {
    out += text;
    json::append_integer(out, count);
  };
  append(R"("usage":{"prompt_tokens":)", usage.input_tokens);
  append(R"(,"completion_tokens":)", usage.output_tokens);
  append(R"(,"total_tokens":)", usage.total_tokens());
  append(R"(,"prompt_tokens_details":{"cached_tokens":)", usage.cached_input_tokens);
  append(R"(,"cache_write_tokens":)", usage.cache_write_tokens);
  append(R"(,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":)",
         usage.reasoning_tokens);
  out += R"(,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})";
}

// What the blocks of an answer come to.
struct Parts {
  std::string& text;
  std::string& reasoning;
  std::string& tool_calls;
  std::string& input;

  bool add(json::Value block) {
    const auto type = block.is(json::Kind::object) ? block.find_non_null("type") : std::nullopt;
    if (!type || !type->is(json::Kind::string)) return false;
    if (type->text() == "text") return add_text(block, "text", text);
    if (type->text() == "thinking") return add_text(block, "thinking", reasoning);
    if (type->text() == "tool_use") return add_tool_call(block);
    return true;  // redacted thinking, and what OpenAI has no place for
  }

  static bool add_text(json::Value block, std::string_view key, std::string& to) {
    const auto value = block.find_non_null(key);
    if (!value || !value->is(json::Kind::string)) return false;
    to += value->raw_text();
    return true;
  }

  bool add_tool_call(json::Value block) {
    const auto id = block.find_non_null("id");
    const auto name = block.find_non_null("name");
    const auto arguments = block.find_non_null("input");
    if (!id || !id->is(json::Kind::string) || !name || !name->is(json::Kind::string)) return false;
    input.clear();
    arguments ? arguments->append_compact(input) : void(input = "{}");
    tool_calls += tool_calls.empty() ? "" : ",";
    tool_calls.append("{\"id\":")
        .append(id->raw())
        .append(R"(,"type":"function","function":{"name":)");
    tool_calls.append(name->raw()).append(",\"arguments\":");
    json::append_string(tool_calls, input);
    tool_calls += "}}";
    return true;
  }

  void append_message(std::string& out) const {
    out += R"({"role":"assistant","content":)";
    if (text.empty() && !tool_calls.empty()) {
      out += "null";
    } else {
      out.append("\"").append(text).append("\"");
    }
    out += ",\"refusal\":null";
    if (!reasoning.empty()) out.append(",\"reasoning_content\":\"").append(reasoning).append("\"");
    if (!tool_calls.empty()) out.append(",\"tool_calls\":[").append(tool_calls).append("]");
    out += ",\"annotations\":[]}";
  }
};

}  // namespace

std::expected<openai::Usage, openai::LineError> AnthropicResult::append(
    std::string_view model_output,
    const ResultOptions& options,
    std::string& out,
    std::optional<openai::Usage>& usage_read) {
  const auto root = answer_.parse(model_output);
  if (!root) return malformed(json::message(root.error()));
  if (!root->is(json::Kind::object)) return malformed("it is not an object");
  const auto usage = read_usage(*root);
  if (usage) usage_read = *usage;
  const auto content = root->find_non_null("content");
  if (!content || !content->is(json::Kind::array)) return malformed("it has no content");
  if (!usage) return usage;

  text_.clear();
  reasoning_.clear();
  tool_calls_.clear();
  Parts parts{text_, reasoning_, tool_calls_, input_};
  for (const json::Value block : content->elements()) {
    if (!parts.add(block)) return malformed("a block of its content has not the form of its type");
  }

  out.append(R"({"id":"chatcmpl-)").append(options.completion_seed);
  out += R"(","object":"chat.completion","created":)";
  json::append_integer(out, options.created);
  out += ",\"model\":";
  json::append_string(out, options.model_name);
  out += R"(,"choices":[{"index":0,"message":)";
  parts.append_message(out);
  out.append(R"(,"logprobs":null,"finish_reason":")").append(finish_reason(*root)).append("\"}],");
  append_usage(out, *usage);
  out += R"(,"service_tier":"default","system_fingerprint":null})";
  return usage;
}

}  // namespace quarry::translate
