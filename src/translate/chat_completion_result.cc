#include "json/write.h"
#include "translate/result_bodies.h"

namespace quarry::translate {

namespace {

// Members of OpenAI's that every reader of calls needs: an id, where the family gives none.
void append_calls(const Answer& answer, const ResultOptions& options, std::string& out) {
  out += ",\"tool_calls\":[";
  for (std::size_t i = 0; i < answer.calls.size(); ++i) {
    const AnsweredCall& call = answer.calls[i];
    out += i == 0 ? "{\"id\":\"" : ",{\"id\":\"";
    append_call_id(call, options, i, out);
    json::append_all(out, R"(","type":"function","function":{"name":")", call.name,
                     R"(","arguments":")", call.arguments, "\"}}");
  }
  out += ']';
}

void append_message(const Answer& answer, const ResultOptions& options, std::string& out) {
  const std::string_view text = answer.text.view(), refusal = answer.refusal;
  const std::string_view reasoning = answer.reasoning.view();
  const bool no_text = text.empty() && (!answer.calls.empty() || !refusal.empty());
  const std::string_view quote = no_text ? "" : "\"", refusal_quote = refusal.empty() ? "" : "\"";
  json::append_all(out, R"({"role":"assistant","content":)", quote, no_text ? "null" : text, quote,
                   ",\"refusal\":", refusal_quote, refusal.empty() ? "null" : refusal,
                   refusal_quote);
  if (!reasoning.empty()) json::append_all(out, ",\"reasoning_content\":\"", reasoning, "\"");
  if (!answer.calls.empty()) append_calls(answer, options, out);
  out += ",\"annotations\":[]}";
}

}  // namespace

void append_call_id(const AnsweredCall& call,
                    const ResultOptions& options,
                    std::size_t index,
                    std::string& out) {
  if (!call.id.empty()) {
    out += call.id;
    return;
  }
  out.append("call_").append(options.completion_seed).append("_");
  json::append_integer(out, static_cast<std::int64_t>(index));
}

std::string_view finish_reason(Finish finish) {
  switch (finish) {
    case Finish::length:
      return "length";
    case Finish::tool_calls:
      return "tool_calls";
    case Finish::content_filter:
      return "content_filter";
    case Finish::stop:
      break;
  }
  return "stop";
}

void append_usage(const LineUsage& usage, std::string& out) {
  if (!usage) {
    out += R"("usage":null,"usage_absent":true)";
    return;
  }
  json::append_all(
      out, R"("usage":{"prompt_tokens":)", json::Digits(usage->input_tokens),
      R"(,"completion_tokens":)", json::Digits(usage->output_tokens),  //
      R"(,"total_tokens":)", json::Digits(usage->total_tokens()),
      R"(,"prompt_tokens_details":{"cached_tokens":)", json::Digits(usage->cached_input_tokens),
      R"(,"cache_write_tokens":)", json::Digits(usage->cache_write_tokens),
      R"(,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":)",
      json::Digits(usage->reasoning_tokens),
      R"(,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})");
}

void append_chat_completion(const Answer& answer, const ResultOptions& options, std::string& out) {
  json::append_all(out, R"({"id":"chatcmpl-)", options.completion_seed,
                   R"(","object":"chat.completion","created":)", json::Digits(options.created),
                   ",\"model\":");
  json::append_string(out, options.model_name);
  out += R"(,"choices":[{"index":0,"message":)";
  append_message(answer, options, out);
  json::append_all(out, R"(,"logprobs":null,"finish_reason":")", finish_reason(answer.finish),
                   "\"}],");
  append_usage(answer.usage, out);
  out += R"(,"service_tier":"default","system_fingerprint":null})";
}

}  // namespace quarry::translate
