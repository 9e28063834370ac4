// Models whose body is OpenAI's own: gpt-oss (Bedrock user guide, "OpenAI models"), Qwen, DeepSeek
// V3, Kimi, GLM, MiniMax, Gemma, Nemotron. The service ignores what it does not know, so only what
// is known to have an effect is written; model and stream are Bedrock's to say.

#include "translate/families/chat_shape.h"
#include "translate/families/effort.h"
#include "translate/family.h"

#include <array>

namespace quarry::translate {

namespace {

// OpenAI API reference, "Create chat completion": up to 4 sequences.
constexpr FamilyRules kRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::seed,
              Param::frequency_penalty, Param::presence_penalty, Param::logit_bias,
              Param::reasoning_effort, Param::top_k, Param::min_p, Param::repetition_penalty,
              Param::chat_template_kwargs},
    .temperature = {0, 2},
    .top_p = {0, 1},
    .stop_max = 4,
    .json_object = true};

void append_tool_choice(const ChatRequest& request, std::string& out) {
  switch (request.tool_choice) {
    case ToolChoice::unsaid:
      break;
    case ToolChoice::none:
      out += R"(,"tool_choice":"none")";
      return;
    case ToolChoice::automatic:
      out += R"(,"tool_choice":"auto")";
      break;
    case ToolChoice::required:
      out += R"(,"tool_choice":"required")";
      break;
    case ToolChoice::named:
      out += R"(,"tool_choice":{"type":"function","function":{"name":)";
      out.append(request.tool_choice_name.raw()).append("}}");
      break;
  }
  if (!request.parallel_tool_calls) out += ",\"parallel_tool_calls\":false";
}

class OpenaiShapedRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
    if (auto ok = check_not_none(request, checked_); !ok) return ok;
    out += '{';
    const ChatTurns turns{.system_apart = model.system};
    if (auto ok = append_chat_messages(request.conversation, turns, scratch_, out); !ok) return ok;
    append_sampling(checked_, model.variant == "gpt-oss" ? "max_completion_tokens" : "max_tokens",
                    out);
    append_stop(checked_, out);
    for (const Param param :
         {Param::seed, Param::frequency_penalty, Param::presence_penalty, Param::logit_bias,
          Param::min_p, Param::repetition_penalty, Param::chat_template_kwargs}) {
      append_param(checked_, param, out);
    }
    if (const std::string_view effort = effort_of(checked_); !effort.empty())
      out.append(R"(,"reasoning_effort":")").append(effort).append("\"");
    if (checked_.tools) {
      append_chat_tools(request, std::nullopt, model.json_schema, out);
      append_tool_choice(request, out);
    }
    append_response_format(request, checked_, out);
    out += '}';
    return {};
  }

 private:
  Checked checked_;
  json::Document scratch_;
};

}  // namespace

std::unique_ptr<RequestFamily> make_openai_shaped_request() {
  return std::make_unique<OpenaiShapedRequest>();
}

}  // namespace quarry::translate
