#include "obs/trace_context.h"

#include <algorithm>
#include <cstddef>

namespace quarry::obs {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t kVersionAt = 0, kTraceAt = 3, kParentAt = 36, kFlagsAt = 53, kEnd = 55;

// Lower-case alone (2.2.2: HEXDIGLC).
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return hex_digit(c) >= 0; });
}

bool is_id(std::string_view text) {
  return is_hex(text) && std::ranges::any_of(text, [](char c) { return c != '0'; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  if (header.size() < kEnd) return std::nullopt;
  const std::string_view version = header.substr(kVersionAt, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  // 3.2.4: what a later version adds comes behind another dash.
  if (header.size() > kEnd && (version == "00" || header[kEnd] != '-')) return std::nullopt;
  for (const std::size_t next : {kTraceAt, kParentAt, kFlagsAt}) {
    if (header[next - 1] != '-') return std::nullopt;
  }
  const std::string_view trace = header.substr(kTraceAt, kParentAt - 1 - kTraceAt);
  const std::string_view parent = header.substr(kParentAt, kFlagsAt - 1 - kParentAt);
  const std::string_view flags = header.substr(kFlagsAt, 2);
  if (!is_id(trace) || !is_id(parent) || !is_hex(flags)) return std::nullopt;
  return TraceContext{std::string(trace), std::string(parent), (hex_digit(flags[1]) & 1) != 0};
}

RequestTrace begin_span(const std::optional<TraceContext>& from, std::string_view random) {
  if (!from) return {};
  std::string span(random.substr(0, 16));
  if (!is_id(span) || span.size() < 16) span = "0000000000000001";
  return {from->trace_id, std::move(span)};
}

}  // namespace quarry::obs
