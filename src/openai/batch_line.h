#pragma once
// One line of a batch input file (OpenAI API reference, "The request input object"), and the lines
// of the output and error files ("The request output object"). Pure.

#include "openai/endpoint.h"
#include "openai/request_size.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::openai {

// One entry of a batch's errors.data[], or an error of one line at run time.
struct LineError {
  std::string code;  // "invalid_json_line"
  std::string message;
  std::string param;  // "" = null
};

// Views into the line and into the reader; valid until the reader's next call.
struct BatchLine {
  std::string_view custom_id;       // unescaped
  std::string_view custom_id_json;  // the raw token, quotes included
  std::string_view url;
  std::string_view method;
  std::string_view model;  // body.model, unescaped; "" when absent
  std::string_view body;   // the raw JSON object
  bool stream = false;     // body.stream is true
};

// Reads one line in one pass. Not thread-safe; reuse it: it owns the parser and the padding buffer.
class BatchLineReader {
 public:
  BatchLineReader();
  ~BatchLineReader();
  // Errors: the codes of facts that a client sees in errors.data: invalid_json_line,
  // missing_required_parameter (custom_id, method, url, body), invalid_request (wrong type, not an
  // object, empty custom_id, invalid UTF-8), invalid_method. Whether url suits the batch, the model
  // exists and ids repeat is for the callers, who know.
  std::expected<BatchLine, LineError> read(std::string_view line);
  // Of the body of the line that read() gave last, by the line's url; by /v1/chat/completions where
  // that is no endpoint: no batch takes such a line.
  RequestSize size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends one line, '\n' included. U+0085, U+2028, U+2029 in `body` are escaped on the way, because
// readers use str.splitlines(). request_seed: 32 hex digits; ids are batch_req_<seed> and
// req_<seed>.
void append_response_line(std::string& out,
                          std::string_view custom_id_json,
                          std::string_view request_seed,
                          int status_code,
                          std::string_view body_json);
// {"response":null,"error":{code,message}}: never executed.
void append_unexecuted_line(std::string& out,
                            std::string_view custom_id_json,
                            std::string_view request_seed,
                            std::string_view code,
                            std::string_view message);
// The error envelope {"error":{message,type,param,code}} as JSON.
std::string error_envelope(std::string_view message,
                           std::string_view type,
                           std::string_view param,
                           std::string_view code);
// Appends `text` as a JSON string token, quotes included; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace quarry::openai
