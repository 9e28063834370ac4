#include "translate/translator.h"

#include "translate/chat_body.h"
#include "translate/completions_body.h"
#include "translate/embeddings_body.h"
#include "translate/family.h"
#include "translate/responses_body.h"
#include "translate/result_bodies.h"

#include <utility>

namespace quarry::translate {

namespace {

constexpr std::string_view kConverse = "converse";
// Of the records of a line with several prompts, which share what stands beside them: four times
// the longest line.
constexpr std::size_t kPromptsBytesMax = std::size_t{64} << 20;
// Before an endpoint's note: Answer::tools_offered.
constexpr std::string_view kToolsNote = "tools;";

// The family's translators, made when the first line needs them.
template <class Family>
class Translators {
 public:
  using Make = std::unique_ptr<Family> (*)(std::string_view);

  Family* find(std::string_view name, Make make) {
    for (const auto& [known, translator] : made_) {
      if (known == name) return translator.get();
    }
    auto translator = make(name);
    if (!translator) return nullptr;
    return made_.emplace_back(std::string(name), std::move(translator)).second.get();
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Family>>> made_;
};

std::string_view family_of(Wire wire, std::string_view family) {
  return wire == Wire::converse ? kConverse : family;
}

openai::LineError endpoint_refused(openai::Endpoint endpoint, const catalog::Model& model) {
  std::string message(openai::path(endpoint));
  message.append(" is not supported for ").append(model.id).append("; it answers: ");
  for (std::size_t i = 0; i < model.endpoints.size(); ++i) {
    if (i != 0) message += ", ";
    message += openai::path(model.endpoints[i]);
  }
  message += '.';
  return {"invalid_request", std::move(message), "url"};
}

}  // namespace

Wire wire_of(const catalog::Model& model, openai::Endpoint endpoint, WirePreference preference) {
  if (endpoint == openai::Endpoint::embeddings) return Wire::native;
  if (model.family == kConverse || preference == WirePreference::converse) return Wire::converse;
  return Wire::native;
}

std::string_view TranslatedLine::record(std::size_t i) const {
  const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

void TranslatedLine::clear() {
  text_.clear();
  ends_.clear();
  note_.clear();
}

struct RequestTranslator::State {
  json::Document body;
  ChatRequest chat;
  EmbeddingsRequest embeddings;
  std::vector<json::Value> prompts;
  std::string note;
  Translators<RequestFamily> families;

  Outcome translate(std::string_view text, const RequestOptions& options, TranslatedLine& line);
  Outcome completions(json::Value root,
                      const RequestOptions& options,
                      RequestFamily& family,
                      TranslatedLine& line);
  Outcome chat_record(const RequestOptions& options, RequestFamily& family, TranslatedLine& line);
};

RequestTranslator::RequestTranslator() : state_(std::make_unique<State>()) {}
RequestTranslator::~RequestTranslator() = default;

Outcome RequestTranslator::State::chat_record(const RequestOptions& options,
                                              RequestFamily& family,
                                              TranslatedLine& line) {
  if (auto ok = family.append_chat(chat, *options.model, line.text()); !ok) return ok;
  line.end_record();
  const bool offered =
      !chat.tools.empty() && chat.tool_choice != ToolChoice::none && options.model->tools;
  if (offered && family.calls_in_text()) {
    const bool fits = kToolsNote.size() + line.note().size() <= TranslatedLine::kNoteBytesMax;
    note = kToolsNote;
    if (fits) note += line.note();  // else what a response repeats of its request is left out
    line.set_note(note);
  }
  return {};
}

Outcome RequestTranslator::State::completions(json::Value root,
                                              const RequestOptions& options,
                                              RequestFamily& family,
                                              TranslatedLine& line) {
  if (auto ok = read_completions_body(root, options.drop_params, chat, prompts); !ok) return ok;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (auto ok = use_prompt(prompts, i, chat); !ok) return ok;
    if (auto ok = chat_record(options, family, line); !ok) return ok;
    if (line.text().size() <= kPromptsBytesMax) continue;
    return invalid_value("body.prompt",
                         "comes to too many bytes for the model, because each prompt carries all "
                         "parameters; spread the prompts over several lines");
  }
  return {};
}

Outcome RequestTranslator::State::translate(std::string_view text,
                                            const RequestOptions& options,
                                            TranslatedLine& line) {
  if (options.model == nullptr) {
    return Refusal(
        openai::LineError{"invalid_request", "The model of this line is not known.", "body.model"});
  }
  const catalog::Model& model = *options.model;
  if (!model.answers(options.endpoint)) return Refusal(endpoint_refused(options.endpoint, model));
  RequestFamily* family = families.find(family_of(options.wire, model.family), make_request_family);
  if (family == nullptr) {
    return invalid_value("body.model", model.id + " is of the family '" + model.family +
                                           "', for which there is no translator");
  }
  const auto root = body.parse(text);
  if (!root) return unreadable(root.error(), "body");
  if (!root->is(json::Kind::object)) return wrong_type("body", "an object", root->kind());

  switch (options.endpoint) {
    case openai::Endpoint::chat_completions:
      if (auto ok = read_chat_body(*root, options.drop_params, chat); !ok) return ok;
      return chat_record(options, *family, line);
    case openai::Endpoint::completions:
      return completions(*root, options, *family, line);
    case openai::Endpoint::responses:
      note.clear();
      if (auto ok = read_responses_body(*root, options.drop_params, chat, note); !ok) return ok;
      line.set_note(note);
      return chat_record(options, *family, line);
    case openai::Endpoint::embeddings:
      if (auto ok = read_embeddings_body(*root, model, options.drop_params, embeddings); !ok)
        return ok;
      line.set_note(note_of(embeddings));
      return family->append_embeddings(embeddings, model, line);
  }
  std::unreachable();
}

std::expected<void, openai::LineError> RequestTranslator::translate(std::string_view body,
                                                                    const RequestOptions& options,
                                                                    TranslatedLine& line) {
  line.clear();
  auto done = state_->translate(body, options, line);
  if (!done) line.clear();
  return done;
}

struct ResultTranslator::State {
  Answer answer;
  json::Document note;  // what parses it
  EmbeddingsAnswer embeddings;
  ResultOptions options;
  ResultFamily* family = nullptr;
  std::size_t next_index = 0;  // of the line's choices or embeddings
  LineUsage usage_read;
  bool unmetered = false;  // a record said nothing of its usage
  Translators<ResultFamily> families;

  void begin(const ResultOptions& wanted, std::string& out);
  Outcome add(std::string_view model_output, std::string& out);
  void finish(std::string& out) const;
  // What the line's body says of its usage.
  LineUsage usage() const { return unmetered ? options.metered : usage_read; }
  void count(const std::optional<openai::Usage>& usage);
};

ResultTranslator::ResultTranslator() : state_(std::make_unique<State>()) {}
ResultTranslator::~ResultTranslator() = default;

void ResultTranslator::State::begin(const ResultOptions& wanted, std::string& out) {
  options = wanted;
  answer.tools_offered = options.note.starts_with(kToolsNote);
  if (answer.tools_offered) options.note.remove_prefix(kToolsNote.size());
  family = families.find(family_of(wanted.wire, wanted.family), make_result_family);
  next_index = 0;
  usage_read.reset();
  unmetered = false;
  if (wanted.endpoint == openai::Endpoint::completions) begin_text_completion(options, out);
  if (wanted.endpoint == openai::Endpoint::embeddings) begin_embeddings(options, out);
}

void ResultTranslator::State::count(const std::optional<openai::Usage>& usage) {
  if (!usage) {
    unmetered = true;
    return;
  }
  if (!usage_read) usage_read.emplace();
  *usage_read += *usage;
}

Outcome ResultTranslator::State::add(std::string_view model_output, std::string& out) {
  if (family == nullptr) return malformed("its family is not known");
  if (options.endpoint == openai::Endpoint::embeddings) {
    embeddings.clear();
    const auto read = family->read_embeddings(model_output, embeddings);
    count(embeddings.usage);
    if (!read) return read;
    const std::size_t first = next_index;
    next_index += embeddings.vectors.size();
    return append_vectors(embeddings, options, first, out);
  }
  answer.clear();
  const auto read = family->read_chat(model_output, answer);
  count(answer.usage);
  if (!read) return read;
  if (options.endpoint == openai::Endpoint::completions) {
    append_choice(answer, next_index, out);
  } else if (next_index != 0) {
    return malformed("there are two for one line");
  } else {
    answer.usage = usage();
    options.endpoint == openai::Endpoint::responses
        ? append_response(answer, options, note, out)
        : append_chat_completion(answer, options, out);
  }
  ++next_index;
  return {};
}

void ResultTranslator::State::finish(std::string& out) const {
  if (options.endpoint == openai::Endpoint::completions) end_text_completion(usage(), out);
  if (options.endpoint == openai::Endpoint::embeddings) end_embeddings(options, usage(), out);
}

void ResultTranslator::begin(const ResultOptions& options, std::string& out) {
  state_->begin(options, out);
}

std::expected<void, openai::LineError> ResultTranslator::add(std::string_view model_output,
                                                             std::string& out) {
  return state_->add(model_output, out);
}

std::expected<LineUsage, openai::LineError> ResultTranslator::finish(std::string& out) {
  state_->finish(out);
  return state_->usage();
}

std::expected<LineUsage, openai::LineError> ResultTranslator::translate(
    std::string_view model_output, const ResultOptions& options, std::string& out) {
  const std::size_t before = out.size();
  begin(options, out);
  if (auto added = add(model_output, out); !added) {
    out.resize(before);
    return std::unexpected(std::move(added.error()));
  }
  return finish(out);
}

const LineUsage& ResultTranslator::usage_read() const { return state_->usage_read; }

}  // namespace quarry::translate
