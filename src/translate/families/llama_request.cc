// Meta Llama on Bedrock (Bedrock user guide, "Meta Llama models": prompt, max_gen_len, temperature,
// top_p, images; Meta, "Model cards and prompt formats" of Llama 3, 3.1, 3.2, 3.3 and 4).
#include "json/write.h"
#include "translate/chat_body.h"
#include "translate/families/prompt_shape.h"
#include "translate/family.h"

#include <algorithm>
#include <array>
#include <string>

namespace quarry::translate {

namespace {

constexpr FamilyRules kRules{.takes = {Param::max_tokens, Param::temperature, Param::top_p}};
// Where the catalog says nothing else: what the service's schema of the body lets pass, however
// much more the model could write.
constexpr std::int64_t kMaxGenLen = 2048;
constexpr std::string_view kBegin = "<|begin_of_text|>";

// The tokens around a turn.
struct Format {
  std::string_view header_start, header_end, turn_end;
};
constexpr Format kLlama3{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
constexpr Format kLlama4{"<|header_start|>", "<|header_end|>", "<|eot|>"};

// Of both formats: one of the other's in a text is no less odd.
constexpr std::array<std::string_view, 16> kTokens{
    "<|begin_of_text|>", "<|end_of_text|>",  "<|start_header_id|>",
    "<|end_header_id|>", "<|eot_id|>",       "<|eom_id|>",
    "<|python_tag|>",    "<|header_start|>", "<|header_end|>",
    "<|eot|>",           "<|eom|>",          "<|image|>",
    "<|image_start|>",   "<|image_end|>",    "<|python_start|>",
    "<|python_end|>"};

// Meta, "JSON based tool calling". Escaped as it stands inside the prompt's JSON string.
constexpr std::string_view kAskForCalls =
    R"(Given the following functions, please respond with a JSON for a function call with its proper arguments that best answers the given prompt.\n\nRespond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}. Do not use variables.\n\n)";

class Writer {
 public:
  Writer(const ChatRequest& request,
         const Checked& checked,
         const catalog::Model& model,
         json::Document& scratch,
         std::string& out)
      : request_(request),
        conversation_(request.conversation),
        checked_(checked),
        model_(model),
        format_(model.variant == "4" ? kLlama4 : kLlama3),
        offers_(checked.tools && request.tool_choice != ToolChoice::none),
        scratch_(scratch),
        out_(out) {}

  Outcome append();

 private:
  Outcome append_prompt();
  Outcome append_system();
  Outcome append_turns();
  Outcome append_part(const Part& part);
  Outcome append_call(const Part& call);
  Outcome append_result(const Part& result);
  Outcome append_text(const Part& part);
  Outcome append_tools();
  void append_images();
  void open(std::string_view role);
  void close() { out_ += format_.turn_end; }

  const ChatRequest& request_;
  const Conversation& conversation_;
  const Checked& checked_;
  const catalog::Model& model_;
  const Format& format_;
  bool offers_;
  json::Document& scratch_;
  std::string& out_;
  std::string tool_;
};

void Writer::open(std::string_view role) {
  out_.append(format_.header_start).append(role).append(format_.header_end).append("\\n\\n");
}

Outcome Writer::append_text(const Part& part) {
  if (auto ok = check_tokens(conversation_, part, kTokens); !ok) return ok;
  out_ += part.text.raw_text();
  return {};
}

Outcome Writer::append_system() {
  if (conversation_.system.empty() && !offers_) return {};
  open("system");
  if (offers_)
    out_ += conversation_.system.empty() ? "Environment: ipython" : "Environment: ipython\\n\\n";
  bool first = true;
  for (const Part& part : conversation_.system) {
    if (!first) out_ += "\\n\\n";
    first = false;
    if (auto ok = append_text(part); !ok) return ok;
  }
  close();
  return {};
}

// Before the first question, as the model was taught them.
Outcome Writer::append_tools() {
  out_ += kAskForCalls;
  if (request_.tool_choice == ToolChoice::required) {
    out_ += "You must call one of the functions.\\n\\n";
  } else if (request_.tool_choice == ToolChoice::named) {
    out_.append("You must call the function ")
        .append(request_.tool_choice_name.raw_text())
        .append(".\\n\\n");
  }
  if (!request_.parallel_tool_calls) out_ += "Call one function at most.\\n\\n";
  for (std::size_t i = 0; i < request_.tools.size(); ++i) {
    const Tool& tool = request_.tools[i];
    tool_ = R"({"type":"function","function":{"name":)";
    tool_ += tool.name.raw();
    if (tool.description) tool_.append(",\"description\":").append(tool.description->raw());
    if (tool.parameters) {
      tool_ += ",\"parameters\":";
      tool.parameters->append_compact(tool_);
    }
    tool_ += "}}";
    if (auto ok = check_tokens(tool_place(i), tool_, kTokens); !ok) return ok;
    json::append_string_inside(out_, tool_);
    out_ += "\\n\\n";
  }
  return {};
}

Outcome Writer::append_call(const Part& call) {
  tool_ = "{\"name\": ";
  tool_.append(call.name.raw()).append(", \"parameters\": ");
  if (auto ok = append_arguments(conversation_, call, scratch_, tool_); !ok) return ok;
  tool_ += '}';
  if (auto ok = check_tokens(conversation_.place(call), tool_, kTokens); !ok) return ok;
  json::append_string_inside(out_, tool_);
  return {};
}

Outcome Writer::append_result(const Part& result) {
  const Part* const nested = &result + 1;  // the list's elements lie together
  open("ipython");
  for (std::uint32_t i = 0; i < result.nested_count; ++i) {
    if (nested[i].kind != PartKind::text) {
      return unsupported(conversation_.place(nested[i]),
                         model_.id + " takes only text as a tool's result");
    }
    if (i != 0) out_ += "\\n\\n";
    if (auto ok = append_text(nested[i]); !ok) return ok;
  }
  close();
  return {};
}

Outcome Writer::append_part(const Part& part) {
  switch (part.kind) {
    case PartKind::text:
      return append_text(part);
    case PartKind::image:
      out_ += "<|image|>";
      return {};
    case PartKind::tool_call:
      return append_call(part);
    case PartKind::file:
    case PartKind::tool_result:
      break;
  }
  return {};
}

Outcome Writer::append_turns() {
  const auto& parts = conversation_.parts;
  bool tools_told = !offers_;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (part.nested) continue;  // written with its result
    if (part.kind == PartKind::tool_result) {
      if (auto ok = append_result(part); !ok) return ok;
      continue;
    }
    const bool first = i == 0 || parts[i - 1].role != part.role || part.first;
    if (first) {
      open(part.role == Role::user ? "user" : "assistant");
      if (!tools_told) {
        if (auto ok = append_tools(); !ok) return ok;
      }
      tools_told = true;
    } else if (part.kind == PartKind::tool_call) {
      out_ += parts[i - 1].kind == PartKind::tool_call ? "; " : "\\n\\n";
    } else if (part.kind == PartKind::text && parts[i - 1].kind == PartKind::text) {
      out_ += "\\n\\n";
    }
    if (auto ok = append_part(part); !ok) return ok;
    const bool last = i + 1 == parts.size();
    const bool ends = last || parts[i + 1].role != part.role || parts[i + 1].first;
    // A last turn of the assistant stays open: the model goes on with it.
    if (ends && !(last && part.role == Role::assistant)) close();
  }
  if (!conversation_.ends_with_assistant()) open("assistant");
  return {};
}

Outcome Writer::append_prompt() {
  if (begins_with(conversation_.raw_prompt, kBegin)) {
    out_ += conversation_.raw_prompt->raw();
    return {};
  }
  out_.append("\"").append(kBegin);
  if (auto ok = append_system(); !ok) return ok;
  if (auto ok = append_turns(); !ok) return ok;
  out_ += '"';
  return {};
}

void Writer::append_images() {
  if (!conversation_.has_images) return;
  out_ += ",\"images\":[";
  for (const Part& part : conversation_.parts) {
    if (part.kind == PartKind::image) out_.append("\"").append(part.base64).append("\",");
  }
  out_.back() = ']';
}

Outcome Writer::append() {
  std::int64_t ceiling = model_.native_output_tokens_max;
  if (ceiling == 0) ceiling = kMaxGenLen;
  if (model_.output_tokens_max != 0) ceiling = std::min(ceiling, model_.output_tokens_max);
  out_ += "{\"prompt\":";
  if (auto ok = append_prompt(); !ok) return ok;
  append_count(out_, "max_gen_len", checked_.max_tokens.value_or(ceiling));
  append_number(out_, "temperature", checked_.temperature);
  append_number(out_, "top_p", checked_.top_p);
  append_images();
  out_ += '}';
  return {};
}

class LlamaRequest final : public RequestFamily {
 public:
  bool calls_in_text() const override { return true; }
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
    return Writer(request, checked_, model, scratch_, out).append();
  }

 private:
  Checked checked_;
  json::Document scratch_;  // of a tool call's arguments: JSON within a JSON string
};

}  // namespace

std::unique_ptr<RequestFamily> make_llama_request() { return std::make_unique<LlamaRequest>(); }

}  // namespace quarry::translate
