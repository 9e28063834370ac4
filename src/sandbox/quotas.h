#pragma once
// The sandbox's Service Quotas (JSON 1.1, ServiceQuotasV20190624): what Bedrock allows of batch
// inference, per model, by the names that AWS gives these quotas.

#include "base/clock.h"
#include "http/server.h"
#include "sandbox/identities.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct QuotasContext {
  const Identities& identities;
  const Clock& wall;
  std::uint64_t records_min = 100;
  std::uint64_t jobs_max = 20;  // of a model at once; 0 = no limit
};

// True for what is Service Quotas' on the shared port: posted to "/" with an X-Amz-Target.
bool is_quotas_request(const http::ServerRequest& request);
// The operation that X-Amz-Target names; "" when it names none of this service.
std::string_view quotas_operation(const http::ServerRequest& request);

http::ServerResponse handle_quotas(const QuotasContext& quotas,
                                   const http::ServerRequest& request,
                                   const std::string& body,
                                   std::chrono::seconds clock_offset);

}  // namespace quarry::sandbox
