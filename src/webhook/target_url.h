#pragma once
// Which URLs events may be sent to. Pure: no name is looked up here, so what a name stands for is
// checked when it is connected to (http/client.h, public_addresses_only).

#include "base/result.h"

#include <string>
#include <string_view>

namespace quarry::webhook {

struct UrlRules {
  bool http = false;               // http:// too
  bool private_addresses = false;  // also addresses that are not of the public Internet
};

// Gives whom the url leads to, "host:port" in lower case: what may be logged of it.
// Errors: invalid_request; the message goes on after "webhook_url " or the like, and does not
// repeat the url, whose query may hold a secret.
Result<std::string> check_target_url(std::string_view url, UrlRules rules);

}  // namespace quarry::webhook
