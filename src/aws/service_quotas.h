#pragma once
// Service Quotas (API reference, version 2019-06-24; JSON 1.1): what an account may use of a
// service.

#include "aws/credentials.h"
#include "aws/request_sender.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::aws {

struct Quota {
  std::string code;  // "L-2767B9A9"
  std::string name;  // "Records per batch inference job for Claude Opus 4.5"
  double value = 0;
  bool adjustable = false;
};

struct QuotaPage {
  std::vector<Quota> quotas;
  std::string next_token;  // "" on the last page
};
// The answer of ListServiceQuotas. Errors: corrupt. Pure.
Result<QuotaPage> parse_quota_page(std::string_view json);

class ServiceQuotas {
 public:
  virtual ~ServiceQuotas() = default;
  // Every quota of a service ("bedrock") in the client's region; 100 a page, at most kPagesMax
  // pages. Errors: as BedrockClient's.
  virtual Task<std::vector<Quota>> list(std::string service_code, Deadline deadline) = 0;

  static constexpr int kPagesMax = 100;
};

// wire's parts outlive the client.
std::shared_ptr<ServiceQuotas> make_service_quotas(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter = random_jitter());

}  // namespace quarry::aws
