#pragma once
// How a log line is spelled. Pure, so that the spelling is tested without a stream.

#include "obs/log.h"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace quarry::obs {

using LogTime = std::chrono::system_clock::time_point;

std::string_view name(Level level);

// "14:03:05 info  batch created  batch=batch_1 lines=500", local time. A value that holds anything
// but plain words is quoted; nothing in it can end the line or reach the terminal as a control
// sequence.
std::string human_line(
    LogTime now, Level level, std::string_view event, std::span<const Field> fields, bool colour);

// {"time":"2026-11-22T14:03:05.123Z","level":"info","event":"batch created",…}. Invalid UTF-8
// becomes U+FFFD. A field named like one of the first three gets a trailing '_'.
std::string json_line(LogTime now,
                      Level level,
                      std::string_view event,
                      std::span<const Field> fields);

}  // namespace quarry::obs
