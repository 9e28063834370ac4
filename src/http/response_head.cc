#include "http/response_head.h"

#include "http/request_parser.h"

#include <fmt/format.h>

#include <array>

namespace quarry::http {

namespace {

constexpr std::array<std::string_view, 6> kServersFields = {
    "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "x-request-id"};

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.contains(c);
  });
}

void append_field(std::string& head, std::string_view field_name, std::string_view value) {
  head.append(field_name).append(": ");
  for (const char c : value) head.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  head.append("\r\n");
}

}  // namespace

ResponseFraming framing_of(const ServerResponse& response,
                           std::string_view method,
                           bool http11,
                           bool keep_alive) {
  using Body = ResponseFraming::Body;
  ResponseFraming framing{.keep_alive = keep_alive && !response.close, .http11 = http11};
  const bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless) return framing;
  const bool head = method == "HEAD";
  if (!response.stream) {
    framing.content_length = response.body.size();
    if (head && response.body.empty() && response.content_length) {
      framing.content_length = response.content_length;
    }
  } else {
    framing.content_length = response.content_length;
  }
  if (framing.content_length) {
    framing.body = Body::sized;
  } else if (http11) {
    framing.body = Body::chunked;
  } else {
    framing.body = Body::until_close;
    if (!head) framing.keep_alive = false;
  }
  if (head) framing.body = Body::none;
  return framing;
}

std::string response_head(const ServerResponse& response,
                          const ResponseFraming& framing,
                          std::string_view request_id,
                          std::string_view date) {
  std::string head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status,
                 reason_phrase(response.status));
  append_field(head, "Date", date);
  append_field(head, "x-request-id", request_id);
  for (const auto& [field_name, value] : response.headers.fields()) {
    const bool servers = std::ranges::any_of(kServersFields, [&](std::string_view taken) {
      return equal_ignoring_case(taken, field_name);
    });
    if (!servers && is_token(field_name)) append_field(head, field_name, value);
  }
  if (!framing.keep_alive) {
    head += "Connection: close\r\n";
  } else if (!framing.http11) {
    head += "Connection: keep-alive\r\n";
  }
  if (framing.content_length) {
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *framing.content_length);
  } else if (framing.body == ResponseFraming::Body::chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  head += "\r\n";
  return head;
}

std::string http_date(std::chrono::sys_seconds at) {
  using namespace std::chrono;
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                     "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[weekday(day).c_encoding()],
                     unsigned(date.day()), kMonths[unsigned(date.month()) - 1], int(date.year()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace quarry::http
