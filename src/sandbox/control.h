#pragma once
// The sandbox's own paths, /_sandbox/…: its health, its account, its faults, its records. They are
// no part of AWS and need no signature.

#include "base/task.h"
#include "http/server.h"
#include "sandbox/call_records.h"
#include "sandbox/fault_choice.h"
#include "sandbox/identities.h"
#include "sandbox/jobs.h"

#include <string_view>

namespace quarry::sandbox {

struct ControlContext {
  FaultChoice& faults;
  CallRecords& calls;
  const JobTable& jobs;
  Identities& identities;
};

bool is_control_path(std::string_view path);

Awaitable<http::ServerResponse> handle_control(ControlContext& control,
                                               http::ServerRequest request,
                                               http::BodyReader& body);

}  // namespace quarry::sandbox
