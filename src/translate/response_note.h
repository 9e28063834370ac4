#pragma once
// What a Response object has to repeat of its request, on its way from the request to the result:
// TranslatedLine::note() of a line of /v1/responses.
//
// A note is a JSON object with some of these members of the Response, as the Response has them:
//
//   temperature, top_p, max_output_tokens   numbers
//   tool_choice                             a word, or {"type":"function","name":…}
//   parallel_tool_calls                     a boolean
//   reasoning                               {"effort":…}
//   text                                    {"format":…,"verbosity":…}
//   truncation                              a word
//   metadata                                an object of strings
//
// in ASCII without spaces (what is in a string is escaped as \u0020), compact, at most
// TranslatedLine::kNoteBytesMax; "" for {}. A member that is not there has the Response's default.
// One that did not fit is left out too, but text.format and metadata, which would be said wrongly
// by their defaults, are then null.

#include "json/reader.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::translate {

class NoteWriter {
 public:
  // Replaces `note`.
  explicit NoteWriter(std::string& note);
  // One member; `json` is valid JSON. False, and the note is as before, if it does not fit.
  bool add(std::string_view name, std::string_view json);

 private:
  std::string& note_;
};

// A note that was read. The values are raw JSON in ASCII; nullopt: the default.
struct ResponseNote {
  std::optional<json::Value> temperature;
  std::optional<json::Value> top_p;
  std::optional<json::Value> max_output_tokens;
  std::optional<json::Value> tool_choice;
  std::optional<json::Value> parallel_tool_calls;
  std::optional<json::Value> effort;
  std::optional<json::Value> format;  // a null where it did not fit
  std::optional<json::Value> verbosity;
  std::optional<json::Value> truncation;
  std::optional<json::Value> metadata;  // a null where it did not fit
};

// The values are `document`'s. What is no note says nothing.
ResponseNote read_note(std::string_view note, json::Document& document);

}  // namespace quarry::translate
