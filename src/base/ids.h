#pragma once
// Strong ids. Random ones hold 128 bits from the system's generator and are safe as a path segment:
// [A-Za-z0-9_-], at most 64 characters.

#include <compare>
#include <string>
#include <string_view>

namespace quarry {

template <class Tag>
struct Id {
  std::string value;
  auto operator<=>(const Id&) const = default;
  bool empty() const { return value.empty(); }
};

using FileId = Id<struct FileTag>;    // file-<32 hex>
using BatchId = Id<struct BatchTag>;  // batch_<32 hex>
using JobId = Id<struct JobTag>;      // <batch id>/<job number>

// 32 lower-case hex digits of 128 random bits. Throws if the system has no randomness to give.
std::string random_hex128();
FileId new_file_id();
BatchId new_batch_id();
// "req_" + 32 hex.
std::string new_request_id();

}  // namespace quarry
