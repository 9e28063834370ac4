#include "json/write.h"
#include "translate/result_bodies.h"

namespace quarry::translate {

void begin_text_completion(const ResultOptions& options, std::string& out) {
  out.append(R"({"id":"cmpl-)").append(options.completion_seed);
  out += R"(","object":"text_completion","created":)";
  json::append_integer(out, options.created);
  out += ",\"model\":";
  json::append_string(out, options.model_name);
  out += ",\"choices\":[";
}

// The reasoning is left out, for which this object has no place; a refusal is text.
void append_choice(const Answer& answer, std::size_t index, std::string& out) {
  out += index == 0 ? "{\"index\":" : ",{\"index\":";
  json::append_integer(out, static_cast<std::int64_t>(index));
  out.append(",\"text\":\"").append(answer.text.view()).append(answer.refusal);
  out += R"(","logprobs":null,"finish_reason":")";
  // Calls cannot be: a line of this endpoint has no tools.
  out += finish_reason(answer.finish == Finish::tool_calls ? Finish::stop : answer.finish);
  out += "\"}";
}

void end_text_completion(const LineUsage& usage, std::string& out) {
  out += "],";
  append_usage(usage, out);
  out += R"(,"system_fingerprint":null})";
}

}  // namespace quarry::translate
