#include "http/form_header.h"

#include "base/bytes.h"
#include "http/message.h"

#include <algorithm>

namespace quarry::http {

namespace {

constexpr std::size_t kParametersMax =
    16;  // boundary and charset, name and filename: more is no form

std::unexpected<Error> bad(std::string why) { return fail(Errc::invalid_request, std::move(why)); }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

// Reads a quoted string whose opening quote is gone, and the closing quote with it. curl and Python
// write a quote as \" and a backslash as \\; browsers write %22 and leave backslashes alone, so a
// backslash escapes only those two, and no quote that is the last one.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return value;
    const bool escapes = c == '\\' && !text.empty() &&
                         (text.front() == '\\' ||
                          (text.front() == '"' && text.find('"', 1) != std::string_view::npos));
    if (escapes) {
      value.push_back(text.front());
      text.remove_prefix(1);
    } else {
      value.push_back(c);
    }
  }
  return std::nullopt;
}

// HTML's form encoding escapes these three and nothing else, so nothing else is decoded.
std::string decode_form_name(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::string_view escape = text.substr(0, 3);
    char decoded = '\0';
    if (escape == "%22") decoded = '"';
    if (equal_ignoring_case(escape, "%0D")) decoded = '\r';
    if (equal_ignoring_case(escape, "%0A")) decoded = '\n';
    result.push_back(decoded != '\0' ? decoded : text.front());
    text.remove_prefix(decoded != '\0' ? 3 : 1);
  }
  return result;
}

// RFC 8187's charset'language'percent-encoded. RFC 7578 4.2 forbids it here; old clients send it.
std::optional<std::string> decode_extended(std::string_view text) {
  const std::size_t first = text.find('\'');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('\'', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  if (!equal_ignoring_case(text.substr(0, first), "UTF-8")) return std::nullopt;
  return percent_decode(text.substr(second + 1));
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
  });
}

Result<void> read_disposition(std::string_view value, FormPart& part) {
  const auto disposition = parse_parameterized(value);
  if (!disposition) return fail(disposition.error());
  if (disposition->value != "form-data")
    return bad("a part's Content-Disposition is not form-data");
  const auto part_name = disposition->get("name");
  if (!part_name) return bad("a part has no name");
  part.name = decode_form_name(*part_name);
  if (const auto filename = disposition->get("filename")) {
    part.filename = decode_form_name(*filename);
  } else if (const auto extended = disposition->get("filename*")) {
    part.filename = decode_extended(*extended);
    if (!part.filename) return bad("a part's filename* cannot be decoded");
  }
  return {};
}

}  // namespace

std::optional<std::string_view> ParameterizedValue::get(std::string_view parameter) const {
  for (const auto& [key, value_of] : parameters) {
    if (key == parameter) return value_of;
  }
  return std::nullopt;
}

Result<ParameterizedValue> parse_parameterized(std::string_view text) {
  ParameterizedValue result;
  const std::size_t end = std::min(text.find(';'), text.size());
  result.value = lower(trim(text.substr(0, end)));
  text.remove_prefix(end);
  while (true) {
    while (!text.empty() && (is_blank(text.front()) || text.front() == ';')) text.remove_prefix(1);
    if (text.empty()) return result;
    const std::size_t equals = text.find_first_of("=;\"");
    if (equals == std::string_view::npos || text[equals] != '=')
      return bad("a parameter has no value");
    std::string key = lower(trim(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    std::string value;
    if (!text.empty() && text.front() == '"') {
      text.remove_prefix(1);
      auto quoted = take_quoted(text);
      if (!quoted) return bad("a quoted string has no end");
      value = *std::move(quoted);
      text = trim(text);
      if (!text.empty() && text.front() != ';') return bad("text follows a quoted string");
    } else {
      const std::size_t stop = std::min(text.find(';'), text.size());
      value = trim(text.substr(0, stop));
      text.remove_prefix(stop);
    }
    if (result.parameters.size() == kParametersMax) return bad("it has too many parameters");
    if (result.get(key)) return bad("a parameter is given twice");
    result.parameters.emplace_back(std::move(key), std::move(value));
  }
}

Result<FormPart> parse_part_header(std::string_view section) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!section.empty()) {
    const std::size_t end = section.find("\r\n");
    if (end == std::string_view::npos) return bad("a part's header line has no end");
    const std::string_view line = section.substr(0, end);
    section.remove_prefix(end + 2);
    if (line.empty()) break;
    if (has_control(line)) return bad("a part's header holds a control character");
    if (is_blank(line.front())) {  // a folded line continues the one before (RFC 5322 2.2.3)
      if (fields.empty()) return bad("a part's header begins with white space");
      fields.back().second.append(" ").append(trim(line));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return bad("a part's header line has no name");
    fields.emplace_back(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  }
  FormPart part;
  bool disposed = false;
  for (const auto& [key, value] : fields) {
    if (key == "content-type") part.content_type = value;
    if (key != "content-disposition") continue;
    if (std::exchange(disposed, true)) return bad("a part has two Content-Dispositions");
    if (auto done = read_disposition(value, part); !done) return fail(done.error());
  }
  if (!disposed) return bad("a part has no Content-Disposition");
  return part;
}

Result<std::string> form_boundary(std::string_view content_type) {
  const auto type = parse_parameterized(content_type);
  if (!type) return bad("the Content-Type is malformed: " + type.error().message());
  if (type->value != "multipart/form-data")
    return bad("the Content-Type is not multipart/form-data");
  const auto boundary = type->get("boundary");
  if (!boundary) return bad("the Content-Type names no boundary");
  // RFC 2046 5.1.1: 1 to 70 of these, the last no space.
  constexpr std::string_view kMarks = "'()+_,-./:=? ";
  const bool allowed = std::ranges::all_of(*boundary, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.contains(c);
  });
  if (boundary->empty() || boundary->size() > 70 || !allowed || boundary->back() == ' ') {
    return bad("the Content-Type's boundary is not allowed");
  }
  return std::string(*boundary);
}

}  // namespace quarry::http
