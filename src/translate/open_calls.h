#pragma once
// Which tool calls of a conversation still wait for their results: every model wants each answered
// before the conversation goes on.

#include "translate/conversation.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

class OpenCalls {
 public:
  // place(): where the id is, asked for only to say what is wrong.
  template <class Place>
  Outcome open(json::Value id, const Place& place) {
    if (id.raw_text().empty()) return invalid_value(place(), "must not be empty");
    if (std::ranges::find(ids_, id.text()) != ids_.end()) {
      return invalid_value(place(), "is the id of another call of this message");
    }
    ids_.push_back(id.text());
    return {};
  }
  template <class Place>
  Outcome answer(json::Value id, const Place& place) {
    const auto call = std::ranges::find(ids_, id.text());
    if (call == ids_.end()) {
      return invalid_value(
          place(), "no tool call without a result in the assistant message before has this id");
    }
    ids_.erase(call);
    return {};
  }
  bool none() const { return ids_.empty(); }

 private:
  std::vector<std::string_view> ids_;
};

}  // namespace quarry::translate
