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
    out.append(R"(","type":"function","function":{"name":")").append(call.name);
    out.append(R"(","arguments":")").append(call.arguments).append("\"}}");
  }
  out += ']';
}

void append_message(const Answer& answer, const ResultOptions& options, std::string& out) {
  out += R"({"role":"assistant","content":)";
  if (answer.text.empty() && (!answer.calls.empty() || !answer.refusal.empty())) {
    out += "null";
  } else {
    out.append("\"").append(answer.text).append("\"");
  }
  out += ",\"refusal\":";
  answer.refusal.empty() ? void(out += "null")
                         : void(out.append("\"").append(answer.refusal).append("\""));
  if (!answer.reasoning.empty()) {
    out.append(",\"reasoning_content\":\"").append(answer.reasoning).append("\"");
  }
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
  const auto append = [&](std::string_view text, std::int64_t count) {
    out += text;
    json::append_integer(out, count);
  };
  append(R"("usage":{"prompt_tokens":)", usage->input_tokens);
  append(R"(,"completion_tokens":)", usage->output_tokens);
  append(R"(,"total_tokens":)", usage->total_tokens());
  append(R"(,"prompt_tokens_details":{"cached_tokens":)", usage->cached_input_tokens);
  append(R"(,"cache_write_tokens":)", usage->cache_write_tokens);
  append(R"(,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":)",
         usage->reasoning_tokens);
  out += R"(,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})";
}

void append_chat_completion(const Answer& answer, const ResultOptions& options, std::string& out) {
  out.append(R"({"id":"chatcmpl-)").append(options.completion_seed);
  out += R"(","object":"chat.completion","created":)";
  json::append_integer(out, options.created);
  out += ",\"model\":";
  json::append_string(out, options.model_name);
  out += R"(,"choices":[{"index":0,"message":)";
  append_message(answer, options, out);
  out.append(R"(,"logprobs":null,"finish_reason":")").append(finish_reason(answer.finish));
  out += "\"}],";
  append_usage(answer.usage, out);
  out += R"(,"service_tier":"default","system_fingerprint":null})";
}

}  // namespace quarry::translate
