// Mistral AI (Bedrock user guide, "Mistral AI text completion" and "Mistral AI chat completion").
// Variant "prompt" is a prompt in the [INST] template, "chat" messages.

#include "translate/families/chat_shape.h"
#include "translate/families/tool_shape.h"
#include "translate/family.h"

#include <algorithm>

namespace quarry::translate {

namespace {

constexpr std::size_t kStopMax = 10;
constexpr std::int64_t kTopKMax = 200;

constexpr FamilyRules kPromptRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop, Param::top_k},
    .stop_max = kStopMax};
constexpr FamilyRules kChatRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop},
    .stop_max = kStopMax};

// Between the system's text and the user's, and between two messages; inside a JSON string.
constexpr std::string_view kParagraph = R"(\n\n)";

// <s>[INST] system, user [/INST] assistant</s>[INST] user [/INST]
Outcome append_prompt(const Conversation& conversation, std::string& out) {
  out += "\"prompt\":";
  if (conversation.raw_prompt && conversation.raw_prompt->text().starts_with("<s>")) {
    out += conversation.raw_prompt->raw();  // it is in the template already
    return {};
  }
  out += "\"<s>[INST] ";
  for (const Part& part : conversation.system) {
    out.append(part.text.raw_text()).append(kParagraph);
  }
  Role turn = Role::user;
  bool opened = true;  // nothing of the turn is written yet
  for (const Part& part : conversation.parts) {
    if (part.kind != PartKind::text)
      return unsupported(conversation.place(part), "this model reads only text");
    if (part.role != turn) {
      out += part.role == Role::assistant ? " [/INST] " : "</s>[INST] ";
      turn = part.role;
      opened = true;
    }
    if (!opened) out += part.first ? kParagraph : R"(\n)";
    opened = false;
    out += part.text.raw_text();
  }
  out += turn == Role::user ? " [/INST]\"" : "\"";
  return {};
}

class MistralRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    out += '{';
    const Outcome done = model.variant == "prompt" ? append_as_prompt(request, model, out)
                                                   : append_as_chat(request, model, out);
    out += '}';
    return done;
  }

 private:
  Outcome append_as_prompt(const ChatRequest& request,
                           const catalog::Model& model,
                           std::string& out);
  Outcome append_as_chat(const ChatRequest& request, const catalog::Model& model, std::string& out);

  Checked checked_;
  json::Document scratch_;
};

Outcome MistralRequest::append_as_prompt(const ChatRequest& request,
                                         const catalog::Model& model,
                                         std::string& out) {
  if (auto ok = check_request(request, kPromptRules, model, checked_); !ok) return ok;
  if (checked_.top_k) {
    const std::int64_t top_k = checked_.top_k->integer().value_or(0);
    if (top_k < 1 || top_k > kTopKMax) {
      return invalid_value(request.param(Param::top_k),
                           "must be between 1 and " + std::to_string(kTopKMax) + " for this model");
    }
  }
  if (auto ok = append_prompt(request.conversation, out); !ok) return ok;
  append_sampling(checked_, "max_tokens", out);
  append_stop(checked_, out);
  return {};
}

// auto, any and none is all that every model of Mistral's here knows.
Outcome append_tools(const ChatRequest& request, bool strict, std::string& out) {
  if (auto ok = check_may_call_several(request); !ok) return ok;
  const bool named = request.tool_choice == ToolChoice::named;
  // The named one has to be called: it is the only one, and any has to be called.
  append_chat_tools(request, named ? std::optional(request.tool_choice_name) : std::nullopt, strict,
                    out);
  switch (request.tool_choice) {
    case ToolChoice::unsaid:
      break;
    case ToolChoice::none:
      out += R"(,"tool_choice":"none")";
      break;
    case ToolChoice::automatic:
      out += R"(,"tool_choice":"auto")";
      break;
    case ToolChoice::required:
    case ToolChoice::named:
      out += R"(,"tool_choice":"any")";
      break;
  }
  return {};
}

Outcome MistralRequest::append_as_chat(const ChatRequest& request,
                                       const catalog::Model& model,
                                       std::string& out) {
  if (auto ok = check_request(request, kChatRules, model, checked_); !ok) return ok;
  const ChatTurns turns{
      .system_apart = model.system, .short_ids = true, .prefix = true, .user_after_tool = false};
  if (auto ok = append_chat_messages(request.conversation, turns, scratch_, out); !ok) return ok;
  append_sampling(checked_, "max_tokens", out);
  append_stop(checked_, out);
  if (checked_.tools) {
    if (auto ok = append_tools(request, model.json_schema, out); !ok) return ok;
  }
  append_response_format(request, checked_, out);
  return {};
}

}  // namespace

std::unique_ptr<RequestFamily> make_mistral_request() { return std::make_unique<MistralRequest>(); }

}  // namespace quarry::translate
