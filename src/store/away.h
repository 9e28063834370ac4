#pragma once
// What a log makes of an error that every call meets while the database is away.

#include "base/result.h"
#include "obs/log.h"

namespace quarry::store {

// The reason() of such an error.
inline constexpr const char* kDatabaseAway = "database_away";

// debug for it, since the outage's begin and end are in the log once; error for others.
inline obs::Level log_level(const Error& error) {
  return error.reason() == kDatabaseAway ? obs::Level::debug : obs::Level::error;
}

}  // namespace quarry::store
