#include "webhook/attempt.h"

#include "aws/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace quarry::webhook {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr std::array<std::chrono::seconds, 9> kWaits{5s,    20s, 1min, 3min,        10min,
                                                     30min, 1h,  2h,   kLongestWait};

// Seconds or a date (RFC 9110 10.2.3).
std::optional<milliseconds> retry_after(const http::Headers& headers, SysTime now) {
  const auto text = headers.get("Retry-After");
  if (!text) return std::nullopt;
  if (const auto at = aws::parse_http_date(*text)) return std::max(0ms, *at - now);
  std::uint32_t seconds = 0;
  const char* const last = text->data() + text->size();
  const auto [end, failed] = std::from_chars(text->data(), last, seconds);
  if (end != last || (failed != std::errc() && failed != std::errc::result_out_of_range)) {
    return std::nullopt;
  }
  return failed == std::errc() ? std::chrono::seconds(seconds) : milliseconds(kLongestWait);
}

}  // namespace

Verdict judge(const Result<http::ClientResponse>& answer, SysTime now) {
  using Kind = Verdict::Kind;
  if (!answer) {
    const bool refused = answer.error().code() == Errc::forbidden;
    return {Kind::again, answer.error().message(), refused, std::nullopt};
  }
  const int status = answer->status;
  if (status / 100 == 2) return {Kind::delivered, "", false, std::nullopt};
  const std::string why = fmt::format("it answered {}", status);
  if (status == 410) return {Kind::gone, why, false, std::nullopt};
  const bool may_ask = status == 429 || status == 503;
  return {Kind::again, why, false, may_ask ? retry_after(answer->headers, now) : std::nullopt};
}

std::optional<std::int64_t> next_attempt_ms(std::int64_t created_ms,
                                            std::int64_t now_ms,
                                            int attempts,
                                            double jitter,
                                            std::optional<milliseconds> asked_for) {
  const std::int64_t last_ms = created_ms + milliseconds(kTryFor).count();
  if (now_ms >= last_ms) return std::nullopt;
  const auto step =
      static_cast<std::size_t>(std::clamp(attempts - 1, 0, static_cast<int>(kWaits.size()) - 1));
  const auto usual = static_cast<std::int64_t>(
      static_cast<double>(milliseconds(kWaits[step]).count()) * (0.75 + jitter / 2));
  const std::int64_t asked =
      asked_for ? std::min(*asked_for, milliseconds(kLongestWait)).count() : 0;
  return std::min(now_ms + std::max(usual, asked), last_ms);
}

}  // namespace quarry::webhook
