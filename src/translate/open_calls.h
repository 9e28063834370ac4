#pragma once
// Which tool calls of a conversation still wait for their results: every model wants each answered
// before the conversation goes on.

#include "translate/conversation.h"

#include <string>
#include <string_view>
#include <unordered_set>

namespace quarry::translate {

class OpenCalls {
 public:
  // place(): where the id is, asked for only to say what is wrong.
  template <class Place>
  Outcome open(json::Value id, const Place& place) {
    if (id.raw_text().empty()) return invalid_value(place(), "must not be empty");
    if (ids_.insert(id.text()).second) return {};
    return invalid_value(place(), "is the id of another call of this message");
  }
  template <class Place>
  Outcome answer(json::Value id, const Place& place) {
    if (ids_.erase(id.text()) != 0) return {};
    return invalid_value(
        place(), "no tool call without a result in the assistant message before has this id");
  }
  bool none() const { return ids_.empty(); }

 private:
  std::unordered_set<std::string_view> ids_;  // a line may make very many calls at once
};

}  // namespace quarry::translate
