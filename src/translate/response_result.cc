#include "json/write.h"
#include "translate/response_note.h"
#include "translate/result_bodies.h"

namespace quarry::translate {

namespace {

// Why a response is incomplete; "" when it is whole.
std::string_view incomplete_reason(Finish finish) {
  if (finish == Finish::length) return "max_output_tokens";
  if (finish == Finish::content_filter) return "content_filter";
  return {};
}

// The elements of `output`, in the order in which a model makes them.
class Items {
 public:
  Items(const Answer& answer, const ResultOptions& options, std::string& out)
      : answer_(answer), options_(options), out_(out) {}

  void append() {
    const std::size_t calls = answer_.calls.size();
    // An answer without anything is a message without text: readers take the first message's.
    const bool message = calls == 0 || !answer_.text.empty() || !answer_.refusal.empty();
    if (!answer_.reasoning.empty()) append_reasoning();
    if (message) append_message(calls == 0);
    for (std::size_t i = 0; i < calls; ++i) append_call(i, i + 1 == calls);
  }

 private:
  void open(std::string_view type, std::string_view id_prefix) {
    if (index_ != 0) out_ += ',';
    out_.append("{\"type\":\"").append(type).append("\",\"id\":\"").append(id_prefix);
    out_.append(options_.completion_seed).append("_");
    json::append_integer(out_, static_cast<std::int64_t>(index_++));
    out_ += '"';
  }

  // What was cut off is the last item.
  void append_status(bool last) {
    const bool whole = !last || incomplete_reason(answer_.finish).empty();
    out_.append(",\"status\":\"").append(whole ? "completed" : "incomplete").append("\"");
  }

  // As content, not as its summary: it is what the model wrote.
  void append_reasoning() {
    open("reasoning", "rs_");
    out_ += R"(,"summary":[],"content":[{"type":"reasoning_text","text":")";
    out_.append(answer_.reasoning.view()).append("\"}]}");
  }

  void append_message(bool last) {
    open("message", "msg_");
    append_status(last);
    out_ += R"(,"role":"assistant","content":[)";
    const bool refused = !answer_.refusal.empty();
    if (!refused || !answer_.text.empty()) {
      out_.append(R"({"type":"output_text","text":")").append(answer_.text.view());
      out_ += R"(","annotations":[],"logprobs":[]})";
      if (refused) out_ += ',';
    }
    if (refused) {
      out_.append(R"({"type":"refusal","refusal":")").append(answer_.refusal).append("\"}");
    }
    out_ += "]}";
  }

  void append_call(std::size_t i, bool last) {
    const AnsweredCall& call = answer_.calls[i];
    open("function_call", "fc_");
    append_status(last);
    out_ += ",\"call_id\":\"";
    append_call_id(call, options_, i, out_);
    out_.append(R"(","name":")").append(call.name);
    out_.append(R"(","arguments":")").append(call.arguments).append("\"}");
  }

  const Answer& answer_;
  const ResultOptions& options_;
  std::string& out_;
  std::size_t index_ = 0;  // of the next item
};

void append_member(std::string& out, std::string_view name, std::string_view json) {
  out.append(",\"").append(name).append("\":").append(json);
}

void append_noted(std::string& out,
                  std::string_view name,
                  const std::optional<json::Value>& value,
                  std::string_view otherwise) {
  append_member(out, name, value ? value->raw() : otherwise);
}

void append_text_settings(const ResponseNote& note, std::string& out) {
  out += ",\"text\":{\"format\":";
  out += note.format ? note.format->raw() : R"({"type":"text"})";
  if (note.verbosity) append_member(out, "verbosity", note.verbosity->raw());
  out += '}';
}

void append_settings(const ResponseNote& note, std::string& out) {
  append_noted(out, "max_output_tokens", note.max_output_tokens, "null");
  append_noted(out, "parallel_tool_calls", note.parallel_tool_calls, "true");
  out.append(",\"reasoning\":{\"effort\":").append(note.effort ? note.effort->raw() : "null");
  out += ",\"summary\":null}";
  append_noted(out, "temperature", note.temperature, "null");
  append_text_settings(note, out);
  append_noted(out, "tool_choice", note.tool_choice, "\"auto\"");
  append_noted(out, "top_p", note.top_p, "null");
  append_noted(out, "truncation", note.truncation, "\"disabled\"");
  append_noted(out, "metadata", note.metadata, "{}");
  // What is the same for every line of a batch, or does not travel with a line.
  out += R"(,"background":false,"error":null,"instructions":null,"max_tool_calls":null,)"
         R"("previous_response_id":null,"prompt_cache_key":null,"safety_identifier":null,)"
         R"("service_tier":"default","store":false,"tools":[],"top_logprobs":0,"user":null)";
}

void append_response_usage(const LineUsage& usage, std::string& out) {
  if (!usage) {
    out += R"(,"usage":null,"usage_absent":true)";
    return;
  }
  json::append_all(
      out, R"(,"usage":{"input_tokens":)", json::Digits(usage->input_tokens),
      R"(,"input_tokens_details":{"cached_tokens":)", json::Digits(usage->cached_input_tokens),
      R"(,"cache_write_tokens":)", json::Digits(usage->cache_write_tokens), R"(},"output_tokens":)",
      json::Digits(usage->output_tokens), R"(,"output_tokens_details":{"reasoning_tokens":)",
      json::Digits(usage->reasoning_tokens), R"(},"total_tokens":)",
      json::Digits(usage->total_tokens()), "}");
}

}  // namespace

void append_response(const Answer& answer,
                     const ResultOptions& options,
                     json::Document& scratch,
                     std::string& out) {
  const ResponseNote note = read_note(options.note, scratch);
  const std::string_view incomplete = incomplete_reason(answer.finish);

  out.append(R"({"id":"resp_)").append(options.completion_seed);
  out += R"(","object":"response","created_at":)";
  json::append_integer(out, options.created);
  if (incomplete.empty()) {
    out += R"(,"status":"completed","incomplete_details":null,"completed_at":)";
    json::append_integer(out, options.created);
  } else {
    out.append(R"(,"status":"incomplete","incomplete_details":{"reason":")").append(incomplete);
    out += R"("},"completed_at":null)";
  }
  out += ",\"model\":";
  json::append_string(out, options.model_name);
  out += ",\"output\":[";
  Items(answer, options, out).append();
  out += ']';
  append_settings(note, out);
  append_response_usage(answer.usage, out);
  out += '}';
}

}  // namespace quarry::translate
