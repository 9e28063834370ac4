// DeepSeek-R1 on Bedrock (Bedrock user guide, "DeepSeek models": text completion; the model's own
// chat template).
#include "translate/families/prompt_shape.h"
#include "translate/family.h"

#include <array>

namespace quarry::translate {

namespace {

constexpr FamilyRules kRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop}, .stop_max = 10};

constexpr std::string_view kBegin = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kUser = "<｜User｜>";
constexpr std::string_view kAssistant = "<｜Assistant｜>";
constexpr std::string_view kEnd = "<｜end▁of▁sentence｜>";
constexpr std::array kTokens{kBegin, kUser, kAssistant, kEnd};

Outcome append_text(const Conversation& conversation, const Part& part, std::string& out) {
  if (auto ok = check_tokens(conversation, part, kTokens); !ok) return ok;
  out += part.text.raw_text();
  return {};
}

Outcome append_prompt(const Conversation& conversation, std::string& out) {
  out += kBegin;
  bool first = true;
  for (const Part& part : conversation.system) {
    if (!first) out += "\\n\\n";
    first = false;
    if (auto ok = append_text(conversation, part, out); !ok) return ok;
  }
  const auto& parts = conversation.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (i == 0 || parts[i - 1].role != part.role) {
      if (i != 0 && parts[i - 1].role == Role::assistant) out += kEnd;
      out += part.role == Role::user ? kUser : kAssistant;
    } else {
      out += "\\n\\n";
    }
    if (auto ok = append_text(conversation, part, out); !ok) return ok;
  }
  // It thinks first, and ends with </think> before it answers; a begun answer it goes on with.
  if (!conversation.ends_with_assistant()) out.append(kAssistant).append("<think>\\n");
  return {};
}

class DeepseekR1Request final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
    out += "{\"prompt\":";
    if (begins_with(request.conversation.raw_prompt, kBegin)) {
      out += request.conversation.raw_prompt->raw();
    } else {
      out += '"';
      if (auto ok = append_prompt(request.conversation, out); !ok) return ok;
      out += '"';
    }
    const std::int64_t tokens = checked_.max_tokens.value_or(model.output_tokens_max);
    if (tokens != 0) append_count(out, "max_tokens", tokens);
    append_number(out, "temperature", checked_.temperature);
    append_number(out, "top_p", checked_.top_p);
    if (!checked_.stop.empty()) {
      out += ",\"stop\":[";
      for (const json::Value stop : checked_.stop) out.append(stop.raw()).append(",");
      out.back() = ']';
    }
    out += '}';
    return {};
  }

 private:
  Checked checked_;
};

}  // namespace

std::unique_ptr<RequestFamily> make_deepseek_r1_request() {
  return std::make_unique<DeepseekR1Request>();
}

}  // namespace quarry::translate
