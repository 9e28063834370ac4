#include "base/result.h"

namespace quarry {

std::string_view name(Errc code) {
  switch (code) {
    case Errc::invalid_request:
      return "invalid_request";
    case Errc::not_found:
      return "not_found";
    case Errc::forbidden:
      return "forbidden";
    case Errc::denied:
      return "denied";
    case Errc::conflict:
      return "conflict";
    case Errc::limited:
      return "limited";
    case Errc::throttled:
      return "throttled";
    case Errc::unavailable:
      return "unavailable";
    case Errc::deadline_exceeded:
      return "deadline_exceeded";
    case Errc::cancelled:
      return "cancelled";
    case Errc::upstream:
      return "upstream";
    case Errc::corrupt:
      return "corrupt";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

bool retryable(Errc code) {
  return code == Errc::throttled || code == Errc::unavailable || code == Errc::deadline_exceeded;
}

Error Error::within(std::string_view doing) && {
  message_.insert(0, ": ");
  message_.insert(0, doing);
  return std::move(*this);
}

}  // namespace quarry
