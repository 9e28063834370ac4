#pragma once
// OpenAI bodies to a model family's `modelInput`, and `modelOutput` back to OpenAI bodies.
// Pure: no I/O, no clock, no globals. One call per line; the classes own parsers and scratch
// buffers, so use one per thread and reuse it.

#include "catalog/catalog.h"
#include "openai/batch_line.h"
#include "openai/usage.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

// The wire format of a job's records. `native`: the model family's own body, for InvokeModel.
enum class Wire { native, converse };

// What a deployment's `bedrock_invocation` asks for.
enum class WirePreference { automatic, native, converse };

// How lines of `endpoint` travel to `model`: native where there is a native body and nothing else
// is asked for. Embeddings are always native.
Wire wire_of(const catalog::Model& model, openai::Endpoint endpoint, WirePreference preference);

// The families that have translators, sorted; "converse" is one of them.
std::span<const std::string_view> families();
bool is_family(std::string_view name);

struct RequestOptions {
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  const catalog::Model* model =
      nullptr;  // of the deployment that will run the line, never guessed from a name
  Wire wire = Wire::native;
  bool drop_params = false;  // what the model does not take is dropped instead of refused
};

// One line as the records it becomes: one, but for a list of inputs or prompts to a model that
// takes one at a time. Reused from line to line.
class TranslatedLine {
 public:
  std::size_t records() const { return ends_.size(); }
  // The native body, one line of compact JSON without '\n'.
  std::string_view record(std::size_t i) const;
  // What ResultOptions::note must be for this line's result: ASCII without spaces and line ends, at
  // most kNoteBytesMax; "" for most lines.
  std::string_view note() const { return note_; }
  static constexpr std::size_t kNoteBytesMax = 512;

  void clear();
  // For translators: append a record's body to text(), then end_record().
  std::string& text() { return text_; }
  void end_record() { ends_.push_back(text_.size()); }
  void set_note(std::string_view note) { note_ = note; }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
  std::string note_;
};

class RequestTranslator {
 public:
  RequestTranslator();
  ~RequestTranslator();
  // Replaces `line`; on an error it is empty. body: the raw JSON object of the line. Errors: what
  // the model would reject, with `param` as "body.max_tokens"; code "invalid_request",
  // "unsupported_parameter", "missing_required_parameter", "invalid_value",
  // "streaming_unsupported".
  std::expected<void, openai::LineError> translate(std::string_view body,
                                                   const RequestOptions& options,
                                                   TranslatedLine& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ResultOptions {
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  std::string_view family;  // of the model that answered
  Wire wire = Wire::native;
  std::string_view model_name;       // the public name the client used
  std::int64_t created = 0;          // Unix seconds
  std::string_view completion_seed;  // 32 hex digits; the id becomes chatcmpl-<seed>
  std::string_view note;             // TranslatedLine::note() of the line
  // Of all the line's records, by the headers of their direct calls: used where the answers
  // themselves say nothing of usage.
  std::optional<openai::Usage> metered;
};

// nullopt where the answer says nothing of usage: then it is for the job's manifest, or for the
// headers of the direct call, to say it. The line's body then carries "usage_absent":true.
using LineUsage = std::optional<openai::Usage>;

class ResultTranslator {
 public:
  ResultTranslator();
  ~ResultTranslator();

  // A line that is one record: appends the OpenAI body (a chat.completion, text_completion,
  // response, or list of embeddings) to `out` and returns its usage; on an error `out` is as
  // before. Errors: a modelOutput that is not the family's shape; code "upstream_malformed".
  std::expected<LineUsage, openai::LineError> translate(std::string_view model_output,
                                                        const ResultOptions& options,
                                                        std::string& out);

  // A line that is several records: begin(), add() each in the order of TranslatedLine::record(),
  // finish(). All append to `out`, which the caller may empty in between, and cuts back after an
  // error. The views in `options` must be valid until finish().
  void begin(const ResultOptions& options, std::string& out);
  std::expected<void, openai::LineError> add(std::string_view model_output, std::string& out);
  std::expected<LineUsage, openai::LineError> finish(std::string& out);

  // What was read of the usage since translate() or begin(): set even where the rest could not be
  // translated, because it is billed.
  const LineUsage& usage_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::translate
