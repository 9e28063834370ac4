#include "openai/batch_line.h"

#include "json/reader.h"
#include "json/write.h"

#include <utility>

namespace quarry::openai {

namespace {

std::unexpected<LineError> refuse(std::string code, std::string message, std::string param = "") {
  return std::unexpected(LineError{std::move(code), std::move(message), std::move(param)});
}

std::unexpected<LineError> missing(std::string_view name) {
  return refuse("missing_required_parameter",
                "Missing required parameter: '" + std::string(name) + "'.", std::string(name));
}

std::unexpected<LineError> wrong_type(std::string_view name,
                                      std::string_view wanted,
                                      json::Kind got) {
  std::string message = "Invalid type for '" + std::string(name) + "': expected ";
  message.append(wanted).append(", but got ").append(json::name(got)).append(" instead.");
  return refuse("invalid_request", std::move(message), std::string(name));
}

std::unexpected<LineError> unreadable(json::ParseError error) {
  switch (error) {
    case json::ParseError::invalid_utf8:
      return refuse("invalid_request", "This line is not valid UTF-8.");
    case json::ParseError::lone_surrogate:
      return refuse("invalid_request",
                    "This line holds half of a surrogate pair, which is no character.");
    case json::ParseError::too_deep:
      return refuse("invalid_request", "This line is nested too deeply.");
    case json::ParseError::too_large:
      return refuse("invalid_request", "This line is too large.");
    case json::ParseError::syntax:
      break;
  }
  return refuse("invalid_json_line", "This line is not parseable as valid JSON.");
}

struct Fields {
  std::optional<json::Value> custom_id, method, url, body;
};

Fields collect(json::Value object) {
  Fields fields;
  for (const auto [key, value] : object.members()) {
    if (key == "custom_id") {
      fields.custom_id = value;
    } else if (key == "method") {
      fields.method = value;
    } else if (key == "url") {
      fields.url = value;
    } else if (key == "body") {
      fields.body = value;
    }
  }
  return fields;
}

// What is wrong with one of the strings of a line, if anything.
std::expected<std::string_view, LineError> string_field(const std::optional<json::Value>& value,
                                                        std::string_view name) {
  if (!value) return missing(name);
  if (!value->is(json::Kind::string)) return wrong_type(name, "a string", value->kind());
  return value->text();
}

std::expected<void, LineError> read_body(json::Value body, BatchLine& line) {
  for (const auto [key, value] : body.members()) {
    if (key == "model") {
      const bool absent = value.is(json::Kind::null);
      if (!absent && !value.is(json::Kind::string)) {
        return wrong_type("body.model", "a string", value.kind());
      }
      line.model = absent ? std::string_view() : value.text();
    } else if (key == "stream") {
      line.stream = value.is(json::Kind::boolean) && value.boolean();
    }
  }
  line.body = body.raw();
  return {};
}

void append_head(std::string& out, std::string_view custom_id_json, std::string_view request_seed) {
  out.append(R"({"id":"batch_req_)").append(request_seed).append(R"(","custom_id":)");
  json::append_line(out, custom_id_json);
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view url) {
  if (url.starts_with('/')) url.remove_prefix(1);
  for (const auto endpoint : {Endpoint::chat_completions, Endpoint::completions,
                              Endpoint::embeddings, Endpoint::responses}) {
    if (url == path(endpoint).substr(1)) return endpoint;
  }
  return std::nullopt;
}

std::string_view path(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat_completions:
      return "/v1/chat/completions";
    case Endpoint::completions:
      return "/v1/completions";
    case Endpoint::embeddings:
      return "/v1/embeddings";
    case Endpoint::responses:
      return "/v1/responses";
  }
  return "";
}

struct BatchLineReader::State {
  json::Document document;
  json::Value body;
  Endpoint endpoint = Endpoint::chat_completions;
};

BatchLineReader::BatchLineReader() : state_(std::make_unique<State>()) {}
BatchLineReader::~BatchLineReader() = default;

std::expected<BatchLine, LineError> BatchLineReader::read(std::string_view text) {
  const auto root = state_->document.parse(text);
  if (!root) return unreadable(root.error());
  if (!root->is(json::Kind::object)) {
    return refuse("invalid_request", "This line is not a JSON object.");
  }

  const Fields fields = collect(*root);
  const auto custom_id = string_field(fields.custom_id, "custom_id");
  if (!custom_id) return std::unexpected(custom_id.error());
  if (custom_id->empty()) {
    return refuse("invalid_request", "Invalid 'custom_id': it must not be empty.", "custom_id");
  }
  const auto method = string_field(fields.method, "method");
  if (!method) return std::unexpected(method.error());
  if (*method != "POST") {
    const bool short_enough = method->size() <= 32;
    return refuse("invalid_method",
                  (short_enough ? "Invalid value: '" + std::string(*method) + "'."
                                : std::string("Invalid value for 'method'.")) +
                      " Supported values are: 'POST'.",
                  "method");
  }
  const auto url = string_field(fields.url, "url");
  if (!url) return std::unexpected(url.error());
  if (!fields.body) return missing("body");
  if (!fields.body->is(json::Kind::object)) {
    return wrong_type("body", "an object", fields.body->kind());
  }

  BatchLine line{.custom_id = *custom_id,
                 .custom_id_json = fields.custom_id->raw(),
                 .url = *url,
                 .method = *method,
                 .model = {},
                 .body = {},
                 .stream = false};
  state_->body = *fields.body;
  state_->endpoint = parse_endpoint(*url).value_or(Endpoint::chat_completions);
  if (auto ok = read_body(*fields.body, line); !ok) return std::unexpected(std::move(ok.error()));
  return line;
}

RequestSize BatchLineReader::size() const { return size_of(state_->body, state_->endpoint); }

void append_response_line(std::string& out,
                          std::string_view custom_id_json,
                          std::string_view request_seed,
                          int status_code,
                          std::string_view body_json) {
  append_head(out, custom_id_json, request_seed);
  out += R"(,"response":{"status_code":)";
  json::append_integer(out, status_code);
  out.append(R"(,"request_id":"req_)").append(request_seed).append(R"(","body":)");
  json::append_line(out, body_json);
  out += "},\"error\":null}\n";
}

void append_unexecuted_line(std::string& out,
                            std::string_view custom_id_json,
                            std::string_view request_seed,
                            std::string_view code,
                            std::string_view message) {
  append_head(out, custom_id_json, request_seed);
  out += R"(,"response":null,"error":{"code":)";
  append_json_string(out, code);
  out += R"(,"message":)";
  append_json_string(out, message);
  out += "}}\n";
}

std::string error_envelope(std::string_view message,
                           std::string_view type,
                           std::string_view param,
                           std::string_view code) {
  std::string out = R"({"error":{"message":)";
  append_json_string(out, message);
  out += R"(,"type":)";
  append_json_string(out, type);
  const auto append_or_null = [&](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":");
    value.empty() ? void(out += "null") : append_json_string(out, value);
  };
  append_or_null("param", param);
  append_or_null("code", code);
  out += "}}";
  return out;
}

void append_json_string(std::string& out, std::string_view text) { json::append_string(out, text); }

}  // namespace quarry::openai
