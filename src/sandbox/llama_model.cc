// Meta's Llama at InvokeModel: a prompt in, a generation out.

#include "sandbox/draft.h"
#include "sandbox/families.h"
#include "sandbox/malformed_input.h"
#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kTokensDefault = 512;
constexpr std::size_t kDeclarationsMax = 4096;  // JSON values looked at in a prompt

// The tokens that a generation of Llama was trained with.
struct Tokens {
  std::string_view header_begin, header_end, turn_end;
};
constexpr Tokens kLlama3{"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
constexpr Tokens kLlama4{"<|header_start|>", "<|header_end|>", "<|eot|>"};

bool is_llama4(std::string_view model_id) {
  return model_id.find("llama4") != std::string_view::npos;
}

// A prompt without turns is text to go on with; one with another generation's is a template gone
// wrong, which the model would answer with nonsense.
void check_template(std::string_view prompt, std::string_view model_id, ObjectCheck& check) {
  const auto has = [&](std::string_view token) {
    return prompt.find(token) != std::string_view::npos;
  };
  bool has_turns = false;
  for (const Tokens& tokens : {kLlama3, kLlama4})
    has_turns |= has(tokens.header_begin) || has(tokens.header_end) || has(tokens.turn_end);
  if (!has_turns || model_id.find("llama2") != std::string_view::npos) return;
  const Tokens& tokens = is_llama4(model_id) ? kLlama4 : kLlama3;
  if (!has(tokens.header_begin) || !has(tokens.header_end)) {
    check.fault("prompt", fmt::format("the template has no {}role{}", tokens.header_begin,
                                      tokens.header_end));
  }
}

struct Turn {
  std::string_view role;
  std::string_view text;
};

std::vector<Turn> turns_of(std::string_view prompt, const Tokens& tokens) {
  std::vector<Turn> turns;
  for (std::size_t at = prompt.find(tokens.header_begin); at != std::string_view::npos;) {
    at += tokens.header_begin.size();
    const std::size_t role_end = prompt.find(tokens.header_end, at);
    if (role_end == std::string_view::npos) break;
    const std::size_t begin = role_end + tokens.header_end.size();
    const std::size_t next = prompt.find(tokens.header_begin, begin);
    std::string_view text =
        prompt.substr(begin, next == std::string_view::npos ? next : next - begin);
    for (const std::string_view end :
         {tokens.turn_end, std::string_view("<|eom_id|>"), std::string_view("<|eom|>")})
      text = text.substr(0, text.find(end));
    while (text.starts_with('\n')) text.remove_prefix(1);
    turns.push_back({.role = prompt.substr(at, role_end - at), .text = text});
    at = next;
  }
  return turns;
}

Prompt read_prompt(std::string_view text, std::string_view model_id) {
  Prompt prompt;
  const auto turns = turns_of(text, is_llama4(model_id) ? kLlama4 : kLlama3);
  if (turns.empty()) prompt.add_user(text);
  for (const Turn& turn : turns) {
    if (turn.role == "system") {
      prompt.add_system(turn.text);
    } else if (turn.role == "user") {
      prompt.add_user(turn.text);
    } else if (turn.role == "ipython" || turn.role == "tool") {
      prompt.add_tool_result(turn.text);
    } else if (!turn.text.empty()) {
      prompt.add_assistant(turn.text);
    }
  }
  return prompt;
}

// Past the bracket that closes the one at `begin`; npos when none does.
std::size_t closing(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

// Functions as prompts declare them: objects with a name and parameters, however deep in a list.
void collect_functions(const json::value& value, std::vector<DeclaredTool>& tools, int depth = 0) {
  if (depth > 4) return;
  if (value.is_array()) {
    for (const json::value& item : value.get_array()) collect_functions(item, tools, depth + 1);
    return;
  }
  if (!value.is_object()) return;
  const json::object& object = value.get_object();
  const json::value* name = object.if_contains("name");
  const json::value* schema = object.if_contains("parameters");
  if (name != nullptr && name->is_string() && schema != nullptr && schema->is_object()) {
    tools.push_back({.name = std::string(std::string_view(name->get_string())), .schema = schema});
    return;
  }
  if (const json::value* function = object.if_contains("function"))
    collect_functions(*function, tools, depth + 1);
}

// Every JSON value of the prompt that might declare functions.
std::vector<json::value> declarations(std::string_view prompt) {
  std::vector<json::value> values;
  std::size_t looked_at = 0;
  for (std::size_t at = prompt.find_first_of("{["); at != std::string_view::npos;
       at = prompt.find_first_of("{[", at)) {
    if (++looked_at > kDeclarationsMax) break;
    const std::size_t end = closing(prompt, at);
    boost::system::error_code error;
    json::value value;
    if (end != std::string_view::npos) value = json::parse(prompt.substr(at, end - at), error);
    if (end == std::string_view::npos || error) {
      ++at;
      continue;
    }
    values.push_back(std::move(value));
    at = end;
  }
  return values;
}

void check_request(const json::object& request, std::string_view model_id, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  const ModelTraits traits = traits_of(model_id, Family::llama);
  check.has_all({"prompt"});
  if (traits.takes_images) {
    check.has_only({"prompt", "max_gen_len", "temperature", "top_p", "images"});
    check.texts("images", 0, 20);
  } else {
    check.has_only({"prompt", "max_gen_len", "temperature", "top_p"});
  }
  const auto prompt = check.text("prompt");
  if (prompt && prompt->empty()) check.fault("prompt", length_fault("", 1, SIZE_MAX));
  check.integer("max_gen_len", 1, traits.output_tokens_max);
  check.number("temperature", 0, 1);
  check.number("top_p", 0, 1);
  if (prompt && faults.none()) check_template(*prompt, model_id, check);
}

}  // namespace

ModelResult answer_llama(const json::object& request,
                         std::string_view model_id,
                         std::string_view seed) {
  InputFaults faults;
  check_request(request, model_id, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  const std::string_view text(request.at("prompt").get_string());
  const Prompt prompt = read_prompt(text, model_id);
  Wish wish;
  wish.tokens_max = number_in(request, "max_gen_len", kTokensDefault);
  wish.shows_thought = false;
  std::vector<json::value> declared;
  if (prompt.hooks().tool && traits_of(model_id, Family::llama).takes_tools) {
    declared = declarations(text);
    for (const json::value& value : declared) collect_functions(value, wish.tools);
  }
  TextSource source({model_id, seed, prompt.system(), prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  if (draft->tool) {
    draft->text = json::serialize(
        json::object{{"name", *draft->tool}, {"parameters", std::move(draft->arguments)}});
  }
  return answer_of(*draft,
                   json::serialize(json::object{
                       {"generation", draft->text},
                       {"prompt_token_count", draft->input_tokens},
                       {"generation_token_count", draft->output_tokens},
                       {"stop_reason", stop_reason(*draft, {"stop", "stop", "length", "stop"})}}));
}

}  // namespace quarry::sandbox
