#include "translate/translator.h"

#include "translate/anthropic_request.h"
#include "translate/anthropic_result.h"
#include "translate/refusal.h"

#include <utility>

namespace quarry::translate {

namespace {

openai::LineError no_translator(openai::Endpoint endpoint, std::string_view model) {
  std::string message(openai::path(endpoint));
  message.append(" is not supported for ").append(model);
  message.append("; supported endpoints are: ")
      .append(openai::path(openai::Endpoint::chat_completions))
      .append(".");
  return {"invalid_request", std::move(message), "url"};
}

}  // namespace

struct RequestTranslator::State {
  AnthropicRequest anthropic;
};

RequestTranslator::RequestTranslator() : state_(std::make_unique<State>()) {}
RequestTranslator::~RequestTranslator() = default;

std::expected<void, openai::LineError> RequestTranslator::translate(std::string_view body,
                                                                    const RequestOptions& options,
                                                                    std::string& out) {
  if (options.model == nullptr) {
    return Refusal(
        openai::LineError{"invalid_request", "The model of this line is not known.", "body.model"});
  }
  if (options.endpoint != openai::Endpoint::chat_completions) {
    return Refusal(no_translator(options.endpoint, options.model->id));
  }
  const std::size_t before = out.size();
  auto done = state_->anthropic.append(body, *options.model, options.drop_params, out);
  if (!done) out.resize(before);
  return done;
}

struct ResultTranslator::State {
  AnthropicResult anthropic;
  std::optional<openai::Usage> usage_read;
};

ResultTranslator::ResultTranslator() : state_(std::make_unique<State>()) {}
ResultTranslator::~ResultTranslator() = default;

const std::optional<openai::Usage>& ResultTranslator::usage_read() const {
  return state_->usage_read;
}

std::expected<openai::Usage, openai::LineError> ResultTranslator::translate(
    std::string_view model_output, const ResultOptions& options, std::string& out) {
  if (options.endpoint != openai::Endpoint::chat_completions) {
    return std::unexpected(no_translator(options.endpoint, options.model_name));
  }
  const std::size_t before = out.size();
  state_->usage_read.reset();
  auto usage = state_->anthropic.append(model_output, options, out, state_->usage_read);
  if (!usage) out.resize(before);
  return usage;
}

}  // namespace quarry::translate
