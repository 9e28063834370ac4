#pragma once
// For database.cc: connections whose transactions are counted and timed (obs/metrics.h).

#include "store/connections.h"

#include <memory>

namespace quarry::store {

std::unique_ptr<Connections> measured(std::unique_ptr<Connections> connections);

}  // namespace quarry::store
