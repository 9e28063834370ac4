#pragma once
// Where machines and people get temporary credentials without a key: the instance metadata service
// (IMDSv2), the endpoint of containers, and the SSO portal. Loop's thread.

#include "base/clock.h"
#include "http/server.h"
#include "sandbox/identities.h"

#include <map>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct MetadataContext {
  Identities& identities;
  const Clock& wall;
  std::map<std::string, SysTime> tokens{};  // of IMDSv2, with their ends
};

// /latest/…, /_sandbox/container-credentials, /federation/credentials
bool is_metadata_path(std::string_view path);
// The operation's name (request_facts.h).
std::string_view metadata_operation(std::string_view method, std::string_view path);

http::ServerResponse handle_metadata(MetadataContext& metadata, const http::ServerRequest& request);

}  // namespace quarry::sandbox
