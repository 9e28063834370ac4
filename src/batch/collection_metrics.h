#pragma once
// What a job's collection adds to the metrics. Once for each job: after the transaction that makes
// it collected.

#include "store/batch_store.h"
#include "store/rows.h"

namespace quarry::batch {

// The figures of a collection, kept while its transaction takes the rest.
class CollectionCount {
 public:
  CollectionCount(const store::JobRow& job, const store::BatchStore::Collected& collected);
  void add() const;

 private:
  std::string model_;
  std::string kind_;
  std::string state_;
  std::int64_t succeeded_, failed_, unfinished_;
  openai::Usage usage_;
  std::int64_t cost_nano_usd_;
  bool unpriced_;
  bool manifest_differs_;
};

// Lines that never became a job's: Quarry refused them.
void count_refused_lines(std::int64_t lines);

}  // namespace quarry::batch
