#include "sandbox/signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace quarry::sandbox {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::chrono::minutes kSkewMax{15};
constexpr int kPresignSecondsMax = 604800;

// What the request claims, before anything is believed.
struct Claim {
  std::string access_key_id;
  std::string date;  // yyyymmdd of the scope
  std::string region;
  std::string service;
  std::string amz_date;
  std::vector<std::string> signed_headers;
  std::string signature;
  bool presigned = false;
  int expires_seconds = 0;
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Spaces at the ends removed, runs of them inside made one.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : trimmed(value)) {
    const char plain = c == '\t' ? ' ' : c;
    if (plain == ' ' && out.ends_with(' ')) continue;
    out.push_back(plain);
  }
  return out;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "20260102T030405Z"; nullopt when it is not that.
std::optional<SysTime> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = -1;
    const char* end = text.data() + at + count;
    const auto [stop, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc{} && stop == end ? value : -1;
  };
  const int year = number(0, 4), month = number(4, 2), day = number(6, 2);
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (std::min({year, month, day, hour, minute, second}) < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::string amz_date_text(SysTime at) {
  const std::string iso = iso8601(at);  // 2026-01-02T03:04:05.678Z
  std::string out;
  for (const char c : std::string_view(iso).substr(0, 19)) {
    if (c != '-' && c != ':') out.push_back(c);
  }
  return out + "Z";
}

// Three manners of refusing the same: S3's, the query protocol's (STS), and that of JSON services.
struct Manner {
  std::string_view name;  // of the credential scope
  std::string_view incomplete;
  int incomplete_status = 403;
  std::string_view missing;
  std::string_view missing_text;
  std::string_view unknown_key;
  std::string_view expired;
  std::string_view wrong_signature;
};

const Manner& manner_of(Service service) {
  static constexpr Manner kS3{"s3",
                              "AuthorizationHeaderMalformed",
                              400,
                              "AccessDenied",
                              "Access Denied",
                              "InvalidAccessKeyId",
                              "ExpiredToken",
                              "SignatureDoesNotMatch"};
  static constexpr Manner kSts{"sts",
                               "IncompleteSignature",
                               400,
                               "MissingAuthenticationToken",
                               "Request is missing Authentication Token",
                               "InvalidClientTokenId",
                               "ExpiredToken",
                               "SignatureDoesNotMatch"};
  static constexpr Manner kBedrock{"bedrock",
                                   "IncompleteSignatureException",
                                   403,
                                   "MissingAuthenticationTokenException",
                                   "Missing Authentication Token",
                                   "UnrecognizedClientException",
                                   "ExpiredTokenException",
                                   "InvalidSignatureException"};
  static constexpr Manner kQuotas = [] {
    Manner manner = kBedrock;
    manner.name = "servicequotas";
    return manner;
  }();
  switch (service) {
    case Service::s3:
      return kS3;
    case Service::sts:
      return kSts;
    case Service::servicequotas:
      return kQuotas;
    default:
      return kBedrock;
  }
}

Fault malformed(Service service, std::string message) {
  const Manner& manner = manner_of(service);
  if (service == Service::s3) message = "The authorization header is malformed; " + message;
  return Fault{.status = manner.incomplete_status,
               .code = std::string(manner.incomplete),
               .message = std::move(message),
               .details = {}};
}

std::unexpected<Fault> invalid_token(Service service) {
  if (service == Service::s3)
    return refuse(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
  return refuse(403, std::string(manner_of(service).unknown_key),
                "The security token included in the request is invalid.");
}

bool read_scope(std::string_view credential, Claim& claim) {
  // An access key id holds no '/', but be exact about the four fields at the end.
  const auto parts = split_text(credential, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request" || parts[1].size() != 8) return false;
  claim.access_key_id = parts[0];
  claim.date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  return !claim.access_key_id.empty() && !claim.region.empty();
}

void read_signed_headers(std::string_view text, Claim& claim) {
  for (const std::string_view name : split_text(text, ';')) claim.signed_headers.emplace_back(name);
}

Answer<Claim> read_header_claim(const http::ServerRequest& request,
                                std::string_view header,
                                Service service) {
  Claim claim;
  if (!header.starts_with(kAlgorithm) || header.size() <= kAlgorithm.size() ||
      header[kAlgorithm.size()] != ' ') {
    if (service == Service::s3) {
      return refuse(400, "InvalidRequest",
                    "The authorization mechanism you have provided is not supported. Please use "
                    "AWS4-HMAC-SHA256.");
    }
    return invalid_token(service);
  }
  bool scoped = false;
  for (const std::string_view field : split_text(header.substr(kAlgorithm.size() + 1), ',')) {
    const std::string_view item = trimmed(field);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = item.substr(0, equals), value = item.substr(equals + 1);
    if (name == "Credential") scoped = read_scope(value, claim);
    if (name == "SignedHeaders") read_signed_headers(value, claim);
    if (name == "Signature") claim.signature = value;
  }
  if (!scoped) {
    return std::unexpected(malformed(service,
                                     "the Credential is mal-formed; expecting "
                                     "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
  }
  if (claim.signed_headers.empty() || claim.signature.empty()) {
    return std::unexpected(malformed(
        service, "Authorization header requires 'Signature' and 'SignedHeaders' parameters."));
  }
  claim.amz_date = request.headers.get("x-amz-date").value_or("");
  return claim;
}

Answer<Claim> read_query_claim(const Query& query) {
  Claim claim;
  claim.presigned = true;
  const auto bad = [](std::string message) {
    return refuse(400, "AuthorizationQueryParametersError", std::move(message));
  };
  if (query.get("X-Amz-Algorithm") != std::string(kAlgorithm)) {
    return bad("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  if (!read_scope(query.get("X-Amz-Credential").value_or(""), claim)) {
    return bad(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  const std::string expires = query.get("X-Amz-Expires").value_or("");
  const auto [at, error] =
      std::from_chars(expires.data(), expires.data() + expires.size(), claim.expires_seconds);
  if (error != std::errc{} || at != expires.data() + expires.size()) {
    return bad("X-Amz-Expires should be a number");
  }
  if (claim.expires_seconds < 0) return bad("X-Amz-Expires must be non-negative");
  if (claim.expires_seconds > kPresignSecondsMax) {
    return bad(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds");
  }
  claim.amz_date = query.get("X-Amz-Date").value_or("");
  read_signed_headers(query.get("X-Amz-SignedHeaders").value_or(""), claim);
  claim.signature = query.get("X-Amz-Signature").value_or("");
  if (claim.signature.empty()) {
    return bad(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  return claim;
}

Answer<Claim> read_claim(const http::ServerRequest& request, Service service) {
  if (const auto header = request.headers.get("authorization")) {
    return read_header_claim(request, *header, service);
  }
  if (service == Service::s3) {
    const auto query = Query::parse(request.query);
    if (query && query->has("X-Amz-Algorithm")) return read_query_claim(*query);
    if (query && query->has("AWSAccessKeyId")) {
      return refuse(400, "InvalidRequest",
                    "The authorization mechanism you have provided is not supported. Please use "
                    "AWS4-HMAC-SHA256.");
    }
  }
  const Manner& manner = manner_of(service);
  return refuse(403, std::string(manner.missing), std::string(manner.missing_text));
}

Answer<void> check_time(const Claim& claim, Service service, SysTime now) {
  const auto at = parse_amz_date(claim.amz_date);
  if (!at || claim.amz_date.substr(0, 8) != claim.date) {
    if (service == Service::s3) {
      return refuse(403, "AccessDenied",
                    "AWS authentication requires a valid Date or x-amz-date header");
    }
    return std::unexpected(
        malformed(service, fmt::format("Date in Credential scope does not match YYYYMMDD from "
                                       "ISO-8601 version of date from HTTP: '{}' != '{}'.",
                                       claim.date, claim.amz_date)));
  }
  if (claim.presigned) {
    if (*at - now > kSkewMax) return refuse(403, "AccessDenied", "Request is not valid yet");
    if (now > *at + std::chrono::seconds(claim.expires_seconds)) {
      return refuse(403, "AccessDenied", "Request has expired");
    }
    return {};
  }
  if (now - *at <= kSkewMax && *at - now <= kSkewMax) return {};
  if (service == Service::s3) {
    auto fault =
        refuse(403, "RequestTimeTooSkewed",
               "The difference between the request time and the current time is too large.");
    fault.error().details = {{"RequestTime", claim.amz_date},
                             {"ServerTime", iso8601(now)},
                             {"MaxAllowedSkewMilliseconds", "900000"}};
    return fault;
  }
  const bool late = *at < now;
  return refuse(
      403, std::string(manner_of(service).wrong_signature),
      late ? fmt::format("Signature expired: {} is now earlier than {} ({} - 15 min.)",
                         claim.amz_date, amz_date_text(now - kSkewMax), amz_date_text(now))
           : fmt::format("Signature not yet current: {} is still later than {} ({} + 15 min.)",
                         claim.amz_date, amz_date_text(now + kSkewMax), amz_date_text(now)));
}

// The session token that came with the request; "" when none did.
std::string token_of(const http::ServerRequest& request, const Claim& claim) {
  if (!claim.presigned)
    return std::string(request.headers.get("x-amz-security-token").value_or(""));
  const auto query = Query::parse(request.query);
  return query ? query->get("X-Amz-Security-Token").value_or("") : "";
}

Answer<Key> check_key(const http::ServerRequest& request,
                      const Claim& claim,
                      Service service,
                      const Identities& identities,
                      SysTime now) {
  const std::string token = token_of(request, claim);
  auto key = identities.find(claim.access_key_id);
  // A session's key is none without its token.
  const bool half = key && key->expires && token.empty();
  if (!key || half) {
    if (service != Service::s3) return invalid_token(service);
    auto fault = refuse(403, "InvalidAccessKeyId",
                        "The AWS Access Key Id you provided does not exist in our records.");
    fault.error().details = {{"AWSAccessKeyId", claim.access_key_id}};
    return fault;
  }
  if (!equal_constant_time(token, key->session_token.reveal())) return invalid_token(service);
  if (!key->expires || now < *key->expires) return *std::move(key);
  if (service != Service::s3)
    return refuse(403, std::string(manner_of(service).expired),
                  "The security token included in the request is expired");
  auto fault = refuse(400, "ExpiredToken", "The provided token has expired.");
  fault.error().details = {{"Token-0", token}};
  return fault;
}

Answer<void> check_scope(const http::ServerRequest& request, const Claim& claim, Service service) {
  const Manner& manner = manner_of(service);
  if (claim.service != manner.name) {
    if (service == Service::s3) {
      return std::unexpected(malformed(
          service, fmt::format("incorrect service \"{}\". This endpoint belongs to \"s3\".",
                               claim.service)));
    }
    return refuse(
        403, std::string(manner.wrong_signature),
        fmt::format("Credential should be scoped to correct service: '{}'.", manner.name));
  }
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::find(claim.signed_headers, name) != claim.signed_headers.end();
  };
  if (!is_signed("host")) {
    return std::unexpected(malformed(
        service, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
  }
  for (const auto& [name, value] : request.headers.fields()) {
    const std::string lower = lowered(name);
    if (!lower.starts_with("x-amz-") || is_signed(lower)) continue;
    if (service != Service::s3) {
      return refuse(403, std::string(manner.wrong_signature),
                    fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", lower));
    }
    auto fault = refuse(403, "AccessDenied",
                        "There were headers present in the request which were not signed");
    fault.error().details = {{"HeadersNotSigned", lower}};
    return fault;
  }
  return {};
}

// A request without a signature has no scope to tell its region.
std::string region_of_host(std::string_view host, const Account& account) {
  if (!host.starts_with("bedrock")) return account.region;
  const std::size_t begin = host.find('.');
  if (begin == std::string_view::npos) return account.region;
  return std::string(host.substr(begin + 1, host.find('.', begin + 1) - begin - 1));
}

Answer<Caller> bearer_caller(const http::ServerRequest& request,
                             std::string_view token,
                             const Identities& identities) {
  auto principal = identities.of_bearer(token);
  if (!principal) {
    return refuse(403, "AccessDeniedException",
                  "Authentication failed: Please make sure your API Key is valid.");
  }
  Caller caller;
  caller.region = region_of_host(request.headers.get("host").value_or(""), identities.account());
  caller.principal = *std::move(principal);
  return caller;
}

std::string canonical_request(const http::ServerRequest& request,
                              const Claim& claim,
                              Service service,
                              std::string_view payload_hash) {
  std::string out = request.method + "\n" + canonical_path(request.path, service) + "\n" +
                    canonical_query(request.query) + "\n";
  std::string names;
  for (const std::string& name : claim.signed_headers) {
    std::string values;
    for (const auto& [field, value] : request.headers.fields()) {
      if (!http::equal_ignoring_case(field, name)) continue;
      if (!values.empty()) values.push_back(',');
      values += canonical_value(value);
    }
    out += name + ":" + values + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return out + "\n" + names + "\n" + std::string(payload_hash);
}

std::string keyed(std::string_view key, std::string_view text) {
  const Sha256 mac = hmac_sha256(as_bytes(key), as_bytes(text));
  return std::string(as_text(mac));
}

}  // namespace

std::string chunk_signature(const Caller& caller,
                            std::string_view kind,
                            std::string_view previous_signature,
                            std::string_view payload_hash_hex) {
  std::string text =
      fmt::format("{}\n{}\n{}\n{}\n", kind, caller.amz_date, caller.scope, previous_signature);
  if (kind == "AWS4-HMAC-SHA256-PAYLOAD") text += sha256_hex("") + "\n";
  text += payload_hash_hex;
  return hex(hmac_sha256(as_bytes(caller.signing_key.reveal()), as_bytes(text)));
}

Answer<Caller> verify_signature(const http::ServerRequest& request,
                                Service service,
                                std::string_view payload_hash,
                                const Identities& identities,
                                SysTime now) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = request.headers.get("authorization").value_or("");
  if (service == Service::bedrock && authorization.starts_with(kBearer))
    return bearer_caller(request, authorization.substr(kBearer.size()), identities);
  auto claim = read_claim(request, service);
  if (!claim) return std::unexpected(std::move(claim.error()));
  auto known = check_key(request, *claim, service, identities, now);
  if (!known) return std::unexpected(std::move(known.error()));
  if (auto right = check_scope(request, *claim, service); !right) {
    return std::unexpected(std::move(right.error()));
  }
  if (auto right = check_time(*claim, service, now); !right) {
    return std::unexpected(std::move(right.error()));
  }
  Caller caller{
      .access_key_id = claim->access_key_id,
      .region = claim->region,
      .principal = std::move(known->principal),
      .assumed_role = known->assumed_role,
      .presigned = claim->presigned,
      .amz_date = claim->amz_date,
      .scope = fmt::format("{}/{}/{}/aws4_request", claim->date, claim->region, claim->service),
      .signature = claim->signature,
      .signing_key = {}};
  const std::string canonical = canonical_request(request, *claim, service, payload_hash);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, caller.amz_date,
                                          caller.scope, sha256_hex(canonical));
  std::string key = keyed("AWS4" + known->secret.reveal(), claim->date);
  for (const std::string_view step :
       {std::string_view(claim->region), std::string_view(claim->service),
        std::string_view("aws4_request")}) {
    key = keyed(key, step);
  }
  const std::string expected = hex(hmac_sha256(as_bytes(key), as_bytes(to_sign)));
  caller.signing_key = Secret<std::string>(std::move(key));
  if (equal_constant_time(expected, claim->signature)) return caller;
  if (service == Service::s3) {
    auto fault = refuse(403, "SignatureDoesNotMatch",
                        "The request signature we calculated does not match the signature you "
                        "provided. Check your key and signing method.");
    fault.error().details = {{"AWSAccessKeyId", claim->access_key_id},
                             {"StringToSign", to_sign},
                             {"SignatureProvided", claim->signature},
                             {"CanonicalRequest", canonical}};
    return std::unexpected(std::move(fault.error()));
  }
  return refuse(
      403, std::string(manner_of(service).wrong_signature),
      "The request signature we calculated does not match the signature you provided. Check your "
      "AWS Secret Access Key and signing method. Consult the service documentation for details.");
}

}  // namespace quarry::sandbox
