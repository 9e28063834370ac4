// Amazon Nova: body "messages-v1" (Amazon Nova user guide, "Request and response schema").
// Variant "2" thinks when told to.

#include "translate/families/converse_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

constexpr std::int64_t kTopKMax = 128;

constexpr FamilyRules kRules{.takes = {Param::max_tokens, Param::temperature, Param::top_p,
                                       Param::stop, Param::top_k, Param::reasoning_effort}};

class NovaRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override;

 private:
  Checked checked_;
  json::Document scratch_;
};

// Documents are a block of Converse's alone.
Outcome check_files(const Conversation& conversation) {
  if (!conversation.has_files) return {};
  for (const Part& part : conversation.parts) {
    if (part.kind != PartKind::file) continue;
    return unsupported(conversation.place(part),
                       "this model reads files only by the Converse API: set bedrock_invocation to "
                       "'converse' for its deployment");
  }
  return {};
}

Outcome check_top_k(const ChatRequest& request, const Checked& checked) {
  if (!checked.top_k || checked.top_k->integer().value_or(0) <= kTopKMax) return {};
  return invalid_value(request.param(Param::top_k),
                       "must be at most " + std::to_string(kTopKMax) + " for this model");
}

Outcome NovaRequest::append_chat(const ChatRequest& request,
                                 const catalog::Model& model,
                                 std::string& out) {
  if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
  if (auto ok = check_files(request.conversation); !ok) return ok;
  if (auto ok = check_top_k(request, checked_); !ok) return ok;
  const auto effort = nova_effort(request, checked_);
  if (!effort) return std::unexpected(effort.error());

  out += R"({"schemaVersion":"messages-v1",)";
  if (auto ok = append_converse_messages(request.conversation, {}, scratch_, out); !ok) return ok;
  append_converse_system(request.conversation, out);
  append_inference_config(checked_, true, out);
  if (checked_.tools) {
    if (auto ok = append_tool_config(request, out); !ok) return ok;
  }
  if (!effort->empty()) {
    out.append(R"(,"reasoningConfig":{"type":"enabled","maxReasoningEffort":")").append(*effort);
    out += "\"}";
  }
  out += '}';
  return {};
}

}  // namespace

std::unique_ptr<RequestFamily> make_nova_request() { return std::make_unique<NovaRequest>(); }

}  // namespace quarry::translate
