#include "sandbox/fault_choice.h"

#include <boost/json.hpp>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

// SplitMix64's last step: as good as random, and the same on every machine.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

// 0 <= draw < 1, of the nth request that a rule matches.
double draw(std::uint64_t seed, std::uint64_t index, std::uint64_t nth) {
  const std::uint64_t bits = mixed(mixed(mixed(seed) + index) + nth);
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace

void FaultChoice::replace(FaultScript script) {
  seed_ = script.seed;
  entries_.clear();
  for (FaultRule& rule : script.rules)
    entries_.push_back({.rule = std::make_shared<const FaultRule>(std::move(rule))});
}

FaultPtr FaultChoice::for_request(const RequestFacts& facts) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].rule->concerns(facts.operation) && fires(i, facts.texts, facts.region))
      return entries_[i].rule;
  }
  return nullptr;
}

std::vector<FaultPtr> FaultChoice::for_job(std::span<const std::string> texts,
                                           const std::string& region) {
  std::vector<FaultPtr> chosen;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].rule->operation == "Job" && fires(i, texts, region))
      chosen.push_back(entries_[i].rule);
  }
  return chosen;
}

bool FaultChoice::fires(std::size_t index,
                        std::span<const std::string> texts,
                        const std::string& region) {
  Entry& entry = entries_[index];
  const FaultRule& rule = *entry.rule;
  if (!rule.region.empty() && rule.region != region) return false;
  const auto has_it = [&](const std::string& text) { return text.contains(rule.match); };
  if (!rule.match.empty() && std::ranges::none_of(texts, has_it)) return false;
  const std::uint64_t nth = entry.matched++;
  if (nth < rule.after || (rule.count && entry.fired >= *rule.count)) return false;
  if (rule.probability < 1 && draw(seed_, index, nth) >= rule.probability) return false;
  ++entry.fired;
  return true;
}

json::object FaultChoice::report() const {
  json::array faults;
  for (const Entry& entry : entries_) {
    json::object fault = entry.rule->source;
    fault["matched"] = entry.matched;
    fault["fired"] = entry.fired;
    faults.push_back(std::move(fault));
  }
  return {{"seed", seed_}, {"faults", std::move(faults)}};
}

}  // namespace quarry::sandbox
