#include "batch/spread.h"

#include <algorithm>
#include <random>

namespace quarry::batch {

Spread::Spread(std::vector<Candidate> candidates, std::uint64_t seed)
    : candidates_(std::move(candidates)), state_(seed) {}

std::size_t Spread::next() {
  const bool any_free = std::ranges::any_of(candidates_, &Candidate::has_free_slot);
  // a/wa < b/wb without division.
  const auto emptier = [](const Candidate& a, const Candidate& b) {
    return a.open_records * b.weight < b.open_records * a.weight;
  };
  std::vector<std::size_t> least;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (any_free && !candidate.has_free_slot) continue;
    if (!least.empty() && emptier(candidate, candidates_[least.front()])) least.clear();
    if (least.empty() || !emptier(candidates_[least.front()], candidate)) least.push_back(i);
  }
  if (least.size() == 1) return least.front();
  std::uint64_t weights = 0;
  for (const std::size_t i : least) weights += static_cast<std::uint64_t>(candidates_[i].weight);
  std::mt19937_64 random(state_++);
  std::uint64_t drawn = random() % weights;
  for (const std::size_t i : least) {
    const auto weight = static_cast<std::uint64_t>(candidates_[i].weight);
    if (drawn < weight) return i;
    drawn -= weight;
  }
  return least.back();
}

void Spread::took(std::size_t candidate, std::int64_t records) {
  candidates_[candidate].open_records += records;
}

}  // namespace quarry::batch
