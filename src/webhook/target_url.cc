#include "webhook/target_url.h"

#include "http/public_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace quarry::webhook {
namespace {

constexpr std::size_t kUrlCharsMax = 2048;
constexpr std::size_t kHostCharsMax = 253;

std::unexpected<Error> wrong(std::string message) {
  return fail(Errc::invalid_request, std::move(message));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kHostCharsMax && host.front() != '.' &&
         host.find("..") == std::string_view::npos && std::ranges::all_of(host, [](char c) {
           return is_alnum(c) || c == '.' || c == '-' || c == '_';
         });
}

// "127.1", "2130706433", "0x7f.1": what a resolver takes for an address, though it is not written
// as one.
bool ends_in_a_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (last.empty()) return false;
  return std::ranges::all_of(last, is_digit) || last.starts_with("0x");
}

bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

// Of RFC 3986's characters, with %XX.
bool is_encoded(std::string_view rest) {
  static constexpr std::string_view kOthers = "-._~:/?@!$&'()*+,;=%";
  return std::ranges::all_of(
      rest, [](char c) { return is_alnum(c) || kOthers.find(c) != std::string_view::npos; });
}

Result<void> check_host(std::string_view host, bool bracketed, const UrlRules& rules) {
  const std::optional<bool> is_public = http::is_public_address(host);
  if (bracketed ? !is_public || host.find(':') == std::string_view::npos : !is_name(host)) {
    return wrong("names no host");
  }
  if (!is_public && ends_in_a_number(host)) return wrong("writes its address in an unusual way");
  const bool is_private = is_public ? !*is_public : is_localhost(host);
  if (is_private && !rules.private_addresses) {
    return wrong(fmt::format("leads to {}, which is not a public address", host));
  }
  return {};
}

// nullopt: it is none.
std::optional<std::string_view> default_port(std::string_view& rest, const UrlRules& rules) {
  const auto take = [&rest](std::string_view scheme) {
    const bool is_it = rest.size() > scheme.size() &&
                       std::ranges::equal(rest.substr(0, scheme.size()), scheme, {}, lower);
    if (is_it) rest.remove_prefix(scheme.size());
    return is_it;
  };
  if (take("https://")) return "443";
  if (rules.http && take("http://")) return "80";
  return std::nullopt;
}

}  // namespace

Result<std::string> check_target_url(std::string_view url, UrlRules rules) {
  if (url.size() > kUrlCharsMax) {
    return wrong(fmt::format("is longer than {} characters", kUrlCharsMax));
  }
  std::string_view rest = url;
  const auto scheme_port = default_port(rest, rules);
  if (!scheme_port)
    return wrong(rules.http ? "must begin with https:// or http://" : "must begin with https://");
  std::string_view port = *scheme_port;
  const std::size_t end = rest.find_first_of("/?#\\");
  std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) {
    return wrong("may not hold a user or a password: events are signed");
  }
  if (rest.find('#') != std::string_view::npos) return wrong("may not hold a fragment ('#')");
  if (!is_encoded(rest.substr(std::min(rest.size(), authority.size())))) {
    return wrong("holds characters that must be percent-encoded");
  }

  const bool bracketed = authority.starts_with('[');
  const std::size_t colon =
      bracketed ? authority.find(':', std::min(authority.find(']'), authority.size()))
                : authority.find(':');
  std::string_view host = authority.substr(0, colon);
  if (colon != std::string_view::npos) {
    port = authority.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [stop, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (failed != std::errc() || stop != port.data() + port.size() || number == 0) {
      return wrong("names no port after its host's ':'");
    }
  }
  if (bracketed) {
    if (!host.ends_with(']')) return wrong("names no host");
    host = host.substr(1, host.size() - 2);
  }
  std::string lower_host(host);
  std::ranges::transform(lower_host, lower_host.begin(), lower);
  if (auto fine = check_host(lower_host, bracketed, rules); !fine) {
    return fail(std::move(fine.error()));
  }
  return bracketed ? fmt::format("[{}]:{}", lower_host, port)
                   : fmt::format("{}:{}", lower_host, port);
}

}  // namespace quarry::webhook
