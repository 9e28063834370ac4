#include "aws/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace quarry::aws {

namespace {

struct Partition {
  std::string_view region_prefix;
  std::string_view name;  // in ARNs
  std::string_view suffix;
  std::string_view dual_stack_suffix;
};

// botocore's partitions.json. By the start of the region's name; no prefix is the start of another:
// each ends in its dash. Whatever fits none is of the first.
constexpr Partition kAws{"", "aws", "amazonaws.com", "api.aws"};
constexpr std::array<Partition, 7> kPartitions = {{
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}};

const Partition& partition(std::string_view region) {
  const auto found = std::ranges::find_if(
      kPartitions, [&](const Partition& p) { return region.starts_with(p.region_prefix); });
  return found == kPartitions.end() ? kAws : *found;
}

// The services as the SDKs' variables name them: their service ids (botocore, "Service-specific
// endpoints"), which are not their hosts.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kServiceIds = {{
    {"s3", "S3"},
    {"bedrock", "BEDROCK"},
    {"bedrock-runtime", "BEDROCK_RUNTIME"},
    {"sts", "STS"},
    {"servicequotas", "SERVICE_QUOTAS"},
    {"portal.sso", "SSO"},
    {"oidc", "SSO_OIDC"},
}};

std::string_view service_id(std::string_view service) {
  const auto found = std::ranges::find(kServiceIds, service,
                                       &std::pair<std::string_view, std::string_view>::first);
  return found == kServiceIds.end() ? std::string_view() : found->second;
}

// In GovCloud some services' only hosts are validated ones, without a name of their own for it.
bool plain_host_is_fips(std::string_view service, std::string_view region) {
  return region.starts_with("us-gov-") && service != "s3" && !service.starts_with("bedrock");
}

// What may stand in a host's name.
bool is_region(std::string_view region) {
  return !region.empty() && region.size() <= 63 && std::ranges::all_of(region, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

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

std::string_view partition_of(std::string_view region) { return partition(region).name; }

Endpoint aws_endpoint(std::string_view service, std::string_view region, EndpointVariant variant) {
  const Partition& where = partition(region);
  const bool is_s3 = service == "s3";
  const bool fips_name =
      variant.fips && (variant.dual_stack || !plain_host_is_fips(service, region));
  Endpoint out;
  out.authority = service;
  if (fips_name) out.authority += "-fips";
  if (is_s3 && variant.dual_stack) out.authority += ".dualstack";
  out.authority.append(".").append(region).append(".");
  // S3 had addresses of both kinds before there was a domain for them.
  out.authority += variant.dual_stack && !is_s3 ? where.dual_stack_suffix : where.suffix;
  return out;
}

// The setting, else the service's variable, else the one for all services, else AWS's own.
Result<Endpoint> find_endpoint(std::string_view service,
                               const std::string& region,
                               const std::string& setting,
                               const config::Environment& environment) {
  const auto is_true = [&](const char* variable) {
    return lower(environment(variable).value_or("")) == "true";
  };
  if (!setting.empty()) return parse_endpoint(setting);
  if (!is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
    const std::string own = "AWS_ENDPOINT_URL_" + std::string(service_id(service));
    for (const std::string& variable : {own, std::string("AWS_ENDPOINT_URL")}) {
      const std::string url = environment(variable).value_or("");
      if (url.empty()) continue;
      auto endpoint = parse_endpoint(url);
      if (!endpoint) return fail(std::move(endpoint.error()).within(variable));
      return endpoint;
    }
  }
  if (!is_region(region)) {
    return fail(Errc::invalid_request, "region \"" + region +
                                           "\" is none of AWS's; hint: a region looks like "
                                           "us-east-1");
  }
  const EndpointVariant variant{.fips = is_true("AWS_USE_FIPS_ENDPOINT"),
                                .dual_stack = is_true("AWS_USE_DUALSTACK_ENDPOINT")};
  if (variant.fips && service == "s3" && partition_of(region) == "aws-cn") {
    return fail(Errc::invalid_request,
                "AWS_USE_FIPS_ENDPOINT: S3 has no FIPS endpoint in " + region + "; hint: unset it");
  }
  return aws_endpoint(service, region, variant);
}

}  // namespace quarry::aws
