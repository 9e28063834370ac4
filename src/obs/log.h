#pragma once
// Logs: one line an event, `event key=value …` for people, a JSON object with --log-format json.
// No prompt, completion, key or AWS secret is ever a field: fields are ids, counts, codes and names.
// Any thread.

#include <fmt/format.h>

#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace quarry::obs {

enum class Level { debug, info, warn, error };
enum class LogFormat { automatic, human, json };  // automatic: human on a terminal, else logfmt-like human without colour

struct Field {
  template <class T>
  Field(std::string_view field_key, const T& field_value)
      : key(field_key), value(fmt::format("{}", field_value)), quoted(!std::is_arithmetic_v<T>) {}
  std::string_view key;
  std::string value;
  bool quoted;  // a JSON string; numbers and booleans are not
};

// Once, before the first log(). Logs go to stderr.
void configure(LogFormat format, Level least);

// event: a few words, lower case, the same words for the same event: "batch created".
void log(Level level, std::string_view event, std::initializer_list<Field> fields = {});
inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) { log(Level::debug, event, fields); }
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) { log(Level::info, event, fields); }
inline void warn(std::string_view event, std::initializer_list<Field> fields = {}) { log(Level::warn, event, fields); }
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) { log(Level::error, event, fields); }

// For TaskGroup: logs at error level what a task ended with.
void log_task_failure(std::string_view task, std::exception_ptr failure);

}  // namespace quarry::obs
