#include "sandbox/xml.h"

#include <fmt/format.h>
#include <pugixml.hpp>

#include <charconv>

namespace quarry::sandbox {
namespace {

// Clients may prefix the namespace ("s3:Part"); only the local name counts.
std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::optional<std::string> child_text(const pugi::xml_node& node, std::string_view name) {
  for (const auto& child : node.children()) {
    if (local_name(child) == name) return std::string(child.text().get());
  }
  return std::nullopt;
}

std::string unquoted(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

bool load(pugi::xml_document& document, std::string_view xml, std::string_view root) {
  // Keys may be whitespace or hold it: nothing is trimmed, and blank text is kept where it stands
  // alone.
  const unsigned options = pugi::parse_default | pugi::parse_ws_pcdata_single;
  return document.load_buffer(xml.data(), xml.size(), options) &&
         local_name(document.document_element()) == root;
}

}  // namespace

std::string xml_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\r':
        out += "&#13;";
        break;
      default:
        // Not XML 1.0, but what S3 itself writes for a key with control characters.
        if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n') {
          out += fmt::format("&#x{:X};", static_cast<unsigned>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  return out;
}

XmlWriter::XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}

void XmlWriter::open(std::string_view name) { out_.append("<").append(name).append(">"); }

void XmlWriter::open_result(std::string_view name) {
  out_.append("<").append(name).append(" xmlns=\"").append(kS3Namespace).append("\">");
}

void XmlWriter::close(std::string_view name) { out_.append("</").append(name).append(">"); }

void XmlWriter::element(std::string_view name, std::string_view text) {
  open(name);
  out_ += xml_escape(text);
  close(name);
}

std::optional<std::vector<CompletedPart>> read_complete_request(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml, "CompleteMultipartUpload")) return std::nullopt;
  std::vector<CompletedPart> parts;
  for (const auto& node : document.document_element().children()) {
    if (local_name(node) != "Part") continue;
    const auto number = child_text(node, "PartNumber");
    auto etag = child_text(node, "ETag");
    if (!number || !etag) return std::nullopt;
    CompletedPart part{.number = 0, .etag = unquoted(std::move(*etag)), .checksum = {}};
    for (const auto& child : node.children()) {
      if (local_name(child).starts_with("Checksum")) part.checksum = child.text().get();
    }
    const char* end = number->data() + number->size();
    const auto [at, error] = std::from_chars(number->data(), end, part.number);
    if (error != std::errc{} || at != end) return std::nullopt;
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return std::nullopt;
  return parts;
}

std::optional<DeleteRequest> read_delete_request(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml, "Delete")) return std::nullopt;
  DeleteRequest request;
  for (const auto& node : document.document_element().children()) {
    if (local_name(node) == "Quiet") request.quiet = std::string_view(node.text().get()) == "true";
    if (local_name(node) != "Object") continue;
    auto key = child_text(node, "Key");
    if (!key) return std::nullopt;
    auto etag = child_text(node, "ETag");
    if (etag) etag = unquoted(std::move(*etag));
    request.objects.push_back({.key = std::move(*key), .etag = std::move(etag)});
  }
  if (request.objects.empty()) return std::nullopt;
  return request;
}

std::optional<std::string> read_location_constraint(std::string_view xml) {
  if (xml.empty()) return std::string{};
  pugi::xml_document document;
  if (!load(document, xml, "CreateBucketConfiguration")) return std::nullopt;
  return child_text(document.document_element(), "LocationConstraint").value_or(std::string{});
}

}  // namespace quarry::sandbox
