#pragma once
// Which deployment of a group takes the next job. By weight: in the long run each has a share of
// the records like its share of the weights. What the deployments hold already counts, and one
// without a free slot is passed over as long as another has one. Pure.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quarry::batch {

class Spread {
 public:
  struct Candidate {
    int weight = 1;                 // > 0
    std::int64_t open_records = 0;  // of jobs it has and has not finished, of any batch
    bool has_free_slot = true;
  };

  // At least one candidate. seed: decides among equals, so that many small batches do not all
  // begin with the first; the same seed decides the same.
  Spread(std::vector<Candidate> candidates, std::uint64_t seed);

  // The place of the candidate that takes the next job.
  std::size_t next();
  void took(std::size_t candidate, std::int64_t records);

 private:
  std::vector<Candidate> candidates_;
  std::uint64_t state_;
};

}  // namespace quarry::batch
