#include "aws/sts_client.h"

namespace quarry::aws {

std::shared_ptr<StsClient> make_sts_client(
    Wire, std::shared_ptr<CredentialProvider>, Endpoint, std::string, Jitter) {
  return nullptr;
}

std::optional<std::string> profile_region(const std::string&, const config::Environment&) {
  return std::nullopt;
}

}  // namespace quarry::aws
