// The signer on any bytes: it never crashes, what it calls canonical is so, and signing is
// repeatable.

#include "aws/endpoint.h"
#include "aws/sigv4.h"
#include "base/bytes.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using quarry::Secret;
using quarry::SysTime;
using namespace quarry::aws;

void require(bool holds) {
  if (!holds) std::abort();
}

// The next piece up to a newline.
std::string take_line(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  std::string line(input.substr(0, end));
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

void check_query(const std::string& query) {
  const std::string canonical = canonical_query(query);
  require(canonical_query(canonical) == canonical);
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::size_t start = 0; start < canonical.size();) {
    const std::size_t end = std::min(canonical.find('&', start), canonical.size());
    const std::string pair = canonical.substr(start, end - start);
    require(std::ranges::count(pair, '=') == 1);
    pairs.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
    start = end + 1;
  }
  require(std::ranges::is_sorted(pairs));
  for (const char c : canonical) require(c > ' ' && c < 0x7f && c != '+' && c != '/');
}

void check_path(const std::string& path) {
  require(canonical_uri(path, PathRule::as_is) == (path.empty() ? "/" : path));
  const std::string encoded = canonical_uri(path, PathRule::encode_again);
  require(encoded.starts_with('/'));
  require(!encoded.contains("//") && !encoded.contains("/./") && !encoded.contains("/../"));
  require(quarry::percent_decode(encoded).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  UnsignedRequest request;
  request.method = take_line(input);
  request.path = take_line(input);
  request.query = take_line(input);
  const std::string token = take_line(input);
  request.payload_sha256 = quarry::sha256_hex(input);
  request.headers.add("Host", "h");
  for (int i = 0; i < 20 && !input.empty(); ++i) {
    const std::string header = take_line(input);
    const std::size_t colon = std::min(header.find(':'), header.size());
    request.headers.add(header.substr(0, colon),
                        colon < header.size() ? header.substr(colon + 1) : std::string());
  }

  check_query(request.query);
  check_path(request.path);
  if (const auto endpoint = parse_endpoint(request.path)) require(!endpoint->authority.empty());

  const Credentials credentials{"AKID", Secret<std::string>("s"), Secret<std::string>(token), {}};
  const SysTime now(std::chrono::milliseconds(static_cast<std::int64_t>(size) * 86'399'999));
  for (const bool s3 : {false, true}) {
    UnsignedRequest signed_request = request;
    const SigningScope scope{"us-east-1", s3 ? "s3" : "bedrock",
                             s3 ? PathRule::as_is : PathRule::encode_again};
    const Signature first = sign(signed_request, credentials, scope, now);
    const auto headers = signed_request.headers.fields();
    const Signature second = sign(signed_request, credentials, scope, now);
    require(first.signature == second.signature && headers == signed_request.headers.fields());
    require(first.signature.size() == 64);
    require(first.signed_headers.contains("host") && first.signed_headers.contains("x-amz-date"));
  }
  return 0;
}
