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
#include <string>
#include <string_view>

namespace quarry::translate {

struct RequestOptions {
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  const catalog::Model* model =
      nullptr;               // of the deployment that will run the line, never guessed from a name
  bool drop_params = false;  // what the model does not take is dropped instead of refused
};

class RequestTranslator {
 public:
  RequestTranslator();
  ~RequestTranslator();
  // Appends the model's native body, one line of compact JSON without '\n', to `out`; on an error
  // `out` is as before. body: the raw JSON object of the line. Errors: what the model would reject,
  // with `param` as "body.max_tokens"; code "invalid_request", "unsupported_parameter",
  // "missing_required_parameter", "invalid_value".
  std::expected<void, openai::LineError> translate(std::string_view body,
                                                   const RequestOptions& options,
                                                   std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ResultOptions {
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  catalog::Family family = catalog::Family::anthropic;
  std::string_view model_name;       // the public name the client used
  std::int64_t created = 0;          // Unix seconds
  std::string_view completion_seed;  // 32 hex digits; the id becomes chatcmpl-<seed>
};

class ResultTranslator {
 public:
  ResultTranslator();
  ~ResultTranslator();
  // Appends the OpenAI body (a chat.completion) to `out` and returns its usage; on an error `out`
  // is as before. Errors: a modelOutput that is not the family's shape; code "upstream_malformed".
  std::expected<openai::Usage, openai::LineError> translate(std::string_view model_output,
                                                            const ResultOptions& options,
                                                            std::string& out);

  // What the last translate() read of the usage: set even where the rest could not be translated,
  // because it is billed.
  const std::optional<openai::Usage>& usage_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::translate
