#pragma once
// CSV as spreadsheets read it (RFC 4180). Pure.

#include <string>
#include <string_view>
#include <vector>

namespace quarry::api {

// One record, CRLF included. A field that a spreadsheet would run as a formula (OWASP, "CSV
// Injection") gets an apostrophe before it; numbers are given as what they are.
struct CsvField {
  std::string text;
  bool number = false;
};
void append_csv_record(std::string& out, const std::vector<CsvField>& fields);

}  // namespace quarry::api
