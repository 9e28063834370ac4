#pragma once
// The sandbox's Security Token Service (query protocol, version 2011-06-15): AssumeRole,
// AssumeRoleWithWebIdentity, GetCallerIdentity, GetSessionToken. Loop's thread.

#include "base/clock.h"
#include "http/server.h"
#include "sandbox/identities.h"

#include <chrono>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct StsContext {
  Identities& identities;
  const Clock& wall;
};

// True for what is STS's on the shared port: a form posted to "/".
bool is_sts_request(const http::ServerRequest& request);

// The Action of a form; "" when there is none.
std::string sts_action(std::string_view form);

// Verifies, answers, and turns faults into XML. `clock_offset` is how far the service's clock is
// off.
http::ServerResponse handle_sts(StsContext& sts,
                                const http::ServerRequest& request,
                                const std::string& form,
                                std::chrono::seconds clock_offset);

}  // namespace quarry::sandbox
