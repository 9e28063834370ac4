// The small shapes that take one text and give one: Amazon Titan Text and DeepSeek R1.

#include "sandbox/draft.h"
#include "sandbox/families.h"
#include "sandbox/malformed_input.h"
#include "sandbox/model.h"

#include <boost/json.hpp>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kTitanTokensDefault = 512;
constexpr std::uint64_t kDeepSeekTokensDefault = 8192;
constexpr std::string_view kSentence = "<｜begin▁of▁sentence｜>";
constexpr std::string_view kUser = "<｜User｜>";
constexpr std::string_view kAssistant = "<｜Assistant｜>";

const json::object& titan_config(const json::object& request) {
  static const json::object kNone;
  const json::value* config = request.if_contains("textGenerationConfig");
  return config != nullptr ? config->get_object() : kNone;
}

void check_titan(const json::object& request, std::string_view model_id, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  check.has_all({"inputText"});
  check.has_only({"inputText", "textGenerationConfig"});
  const auto text = check.text("inputText");
  if (text && text->empty()) check.fault("inputText", length_fault("", 1, SIZE_MAX));
  const json::object* config = check.object("textGenerationConfig");
  if (config == nullptr) return;
  ObjectCheck inner(*config, "#/textGenerationConfig", faults);
  inner.has_only({"maxTokenCount", "temperature", "topP", "stopSequences"});
  inner.integer("maxTokenCount", 0, traits_of(model_id, Family::titan_text).output_tokens_max);
  inner.number("temperature", 0, 1);
  inner.number("topP", 0, 1);
  inner.texts("stopSequences", 0, 10);
}

void check_deepseek(const json::object& request, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  check.has_all({"prompt"});
  check.has_only({"prompt", "temperature", "top_p", "max_tokens", "stop"});
  const auto prompt = check.text("prompt");
  if (prompt && prompt->empty()) check.fault("prompt", length_fault("", 1, SIZE_MAX));
  check.integer("max_tokens", 1, 32768);
  check.number("temperature", 0, 1);
  check.number("top_p", 0, 1);
  check.texts("stop", 0, 10);
}

// "<｜begin▁of▁sentence｜>system<｜User｜>text<｜Assistant｜>text…": whatever stands before the
// first marker is the system's. A prompt without markers is the user's.
Prompt deepseek_prompt(std::string_view text) {
  Prompt prompt;
  if (text.starts_with(kSentence)) text.remove_prefix(kSentence.size());
  std::size_t at = std::min(text.find(kUser), text.find(kAssistant));
  if (at == std::string_view::npos) {
    prompt.add_user(text);
    return prompt;
  }
  if (at > 0) prompt.add_system(text.substr(0, at));
  while (at != std::string_view::npos) {
    const bool user = text.substr(at).starts_with(kUser);
    const std::size_t begin = at + (user ? kUser.size() : kAssistant.size());
    at = std::min(text.find(kUser, begin), text.find(kAssistant, begin));
    const std::string_view turn =
        text.substr(begin, at == std::string_view::npos ? at : at - begin);
    if (user) {
      prompt.add_user(turn);
    } else if (at != std::string_view::npos) {
      prompt.add_assistant(turn);
    }
  }
  return prompt;
}

bool opens_thought(std::string_view prompt) {
  while (prompt.ends_with('\n') || prompt.ends_with(' ')) prompt.remove_suffix(1);
  return prompt.ends_with("<think>");
}

}  // namespace

ModelResult answer_titan_text(const json::object& request,
                              std::string_view model_id,
                              std::string_view seed) {
  InputFaults faults;
  check_titan(request, model_id, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  const json::object& config = titan_config(request);
  Prompt prompt;
  prompt.add_user(request.at("inputText").get_string());
  Wish wish;
  wish.tokens_max = number_in(config, "maxTokenCount", kTitanTokensDefault);
  wish.stops = strings_in(config, "stopSequences");
  wish.shows_thought = false;
  TextSource source({model_id, seed, prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  const std::string reason =
      stop_reason(*draft, {"FINISH", "STOP_CRITERIA_MET", "LENGTH", "FINISH"});
  return answer_of(*draft,
                   json::serialize(json::object{
                       {"inputTextTokenCount", draft->input_tokens},
                       {"results", json::array{json::object{{"tokenCount", draft->output_tokens},
                                                            {"outputText", draft->text},
                                                            {"completionReason", reason}}}}}));
}

ModelResult answer_deepseek_r1(const json::object& request,
                               std::string_view model_id,
                               std::string_view seed) {
  InputFaults faults;
  check_deepseek(request, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  const std::string_view text(request.at("prompt").get_string());
  const Prompt prompt = deepseek_prompt(text);
  Wish wish;
  wish.tokens_max = number_in(request, "max_tokens", kDeepSeekTokensDefault);
  wish.stops = strings_in(request, "stop");
  // What is echoed comes back alone, unless reasoning is scripted too.
  wish.thinks = opens_thought(text) && !prompt.hooks().echo;
  TextSource source({model_id, seed, prompt.system(), prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  if (!draft->thought.empty()) {
    // The prompt's template ends in the opening tag; a plain prompt's answer has it itself.
    draft->text =
        (opens_thought(text) ? "" : "<think>\n") + draft->thought + "\n</think>\n\n" + draft->text;
  }
  const std::string reason = stop_reason(*draft, {"stop", "stop", "length", "stop"});
  return answer_of(
      *draft,
      json::serialize(json::object{
          {"choices", json::array{json::object{{"text", draft->text}, {"stop_reason", reason}}}}}));
}

}  // namespace quarry::sandbox
