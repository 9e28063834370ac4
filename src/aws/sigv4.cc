#include "aws/sigv4.h"

#include "base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

namespace quarry::aws {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Headers that what lies between us and AWS may change (botocore/auth.py,
// SIGNED_HEADERS_BLACKLIST), and the one that carries the signature.
constexpr std::array<std::string_view, 13> kNeverSigned = {"authorization",  "baggage",
                                                           "connection",     "expect",
                                                           "keep-alive",     "te",
                                                           "traceparent",    "tracestate",
                                                           "trailer",        "transfer-encoding",
                                                           "upgrade",        "user-agent",
                                                           "x-amzn-trace-id"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_signed(std::string_view lower_name) {
  return !lower_name.starts_with("proxy-") &&
         std::ranges::find(kNeverSigned, lower_name) == kNeverSigned.end();
}

// Ends trimmed, runs of white space made one space.
std::string canonical_value(std::string_view value) {
  std::string out;
  bool space_due = false;
  for (const char c : value) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      space_due = !out.empty();
      continue;
    }
    if (space_due) out.push_back(' ');
    space_due = false;
    out.push_back(c);
  }
  return out;
}

// RFC 3986 5.2.4, and empty segments go too, as botocore does it.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    start = end + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  if (out.empty() || path.ends_with('/')) out.push_back('/');
  return out;
}

// AWS decodes and encodes what it got; so do we, so that however a query is spelled both agree.
std::string encoded_once(std::string_view text) {
  const auto decoded = percent_decode(text);
  return percent_encode(decoded ? std::string_view(*decoded) : text, false);
}

std::span<const std::byte> key_bytes(const Sha256& key) { return key; }

std::string signature_of(std::string_view string_to_sign,
                         const std::string& secret,
                         std::string_view date,
                         const SigningScope& scope) {
  const Sha256 date_key = hmac_sha256(as_bytes("AWS4" + secret), as_bytes(date));
  const Sha256 region_key = hmac_sha256(key_bytes(date_key), as_bytes(scope.region));
  const Sha256 service_key = hmac_sha256(key_bytes(region_key), as_bytes(scope.service));
  const Sha256 key = hmac_sha256(key_bytes(service_key), as_bytes("aws4_request"));
  return hex(hmac_sha256(key_bytes(key), as_bytes(string_to_sign)));
}

// "20260102T030405Z"; the first 8 characters are the scope's date.
std::string amz_date(SysTime now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

void set_amz_headers(UnsignedRequest& request,
                     const Credentials& credentials,
                     const SigningScope& scope,
                     const std::string& date_time) {
  request.headers.remove("Authorization");
  request.headers.set("X-Amz-Date", date_time);
  if (credentials.session_token.reveal().empty()) {
    request.headers.remove("X-Amz-Security-Token");
  } else {
    request.headers.set("X-Amz-Security-Token", credentials.session_token.reveal());
  }
  if (scope.service == "s3") request.headers.set("X-Amz-Content-Sha256", request.payload_sha256);
}

// Name -> value, sorted; the signed list and the canonical block both come from it.
std::map<std::string, std::string> headers_to_sign(const http::Headers& headers) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : headers.fields()) {
    std::string key = lower(name);
    if (!is_signed(key)) continue;
    auto [place, added] = out.try_emplace(std::move(key), canonical_value(value));
    if (!added) place->second.append(",").append(canonical_value(value));
  }
  return out;
}

}  // namespace

std::string canonical_uri(std::string_view sent_path, PathRule rule) {
  if (sent_path.empty()) return "/";
  if (rule == PathRule::as_is) return std::string(sent_path);
  return percent_encode(remove_dot_segments(sent_path), true);
}

std::string canonical_query(std::string_view sent_query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::size_t start = 0; start < sent_query.size();) {
    const std::size_t end = std::min(sent_query.find('&', start), sent_query.size());
    const std::string_view pair = sent_query.substr(start, end - start);
    start = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    pairs.emplace_back(encoded_once(pair.substr(0, equals)), encoded_once(value));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

Signature sign(UnsignedRequest& request,
               const Credentials& credentials,
               const SigningScope& scope,
               SysTime now) {
  const std::string date_time = amz_date(now);
  const std::string date = date_time.substr(0, 8);
  set_amz_headers(request, credentials, scope, date_time);

  std::string header_block;
  Signature out;
  for (const auto& [name, value] : headers_to_sign(request.headers)) {
    header_block.append(name).append(":").append(value).append("\n");
    if (!out.signed_headers.empty()) out.signed_headers.push_back(';');
    out.signed_headers.append(name);
  }
  out.canonical_request = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_uri(request.path, scope.path_rule),
      canonical_query(request.query), header_block, out.signed_headers, request.payload_sha256);
  const std::string credential_scope =
      fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  out.string_to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date_time, credential_scope,
                                   sha256_hex(out.canonical_request));
  out.signature =
      signature_of(out.string_to_sign, credentials.secret_access_key.reveal(), date, scope);
  request.headers.set(
      "Authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                  credentials.access_key_id, credential_scope, out.signed_headers, out.signature));
  return out;
}

}  // namespace quarry::aws
