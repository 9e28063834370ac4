#pragma once
// Times as AWS writes them (Smithy, "timestampFormat"; S3 API reference). Pure.

#include "base/clock.h"

#include <optional>
#include <string_view>

namespace quarry {

// ISO 8601 with any number of digits of fraction: "2026-01-02T03:04:05.678Z", "…+01:00". nullopt:
// it is not that.
std::optional<SysTime> parse_timestamp(std::string_view text);

}  // namespace quarry
