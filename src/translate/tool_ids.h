#pragma once
// Ids of tool calls for models that are narrower about them than OpenAI.

#include "json/reader.h"

#include <cstddef>
#include <string>

namespace quarry::translate {

// Appends the id as a JSON string of [a-zA-Z0-9_-]: every other character is '_'. A call and its
// result are changed alike.
inline void append_tool_id(std::string& out, json::Value id) {
  out += '"';
  const std::size_t begin = out.size();
  out += id.text();
  for (std::size_t i = begin; i < out.size(); ++i) {
    const char c = out[i];
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) out[i] = '_';
  }
  out += '"';
}

}  // namespace quarry::translate
