#include "api/csv.h"

namespace quarry::api {
namespace {

bool begins_a_formula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r\n|").contains(text.front());
}

void append_field(std::string& out, const CsvField& field) {
  std::string text = field.text;
  if (!field.number && begins_a_formula(text)) text.insert(0, "'");
  if (text.find_first_of("\",\r\n") == std::string::npos) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

}  // namespace

void append_csv_record(std::string& out, const std::vector<CsvField>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_field(out, fields[i]);
  }
  out += "\r\n";
}

}  // namespace quarry::api
