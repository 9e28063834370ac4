#pragma once
// A provider over a source whose credentials expire (botocore's RefreshableCredentials).

#include "aws/credential_source.h"
#include "aws/credentials.h"
#include "base/clock.h"

#include <chrono>
#include <memory>

namespace quarry::aws {

// How long before their end credentials are fetched anew.
struct RefreshWindows {
  std::chrono::milliseconds advisory;   // in the background, and a failure is borne
  std::chrono::milliseconds mandatory;  // callers wait for it
};
// 15 and 10 minutes; for sessions under half an hour a half and a quarter of them, so that a short
// one is not fetched at every call. lifetime: as they were when they came. Pure.
RefreshWindows refresh_windows(std::chrono::milliseconds lifetime);

// What is wrong now may be mended in a moment, but a hundred calls at once ask once; and twice as
// long after each further failure, for who is asked may lock an account.
inline constexpr std::chrono::seconds kErrorRemembered{1};
inline constexpr std::chrono::seconds kErrorRememberedMax{60};
// A fetch's own limit: it serves all who wait, so nobody's deadline is its.
inline constexpr std::chrono::seconds kFetchTimeout{60};
// Calls that fail together on one expired token say so one after the other; what came since then
// is not what they failed with.
inline constexpr std::chrono::seconds kJustFetched{5};

// One fetch at a time, for all who wait; none of them can cancel it. What is there and has not
// expired serves on while no newer can be had. clock outlives the provider and its fetches.
std::shared_ptr<CredentialProvider> refreshing_credentials(
    const Clock& clock, std::shared_ptr<CredentialSource> source);

}  // namespace quarry::aws
