#include "aws/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace quarry::aws {

namespace {

// By the start of the region's name. No prefix is the start of another: each ends in its dash.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSuffixes = {{
    {"cn-", "amazonaws.com.cn"},
    {"us-gov-", "amazonaws.com"},
    {"eusc-", "amazonaws.eu"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"},
}};

std::unexpected<Error> bad_endpoint(std::string_view url, std::string_view why) {
  return fail(Errc::invalid_request, "endpoint \"" + std::string(url) + "\" " + std::string(why) +
                                         "; hint: an endpoint looks like https://host:port");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint out;
  out.overridden = true;
  const std::size_t scheme_end = url.find("://");
  const std::string scheme = lower(url.substr(0, std::min(scheme_end, url.size())));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return bad_endpoint(url, "does not start with http:// or https://");
  }
  out.https = scheme == "https";
  std::string_view rest = url.substr(scheme_end + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  rest = rest.substr(0, slash);
  if (url.find_first_of("?#") != std::string_view::npos) {
    return bad_endpoint(url, "has a query or a fragment");
  }
  // Not echoed: it may be a password.
  if (rest.contains('@')) return bad_endpoint("…", "has user information");
  for (const char c : url) {
    if (c <= ' ' || c == 0x7f) return bad_endpoint("…", "has a space or a control character");
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  out.base_path = path;

  std::string_view host = rest;
  const std::size_t colon = rest.rfind(':');
  // A colon inside [] belongs to an IPv6 address.
  if (colon != std::string_view::npos && !rest.substr(colon).contains(']')) {
    host = rest.substr(0, colon);
    const std::string_view digits = rest.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
      return bad_endpoint(url, "has no valid port");
    }
    const std::uint16_t own_port = out.https ? 443 : 80;
    if (port != own_port) out.authority = ":" + std::to_string(port);
  }
  if (host.empty()) return bad_endpoint(url, "has no host");
  out.authority.insert(0, lower(host));
  return out;
}

Endpoint aws_endpoint(std::string_view service, std::string_view region, EndpointVariant) {
  std::string_view suffix = "amazonaws.com";
  for (const auto& [prefix, partition_suffix] : kSuffixes) {
    if (region.starts_with(prefix)) suffix = partition_suffix;
  }
  Endpoint out;
  out.authority.append(service).append(".").append(region).append(".").append(suffix);
  return out;
}

// The setting, else the service's variable, else the one for all services, else AWS's own.
Result<Endpoint> find_endpoint(std::string_view service,
                               const std::string& region,
                               const std::string& setting,
                               const config::Environment& environment) {
  std::string variable = "AWS_ENDPOINT_URL_";
  for (const char c : service) {
    variable += c == '-' || c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  std::string url = setting;
  for (const std::string& name : {variable, std::string("AWS_ENDPOINT_URL")}) {
    if (url.empty()) url = environment(name).value_or("");
  }
  return url.empty() ? Result<Endpoint>(aws_endpoint(service, region)) : parse_endpoint(url);
}

}  // namespace quarry::aws
