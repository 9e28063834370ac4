#pragma once
// Which failures of AWS pass by themselves, or with new credentials, so that work waits for that
// instead of failing.

#include "base/result.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace quarry::batch {

// AWS was not asked: there was nobody to ask as (aws::RequestSender).
inline bool no_credentials(const Error& error) { return error.reason() == "NoCredentials"; }

// Retryable errors, our own bugs, and credentials that have run out: an operator renews those, and
// a night's work must not be lost to it.
inline bool worth_repeating(const Error& error) {
  constexpr std::array<std::string_view, 6> kCredentialReasons{
      "ExpiredToken",       "ExpiredTokenException",       "InvalidClientTokenId",
      "InvalidAccessKeyId", "UnrecognizedClientException", "NoCredentials"};
  return retryable(error.code()) || error.code() == Errc::internal ||
         std::ranges::find(kCredentialReasons, error.reason()) != kCredentialReasons.end();
}

}  // namespace quarry::batch
