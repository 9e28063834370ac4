#pragma once
// What a fault of a request does to its answer.

#include "base/task.h"
#include "http/server.h"
#include "sandbox/fault_choice.h"
#include "sandbox/request_facts.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace quarry::sandbox {

// The answer in place of the operation, which then does not happen; nullopt where it goes on.
// `resource` is the path as sent.
std::optional<http::ServerResponse> answer_instead(const FaultRule& rule,
                                                   const RequestFacts& facts,
                                                   std::string_view resource);

// What becomes of the operation's own answer; `rule` may be null. Takes its time where the fault
// does.
Awaitable<http::ServerResponse> spoil_answer(FaultPtr rule, http::ServerResponse response);

// How far the service's clock is off for this request; `rule` may be null.
std::chrono::seconds clock_offset(const FaultPtr& rule);

}  // namespace quarry::sandbox
