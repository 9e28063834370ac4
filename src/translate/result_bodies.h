#pragma once
// An answer as OpenAI's objects. Each appends to `out`, compact, without line ends. U+0085, U+2028
// and U+2029 may stand unescaped in them: append_response_line() escapes those.

#include "translate/answer.h"
#include "translate/embeddings.h"
#include "translate/translator.h"

#include <cstddef>
#include <string>

namespace quarry::translate {

// chat_completion_result.cc: OpenAI API reference, "The chat completion object".
void append_chat_completion(const Answer& answer, const ResultOptions& options, std::string& out);

// text_completion_result.cc: "The completion object"; one choice for each prompt, in order.
void begin_text_completion(const ResultOptions& options, std::string& out);
void append_choice(const Answer& answer, std::size_t index, std::string& out);
void end_text_completion(const LineUsage& usage, std::string& out);

// response_result.cc: "The Response object". `scratch` parses the note.
void append_response(const Answer& answer,
                     const ResultOptions& options,
                     json::Document& scratch,
                     std::string& out);

// embeddings_result.cc: "The embedding object", as floats, or in base64 of little-endian float32
// where options.note says so. Errors: a vector that holds something else than numbers.
void begin_embeddings(const ResultOptions& options, std::string& out);
Outcome append_vectors(const EmbeddingsAnswer& answer,
                       const ResultOptions& options,
                       std::size_t first_index,
                       std::string& out);
void end_embeddings(const ResultOptions& options, const LineUsage& usage, std::string& out);

// chat_completion_result.cc: "usage":{…} in the words of chat and text completions; without usage
// "usage":null,"usage_absent":true.
void append_usage(const LineUsage& usage, std::string& out);
std::string_view finish_reason(Finish finish);
// The inside of a call's id: the model's, or where it gave none, one made of the line's seed and
// the call's index.
void append_call_id(const AnsweredCall& call,
                    const ResultOptions& options,
                    std::size_t index,
                    std::string& out);

}  // namespace quarry::translate
