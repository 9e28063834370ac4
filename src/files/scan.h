#pragma once
// What is learnt of a batch input file while it streams by, and stored with it: so that creating a
// batch reads nothing, and a bad line is known by its number. One pass; about 12 bytes of memory a
// line.

#include "base/result.h"
#include "openai/objects.h"
#include "openai/request_size.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::files {

inline constexpr std::size_t kScanErrorsMax = 100;  // reported; more are counted
inline constexpr std::size_t kCustomIdBytesMax = 512;
inline constexpr std::size_t kNameBytesMax = 512;  // of a model or a url
inline constexpr std::size_t kScanNamesMax = 200;  // distinct models or urls that are remembered

struct Scan {
  std::uint64_t lines = 0;  // that are not blank
  std::uint64_t error_count = 0;
  std::vector<openai::BatchError> errors;       // the first kScanErrorsMax, with line numbers
  std::map<std::string, std::uint64_t> models;  // lines of each distinct body.model
  // How large the requests of each are, "" of those without a model. nullopt: the file was scanned
  // by a version that did not look.
  std::optional<std::map<std::string, openai::RequestSize>> sizes;
  // What no request of each is larger than. Empty: as sizes.
  std::map<std::string, openai::RequestSize> largest;
  std::set<std::string> urls;   // distinct url
  bool names_overflow = false;  // more models or urls than are remembered
  bool without_model = false;   // some line has no body.model
  bool first_line_is_json = false;
};

std::string to_json(const Scan& scan);
// Errors: corrupt.
Result<Scan> parse_scan(std::string_view json);

class Scanner {
 public:
  explicit Scanner(std::size_t line_bytes_max);
  ~Scanner();
  // Any chunking. CPU-bound: runs on the pool, one call at a time.
  void feed(std::span<const std::byte> bytes);
  Scan finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::files
