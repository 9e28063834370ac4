#pragma once
// Which faults of the script in force happen now. The same script and the same sequence of requests
// give the same faults. Loop's thread.

#include "sandbox/fault_script.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quarry::sandbox {

using FaultPtr = std::shared_ptr<const FaultRule>;

class FaultChoice {
 public:
  // From now on; what has fired is forgotten.
  void replace(FaultScript script);
  void clear() { replace({}); }

  // The first rule that fires for this request; nullptr when none does. Counts.
  FaultPtr for_request(const RequestFacts& facts);
  // Every rule that fires for a job about to be made. Counts.
  std::vector<FaultPtr> for_job(std::span<const std::string> texts, const std::string& region);

  // The script, each fault with "matched" and "fired" beside what was written.
  boost::json::object report() const;

 private:
  struct Entry {
    FaultPtr rule;
    std::uint64_t matched = 0;
    std::uint64_t fired = 0;
  };

  bool fires(std::size_t index, std::span<const std::string> texts, const std::string& region);

  std::uint64_t seed_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace quarry::sandbox
