#pragma once
// How large a request is, in what its tokens can be estimated by, before anybody knows the model:
// the text, the conversation and the limit of the answer. Pure.
//
// Conversations, prompts and limits count where the line's endpoint takes them: what it drops says
// nothing. Of all endpoints: instructions, tools, functions, the schemas of response_format and
// text, and what only some models read: documents and chat_template_kwargs.

#include "json/reader.h"
#include "openai/endpoint.h"

#include <cstdint>

namespace quarry::openai {

// Of one request, or the sum of many. Sums stay at their largest value, where an attacker's numbers
// would overflow.
struct RequestSize {
  std::int64_t text_bytes = 0;         // UTF-8, unescaped
  std::int64_t token_ids = 0;          // of prompts that are lists of tokens
  std::int64_t messages = 0;           // turns of a conversation
  std::int64_t media = 0;              // images, sounds, and each 32,000 bytes of documents
  std::int64_t answers = 0;            // `n` for each prompt, to the 128 that it may be
  std::int64_t output_tokens_max = 0;  // of all answers whose limit the body says
  std::int64_t unlimited_answers = 0;  // of the others
  // Of those with a limit: at the highest reasoning effort, where a model may not take the limit.
  std::int64_t high_effort_answers = 0;
  std::int64_t body_bytes = 0;  // of JSON, as it stands

  RequestSize& operator+=(const RequestSize& other);
  // Each number the larger of both: so no request of many is larger than what all were raised to.
  void raise_to(const RequestSize& other);
  bool operator==(const RequestSize&) const = default;
};

// body: an object.
RequestSize size_of(json::Value body, Endpoint endpoint);

}  // namespace quarry::openai
