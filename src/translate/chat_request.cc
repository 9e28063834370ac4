#include "translate/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::translate {

namespace {

bool is_text(json::Value value, std::string_view wanted) {
  return value.is(json::Kind::string) && value.text() == wanted;
}

bool has_type(json::Value value, std::string_view wanted) {
  if (!value.is(json::Kind::object)) return false;
  const auto type = value.find_non_null("type");
  return type && is_text(*type, wanted);
}

// Whether the value is the one that changes nothing.
bool neutral(Param param, json::Value value) {
  switch (param) {
    case Param::temperature:
    case Param::top_p:
    case Param::repetition_penalty:
      return value.number() == 1.0;
    case Param::frequency_penalty:
    case Param::presence_penalty:
    case Param::top_logprobs:
    case Param::min_p:
      return value.number() == 0.0;
    case Param::logit_bias:
    case Param::stop:
      return (value.is(json::Kind::object) || value.is(json::Kind::array)) ? value.empty()
                                                                           : is_text(value, "");
    case Param::logprobs:
      return value.is(json::Kind::boolean) && !value.boolean();
    case Param::reasoning_effort:
      return is_text(value, "none");
    case Param::verbosity:
      return is_text(value, "medium");
    case Param::thinking:
      return has_type(value, "disabled");
    default:
      return false;
  }
}

// More than any model takes.
constexpr std::size_t kStopsMax = 8192;

// Between the reading of a request and a family's writing of it.
class Checker {
 public:
  Checker(const ChatRequest& request,
          const FamilyRules& rules,
          const catalog::Model& model,
          Checked& checked)
      : request_(request), rules_(rules), model_(model), out_(checked) {}

  Outcome check();

 private:
  Outcome max_tokens();
  Outcome sampling();
  Outcome both_samplings();
  std::expected<std::optional<Number>, openai::LineError> number(Param param,
                                                                 Range openai,
                                                                 Range family) const;
  Outcome top_k();
  Outcome stop();
  Outcome reasoning_effort() const;
  Outcome others();
  Outcome kind(Param param) const;
  Outcome tools();
  Outcome format();
  Outcome parts() const;

  bool model_takes(Param param) const;
  // Refuses a value that is not to be written, or lets it be dropped.
  Outcome leave_out(Param param) const;

  const ChatRequest& request_;
  const FamilyRules& rules_;
  const catalog::Model& model_;
  Checked& out_;
};

bool Checker::model_takes(Param param) const {
  if (!rules_.takes.has(param)) return false;
  if ((param == Param::reasoning_effort || param == Param::thinking) &&
      (model_.reasoning == catalog::Reasoning::none ||
       model_.reasoning == catalog::Reasoning::always)) {
    return false;
  }
  return !model_.refuses_parameter(name_of(param));
}

Outcome Checker::leave_out(Param param) const {
  if (request_.drop_params || neutral(param, *request_.value(param))) return {};
  return unsupported(
      request_.param(param),
      model_.id + " does not take it; leave it out, or set litellm_settings.drop_params to true");
}

Outcome Checker::max_tokens() {
  const auto& value = request_.value(Param::max_tokens);
  if (!value) return {};
  const auto param = [&] { return request_.param(Param::max_tokens); };
  const auto number = value->integer();
  if (!number) {
    if (!value->is(json::Kind::number)) return wrong_type(param(), "an integer", value->kind());
    return invalid_value(param(), "must be an integer");
  }
  if (*number < 1) return invalid_value(param(), "must be at least 1");
  std::int64_t ceiling = model_.output_tokens_max;
  if (!rules_.converse && model_.native_output_tokens_max != 0) {
    ceiling = ceiling == 0 ? model_.native_output_tokens_max
                           : std::min(ceiling, model_.native_output_tokens_max);
  }
  if (ceiling != 0 && *number > ceiling) {
    return invalid_value(param(),
                         fmt::format("{} is over {}'s ceiling of {}", *number, model_.id, ceiling));
  }
  if (model_.context_tokens_max != 0 && *number > model_.context_tokens_max) {
    return invalid_value(param(), fmt::format("{} is more than the {} tokens that {} has for "
                                              "request and answer together",
                                              *number, model_.context_tokens_max, model_.id));
  }
  out_.max_tokens = number;
  return {};
}

std::expected<std::optional<Number>, openai::LineError> Checker::number(Param param,
                                                                        Range openai,
                                                                        Range family) const {
  const auto& value = request_.value(param);
  if (!value) return std::nullopt;
  if (!value->is(json::Kind::number))
    return wrong_type(request_.param(param), "a number", value->kind());
  const auto number = value->number();
  if (!number || *number < openai.min || *number > openai.max) {
    return invalid_value(request_.param(param),
                         "must be between " + std::to_string(static_cast<int>(openai.min)) +
                             " and " + std::to_string(static_cast<int>(openai.max)));
  }
  if (!model_takes(param)) {
    if (auto ok = leave_out(param); !ok) return std::unexpected(ok.error());
    return std::nullopt;
  }
  if (*number > family.max || *number < family.min) {
    if (request_.drop_params || neutral(param, *value)) return std::nullopt;
    return unsupported(request_.param(param),
                       *number > family.max
                           ? fmt::format("{} is over the {} that {} takes at most", value->raw(),
                                         family.max, model_.id)
                           : fmt::format("{} is under the {} that {} takes at least", value->raw(),
                                         family.min, model_.id));
  }
  return Number{*value, *number};
}

// 1 is the default of both temperature and top_p, so leaving that out changes nothing.
Outcome Checker::both_samplings() {
  if (!model_.temperature_or_top_p || !out_.temperature || !out_.top_p) return {};
  if (out_.top_p->number == 1) {
    out_.top_p.reset();
  } else if (out_.temperature->number == 1) {
    out_.temperature.reset();
  } else if (request_.drop_params) {
    out_.top_p.reset();
  } else {
    return unsupported(request_.param(Param::top_p),
                       model_.id + " takes temperature or top_p, but not both");
  }
  return {};
}

Outcome Checker::sampling() {
  const auto temperature = number(Param::temperature, {0, 2}, rules_.temperature);
  if (!temperature) return std::unexpected(temperature.error());
  out_.temperature = *temperature;
  const auto top_p = number(Param::top_p, {0, 1}, rules_.top_p);
  if (!top_p) return std::unexpected(top_p.error());
  out_.top_p = *top_p;
  return both_samplings();
}

Outcome Checker::top_k() {
  const auto& value = request_.value(Param::top_k);
  if (!value) return {};
  if (value->integer().value_or(-1) < 0) {
    return invalid_value(request_.param(Param::top_k), "must be an integer that is not negative");
  }
  if (!model_takes(Param::top_k)) return leave_out(Param::top_k);
  out_.top_k = *value;
  return {};
}

Outcome Checker::stop() {
  const auto& value = request_.value(Param::stop);
  if (!value) return {};
  const std::string param = request_.param(Param::stop);
  if (value->is(json::Kind::string)) {
    if (!value->raw_text().empty()) out_.stop.push_back(*value);
  } else if (value->is(json::Kind::array)) {
    std::size_t index = 0;
    for (const json::Value element : value->elements()) {
      if (!element.is(json::Kind::string)) {
        return wrong_type(param + "[" + std::to_string(index) + "]", "a string", element.kind());
      }
      if (++index > kStopsMax) {
        return invalid_value(param, "holds more than " + std::to_string(kStopsMax));
      }
      if (!element.raw_text().empty()) out_.stop.push_back(element);
    }
  } else {
    return wrong_type(param, "a string or an array", value->kind());
  }
  if (out_.stop.empty()) return {};
  if (!model_takes(Param::stop)) {
    out_.stop.clear();
    return leave_out(Param::stop);
  }
  if (out_.stop.size() <= rules_.stop_max) return {};
  if (!request_.drop_params) {
    return invalid_value(
        param, model_.id + " takes at most " + std::to_string(rules_.stop_max) + " stop sequences");
  }
  out_.stop.resize(rules_.stop_max);
  return {};
}

Outcome Checker::reasoning_effort() const {
  const auto& value = request_.value(Param::reasoning_effort);
  if (!value) return {};
  for (const std::string_view word : {"none", "minimal", "low", "medium", "high", "xhigh"}) {
    if (is_text(*value, word)) return {};
  }
  return invalid_value(request_.param(Param::reasoning_effort),
                       "supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh'");
}

// Of what goes to the model as it is (OpenAI API reference, "Create chat completion").
Outcome Checker::kind(Param param) const {
  const json::Value value = *request_.value(param);
  const auto in = [&](double min, double max) -> Outcome {
    if (!value.is(json::Kind::number)) {
      return wrong_type(request_.param(param), "a number", value.kind());
    }
    const auto number = value.number();
    if (number && *number >= min && *number <= max) return {};
    return invalid_value(request_.param(param), fmt::format("must be between {} and {}", min, max));
  };
  switch (param) {
    case Param::frequency_penalty:
    case Param::presence_penalty:
      return in(-2, 2);
    case Param::min_p:
      return in(0, 1);
    case Param::repetition_penalty:
      return in(0, 2);
    case Param::seed:
      if (value.integer()) return {};
      return invalid_value(request_.param(param), "must be an integer");
    case Param::logit_bias:
    case Param::chat_template_kwargs:
      if (value.is(json::Kind::object)) return {};
      return wrong_type(request_.param(param), "an object", value.kind());
    default:
      return {};
  }
}

Outcome Checker::others() {
  for (std::size_t i = 0; i < kParams; ++i) {
    const auto param = static_cast<Param>(i);
    const bool special = param == Param::max_tokens || param == Param::temperature ||
                         param == Param::top_p || param == Param::top_k || param == Param::stop;
    if (special || !request_.values[i]) continue;
    if (model_takes(param)) {
      if (auto ok = kind(param); !ok) return ok;
      out_.raw[i] = request_.values[i];
    } else if (auto ok = leave_out(param); !ok) {
      return ok;
    }
  }
  return {};
}

Outcome Checker::tools() {
  if (request_.tools.empty()) return {};
  if (model_.tools) {
    out_.tools = true;
    return {};
  }
  if (request_.conversation.uses_tools) {
    return unsupported("body.tools", model_.id + " has no tools, and the conversation uses them");
  }
  if (request_.drop_params || request_.tool_choice == ToolChoice::none) return {};
  return unsupported("body.tools", model_.id + " has no tools");
}

Outcome Checker::format() {
  const bool taken = request_.format == Format::text ||
                     (request_.format == Format::json_object && rules_.json_object) ||
                     (request_.format == Format::json_schema && model_.json_schema);
  if (taken) {
    out_.format = request_.format;
    return {};
  }
  if (request_.drop_params) return {};
  const bool schema = request_.format == Format::json_schema;
  return unsupported(
      request_.conversation.body == BodyKind::responses ? "body.text.format"
                                                        : "body.response_format",
      model_.id + (schema ? " makes no output to a JSON schema"
                          : " has no JSON mode; ask for JSON in the prompt, or give a json_schema "
                            "where the model takes one"));
}

Outcome Checker::parts() const {
  const Conversation& conversation = request_.conversation;
  if (!conversation.has_images && !conversation.has_files) return {};
  for (const Part& part : conversation.parts) {
    if (part.kind == PartKind::image && !model_.inputs.image) {
      return unsupported(conversation.place(part), model_.id + " reads no images");
    }
    if (part.kind == PartKind::file && !model_.inputs.document) {
      return unsupported(conversation.place(part), model_.id + " reads no files");
    }
  }
  return {};
}

Outcome Checker::check() {
  if (auto ok = max_tokens(); !ok) return ok;
  if (auto ok = parts(); !ok) return ok;
  if (auto ok = sampling(); !ok) return ok;
  if (auto ok = top_k(); !ok) return ok;
  if (auto ok = stop(); !ok) return ok;
  if (auto ok = reasoning_effort(); !ok) return ok;
  if (auto ok = others(); !ok) return ok;
  if (auto ok = tools(); !ok) return ok;
  if (auto ok = format(); !ok) return ok;
  if (model_.no_prefill && request_.conversation.ends_with_assistant()) {
    return invalid_value(
        request_.conversation.body == BodyKind::responses ? "body.input" : "body.messages",
        "the last message must be of the user for " + model_.id);
  }
  return {};
}

}  // namespace

void ChatRequest::clear() {
  conversation.clear();
  values.fill(std::nullopt);
  tools.clear();
  tool_choice = ToolChoice::unsaid;
  parallel_tool_calls = true;
  format = Format::text;
  schema.reset();
  schema_name.reset();
  schema_strict = false;
  drop_params = false;
}

std::string ChatRequest::param(Param param) const {
  std::string name = "body.";
  name += names[static_cast<std::size_t>(param)];
  return name;
}

std::string ChatRequest::stop_place(json::Value stop) const {
  const auto& whole = value(Param::stop);
  std::string place = param(Param::stop);
  if (!whole->is(json::Kind::array)) return place;
  std::size_t index = 0;
  for (const json::Value element : whole->elements()) {
    if (element.raw().data() == stop.raw().data()) break;
    ++index;
  }
  return place + "[" + std::to_string(index) + "]";
}

void Checked::clear() {
  max_tokens.reset();
  temperature.reset();
  top_p.reset();
  top_k.reset();
  stop.clear();
  raw.fill(std::nullopt);
  tools = false;
  format = Format::text;
}

Outcome check_request(const ChatRequest& request,
                      const FamilyRules& rules,
                      const catalog::Model& model,
                      Checked& checked) {
  checked.clear();
  return Checker(request, rules, model, checked).check();
}

}  // namespace quarry::translate
