#pragma once
// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/): where a request comes from,
// as the header `traceparent` says it. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace quarry::obs {

struct TraceContext {
  std::string trace_id;   // 32 lower-case hex digits, not all 0
  std::string parent_id;  // 16 of them: the caller's span
  bool sampled = false;

  bool operator==(const TraceContext&) const = default;
};

// nullopt where the header is not valid, which is as if it were not there (3.2.2, 4.3). Of versions
// to come it takes what this version has.
std::optional<TraceContext> parse_traceparent(std::string_view header);

// What a request is called in log lines: the trace it belongs to and, of that, a span of its own.
// Both are "" where the client sent no trace.
struct RequestTrace {
  std::string trace_id;
  std::string span_id;
};

// random: 32 random hex digits, of which the span's id is made.
RequestTrace begin_span(const std::optional<TraceContext>& from, std::string_view random);

}  // namespace quarry::obs
