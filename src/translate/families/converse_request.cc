// Converse, for every chat model (Bedrock API reference, "Converse"): a batch's modelInput is the
// request without modelId. What Converse has no member for goes to additionalModelRequestFields by
// the name that the model's own body has for it.

#include "json/write.h"
#include "translate/families/claude_shape.h"
#include "translate/families/converse_shape.h"
#include "translate/families/effort.h"
#include "translate/family.h"

#include <algorithm>
#include <array>
#include <span>

namespace quarry::translate {

namespace {

constexpr std::size_t kStopMax = 2500;

// By the same name in the model's own body.
constexpr std::array kOpenWeight{
    Param::seed,  Param::frequency_penalty,  Param::presence_penalty,    Param::logit_bias,
    Param::min_p, Param::repetition_penalty, Param::chat_template_kwargs};
constexpr std::array kCommand{Param::seed, Param::frequency_penalty, Param::presence_penalty};
constexpr std::array kJamba{Param::frequency_penalty, Param::presence_penalty};

// What a family of models takes by additionalModelRequestFields.
struct Extras {
  std::string_view family;
  FamilyRules rules;
  std::string_view top_k;  // its name for it; "" = none
  std::span<const Param> as_is;
};

constexpr FamilyRules rules(ParamSet takes) {
  return {.takes = takes,
          .temperature = {0, 1},
          .top_p = {0, 1},
          .stop_max = kStopMax,
          .converse = true};
}

constexpr std::array<Extras, 7> kExtras{{
    {"anthropic",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k,
            Param::reasoning_effort, Param::thinking, Param::anthropic_beta}),
     "top_k",
     {}},
    {"nova",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k,
            Param::reasoning_effort}),
     "topK",
     {}},
    {"openai_shaped",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k,
            Param::reasoning_effort, Param::seed, Param::frequency_penalty, Param::presence_penalty,
            Param::logit_bias, Param::min_p, Param::repetition_penalty,
            Param::chat_template_kwargs}),
     "top_k", kOpenWeight},
    {"command_r",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k,
            Param::seed, Param::frequency_penalty, Param::presence_penalty}),
     "k", kCommand},
    {"jamba",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop,
            Param::frequency_penalty, Param::presence_penalty}),
     "", kJamba},
    {"mistral",
     rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k}),
     "top_k",
     {}},
    {"", rules({Param::max_tokens, Param::temperature, Param::top_p, Param::stop}), "", {}},
}};

const Extras& extras_of(const catalog::Model& model) {
  // Of Mistral's, only those that take a prompt know top_k.
  const bool plain = model.family == "mistral" && model.variant != "prompt";
  for (const Extras& extras : kExtras) {
    if (!plain && extras.family == model.family) return extras;
  }
  return kExtras.back();
}

// One line.
class Writer {
 public:
  Writer(const ChatRequest& request,
         Checked& checked,
         const catalog::Model& model,
         std::string& out)
      : request_(request), checked_(checked), model_(model), out_(out) {}

  Outcome check_tools() const;
  Outcome append(const Extras& extras, json::Document& scratch);

 private:
  Outcome check_claude_rules();
  Outcome check_nova();
  Outcome append_extras(const Extras& extras);
  Outcome append_claude();
  void append_effort();
  void append_format();
  void append_raw(Param param);
  void append_extra(std::string_view key, std::string_view value) {
    out_ += first_extra_ ? ",\"additionalModelRequestFields\":{" : ",";
    first_extra_ = false;
    out_.append("\"").append(key).append("\":").append(value);
  }

  const ChatRequest& request_;
  Checked& checked_;
  const catalog::Model& model_;
  std::string& out_;
  ClaudeThinking thinking_;
  bool first_extra_ = true;
};

// A record with a toolConfig fails (Bedrock user guide, "Process multiple prompts with batch
// inference").
Outcome Writer::check_tools() const {
  const std::string why =
      model_.family == "converse"
          ? model_.id +
                " is called by the Converse API, which takes no tools "
                "in batches"
          : "the Converse API takes no tools in batches: set bedrock_invocation "
            "to 'native' for this model's deployment";
  for (const Part& part : request_.conversation.parts) {
    if (part.kind != PartKind::tool_call && part.kind != PartKind::tool_result) continue;
    return unsupported(request_.conversation.place(part), why);
  }
  if (request_.tools.empty() || request_.tool_choice == ToolChoice::none) return {};
  return unsupported("body.tools", why);
}

Outcome Writer::append(const Extras& extras, json::Document& scratch) {
  // Before inferenceConfig, which they may take members from.
  if (auto ok = check_claude_rules(); !ok) return ok;
  if (auto ok = check_nova(); !ok) return ok;
  out_ += '{';
  const ConverseTurns turns{.system_apart = model_.system,
                            .trim_last = model_.family == "anthropic"};
  if (auto ok = append_converse_messages(request_.conversation, turns, scratch, out_); !ok)
    return ok;
  if (model_.system) append_converse_system(request_.conversation, out_);
  append_inference_config(checked_, false, out_);
  if (auto ok = append_extras(extras); !ok) return ok;
  append_format();
  out_ += '}';
  return {};
}

Outcome Writer::append_extras(const Extras& extras) {
  const bool nova = model_.family == "nova";
  if (checked_.top_k) {
    nova ? append_extra("inferenceConfig", "{\"topK\":" + std::string(checked_.top_k->raw()) + "}")
         : append_extra(extras.top_k, checked_.top_k->raw());
  }
  for (const Param param : extras.as_is) append_raw(param);
  if (model_.family == "anthropic") {
    if (auto ok = append_claude(); !ok) return ok;
  } else {
    if (model_.family == "openai_shaped") {
      if (auto ok = check_not_none(request_, checked_); !ok) return ok;
    }
    append_effort();
  }
  if (!first_extra_) out_ += '}';
  return {};
}

Outcome Writer::check_nova() {
  if (model_.family != "nova") return {};
  const auto effort = nova_effort(request_, checked_);
  return effort ? Outcome() : std::unexpected(effort.error());
}

void Writer::append_effort() {
  const std::string_view effort = effort_of(checked_);
  if (effort.empty()) return;
  std::string value = "\"" + std::string(effort) + "\"";
  if (model_.family != "nova") return append_extra("reasoning_effort", value);
  append_extra("reasoningConfig", R"({"type":"enabled","maxReasoningEffort":)" + value + "}");
}

void Writer::append_raw(Param param) {
  if (const auto& value = checked_.value(param)) {
    append_extra(name_of(param), "");
    value->append_compact(out_);
  }
}

Outcome Writer::check_claude_rules() {
  if (model_.family != "anthropic") return {};
  const auto thinking = read_claude_thinking(request_, checked_, model_);
  if (!thinking) return std::unexpected(thinking.error());
  thinking_ = *thinking;
  // Converse's own default is less than a large budget, and then the record fails.
  if (thinking_.on) checked_.max_tokens = claude_max_tokens(checked_, model_, thinking_);
  return check_claude(request_, model_, thinking_, checked_.max_tokens, checked_);
}

Outcome Writer::append_claude() {
  if (thinking_.on || thinking_.raw) {
    append_extra("thinking", "");
    append_claude_thinking(thinking_, out_);
  }
  if (!thinking_.effort.empty()) {
    append_extra("output_config", R"({"effort":")" + std::string(thinking_.effort) + "\"}");
  }
  if (const auto& beta = checked_.value(Param::anthropic_beta);
      beta && !beta->is(json::Kind::array)) {
    return wrong_type(request_.param(Param::anthropic_beta), "an array", beta->kind());
  }
  append_raw(Param::anthropic_beta);
  return {};
}

// The schema is a text within the JSON.
void Writer::append_format() {
  if (checked_.format != Format::json_schema) return;
  std::string schema;
  request_.schema->append_compact(schema);
  out_ +=
      R"(,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":)";
  json::append_string(out_, schema);
  if (request_.schema_name) out_.append(",\"name\":").append(request_.schema_name->raw());
  out_ += "}}}}";
}

class ConverseRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    Writer writer(request, checked_, model, out);
    if (auto ok = writer.check_tools(); !ok) return ok;
    const Extras& extras = extras_of(model);
    if (auto ok = check_request(request, extras.rules, model, checked_); !ok) return ok;
    return writer.append(extras, scratch_);
  }

 private:
  Checked checked_;
  json::Document scratch_;
};

}  // namespace

std::unique_ptr<RequestFamily> make_converse_request() {
  return std::make_unique<ConverseRequest>();
}

}  // namespace quarry::translate
