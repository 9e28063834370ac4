#include "sandbox/wire.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "sandbox/xml.h"

#include <boost/json.hpp>

namespace quarry::sandbox {
namespace {

std::optional<std::string> form_decode(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return percent_decode(spaced);
}

bool is_address(std::string_view host) {
  return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string_view partition_of(std::string_view region) {
  if (region.starts_with("us-gov-")) return "aws-us-gov";
  if (region.starts_with("cn-")) return "aws-cn";
  if (region.starts_with("eusc-")) return "aws-eusc";
  if (region.starts_with("us-iso-")) return "aws-iso";
  if (region.starts_with("us-isob-")) return "aws-iso-b";
  return "aws";
}

std::optional<Query> Query::parse(std::string_view raw) {
  Query query;
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view item = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end + 1);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    auto name = form_decode(item.substr(0, equals));
    auto value =
        equals == std::string_view::npos ? std::string{} : form_decode(item.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    query.items_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<std::string> Query::get(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

bool Query::has(std::string_view name) const { return get(name).has_value(); }

std::optional<std::string> bucket_of_host(std::string_view host) {
  if (is_address(host.substr(0, host.rfind(':')))) return std::nullopt;
  host = host.substr(0, host.find(':'));
  std::size_t cut = host.find(".s3.");
  if (cut == std::string_view::npos) cut = host.find(".s3-");
  if (cut == std::string_view::npos && host.ends_with(".localhost")) {
    cut = host.size() - std::string_view(".localhost").size();
  }
  if (cut == std::string_view::npos || cut == 0) return std::nullopt;
  const std::string_view bucket = host.substr(0, cut);
  for (const std::string_view service :
       {"s3", "bedrock", "bedrock-runtime", "sts", "servicequotas"}) {
    if (bucket == service) return std::nullopt;
  }
  return std::string(bucket);
}

std::vector<std::string_view> split_text(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || i + size > text.size()) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    const auto second = static_cast<unsigned char>(size > 2 ? text[i + 1] : 0);
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return false;
    if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return false;
    i += size;
  }
  return true;
}

http::ServerResponse s3_fault(const Fault& fault,
                              std::string_view resource,
                              const std::string& request_id) {
  XmlWriter xml;
  xml.open("Error");
  xml.element("Code", fault.code);
  xml.element("Message", fault.message);
  for (const auto& [name, value] : fault.details) xml.element(name, value);
  xml.element("Resource", resource);
  xml.element("RequestId", request_id);
  xml.element("HostId", "quarry-sandbox");
  xml.close("Error");
  http::ServerResponse response;
  response.status = fault.status;
  response.headers.set("Content-Type", "application/xml");
  response.body = std::move(xml).text();
  return response;
}

http::ServerResponse query_fault(const Fault& fault, const std::string& request_id) {
  XmlWriter xml;
  xml.open("ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"");
  xml.open("Error");
  xml.element("Type", fault.status < 500 ? "Sender" : "Receiver");
  xml.element("Code", fault.code);
  xml.element("Message", fault.message);
  xml.close("Error");
  xml.element("RequestId", request_id);
  xml.close("ErrorResponse");
  http::ServerResponse response;
  response.status = fault.status;
  response.headers.set("Content-Type", "text/xml");
  response.headers.set("x-amzn-RequestId", request_id);
  response.body = std::move(xml).text();
  return response;
}

http::ServerResponse json_response(int status, std::string body) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = std::move(body);
  return response;
}

http::ServerResponse bedrock_fault(const Fault& fault) {
  auto response = json_response(
      fault.status, boost::json::serialize(boost::json::object{{"message", fault.message}}));
  response.headers.set("x-amzn-ErrorType",
                       fault.code + ":http://internal.amazon.com/coral/com.amazon.bedrock/");
  return response;
}

std::string s3_request_id() {
  std::string id = random_hex128().substr(0, 16);
  for (char& c : id) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  }
  return id;
}

std::string amzn_request_id() {
  std::string id = random_hex128();
  for (const std::size_t at : {8U, 13U, 18U, 23U}) id.insert(at, "-");
  return id;
}

}  // namespace quarry::sandbox
