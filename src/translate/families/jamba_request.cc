// AI21's Jamba (Bedrock user guide, "AI21 Labs Jamba models"). It refuses members that it does not
// know; `n` is always left out, since one answer is the default. Tools and JSON mode came with 1.5.

#include "translate/families/chat_shape.h"
#include "translate/families/tool_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

constexpr FamilyRules rules(bool json_object) {
  return {.takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop,
                    Param::frequency_penalty, Param::presence_penalty},
          .temperature = {0, 2},
          .top_p = {0, 1},
          .json_object = json_object};
}

// There is no member for the choice, nor for one call at a time.
Outcome append_tools(const ChatRequest& request, std::string& out) {
  if (request.conversation.uses_tools) {
    if (auto ok = check_may_call(request); !ok) return ok;
  } else if (request.tool_choice == ToolChoice::none) {
    return {};
  }
  const bool forced =
      request.tool_choice == ToolChoice::required || request.tool_choice == ToolChoice::named;
  if (forced && !request.drop_params) {
    return unsupported("body.tool_choice",
                       "this model cannot be made to call a tool; it takes "
                       "'auto' and 'none'");
  }
  if (auto ok = check_may_call_several(request); !ok) return ok;
  append_chat_tools(request, std::nullopt, false, out);
  return {};
}

class JambaRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, rules(model.tools), model, checked_); !ok) return ok;
    out += '{';
    const ChatTurns turns{.system_apart = model.system};
    if (auto ok = append_chat_messages(request.conversation, turns, scratch_, out); !ok) return ok;
    append_sampling(checked_, "max_tokens", out);
    append_stop(checked_, out);
    append_param(checked_, Param::frequency_penalty, out);
    append_param(checked_, Param::presence_penalty, out);
    if (checked_.tools) {
      if (auto ok = append_tools(request, out); !ok) return ok;
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

std::unique_ptr<RequestFamily> make_jamba_request() { return std::make_unique<JambaRequest>(); }

}  // namespace quarry::translate
