#include "subjects.h"

#include "bedrock/record.h"
#include "catalog/catalog.h"
#include "translate/translator.h"

#include <cstdint>

namespace quarry::bench {

namespace {

std::string& refusal() {
  static std::string text;
  return text;
}

bool refused(const openai::LineError& error) {
  refusal() = error.message;
  return false;
}

openai::Endpoint endpoint(const Subject& subject) {
  return subject.embeddings ? openai::Endpoint::embeddings : openai::Endpoint::chat_completions;
}

translate::Wire wire(const Subject& subject) {
  return subject.converse ? translate::Wire::converse : translate::Wire::native;
}

bool there(const Subject& subject, std::string& missing) {
  if (!translate::is_family(subject.family)) {
    missing = "this build has no translator of that name";
  } else if (catalog::Catalog::built_in().find(subject.model) == nullptr) {
    missing = "data/models.yaml has no " + std::string(subject.model);
  } else {
    return true;
  }
  return false;
}

translate::RequestOptions request_options(const Subject& subject) {
  return {.endpoint = endpoint(subject),
          .model = catalog::Catalog::built_in().find(subject.model),
          .wire = wire(subject)};
}

struct Requests {
  translate::RequestTranslator translator;
  translate::TranslatedLine line;
  openai::BatchLineReader reader;
  std::string records;
};

}  // namespace

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all{
      {.name = "Claude",
       .family = "anthropic",
       .model = "anthropic.claude-3-haiku-20240307-v1:0",
       .budgeted = true},
      {.name = "Nova", .family = "nova", .model = "amazon.nova-lite-v1:0"},
      {.name = "OpenAI-shaped", .family = "openai_shaped", .model = "qwen.qwen3-vl-235b-a22b"},
      {.name = "Converse",
       .family = "converse",
       .model = "anthropic.claude-3-haiku-20240307-v1:0",
       .converse = true},
      {.name = "Titan Embed",
       .family = "titan_embed",
       .model = "amazon.titan-embed-text-v2:0",
       .embeddings = true}};
  return all;
}

std::optional<Translate> request_translator(const Subject& subject, std::string& missing) {
  if (!there(subject, missing)) return std::nullopt;
  return [options = request_options(subject),
          state = std::make_shared<Requests>()](std::string_view body) {
    const auto done = state->translator.translate(body, options, state->line);
    return done || refused(done.error());
  };
}

std::optional<Translate> result_translator(const Subject& subject, std::string& missing) {
  if (!there(subject, missing)) return std::nullopt;
  struct Results {
    translate::ResultTranslator translator;
    std::string out;
  };
  const translate::ResultOptions options{.endpoint = endpoint(subject),
                                         .family = subject.family,
                                         .wire = wire(subject),
                                         .model_name = "bench",
                                         .created = 1'767'323'045,
                                         .completion_seed = "0123456789abcdef0123456789abcdef"};
  return [options, state = std::make_shared<Results>()](std::string_view answer) {
    state->out.clear();
    const auto usage = state->translator.translate(answer, options, state->out);
    return usage || refused(usage.error());
  };
}

std::optional<Translate> line_translator(const Subject& subject, std::string& missing) {
  if (!there(subject, missing)) return std::nullopt;
  return [options = request_options(subject),
          state = std::make_shared<Requests>()](std::string_view text) {
    const auto line = state->reader.read(text);
    if (!line) return refused(line.error());
    const auto done = state->translator.translate(line->body, options, state->line);
    if (!done) return refused(done.error());
    state->records.clear();
    const auto records = static_cast<std::uint32_t>(state->line.records());
    for (std::uint32_t i = 0; i < records; ++i) {
      const bedrock::RecordKey key{.line = 0,
                                   .part = records > 1 ? std::optional(i) : std::nullopt};
      bedrock::append_input_record(state->records, key, state->line.record(i));
    }
    return true;
  };
}

std::string_view last_refusal() { return refusal(); }

}  // namespace quarry::bench
