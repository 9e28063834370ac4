#include "obs/metrics.h"

#include "obs/metric_table.h"
#include "obs/process_stats.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

namespace quarry::obs {
namespace {

using LabelMap = std::map<std::string, std::string>;

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

std::size_t label_count(const MetricSpec& spec) {
  std::size_t found = 0;
  while (found < spec.labels.size() && !spec.labels[found].empty()) ++found;
  return found;
}

// One metric's series. prometheus-cpp finds a series by a map of strings under the family's lock;
// what is found once is remembered here, under a lock that readers share.
template <class Metric>
class Series {
 public:
  explicit Series(const MetricSpec& spec)
      : spec_(spec), family_(std::string(spec.name), std::string(spec.help), {}) {
    if (label_count(spec) == 0) find({});  // is 0 from the start
  }

  Metric& find(Labels labels) {
    static thread_local std::string key;  // its memory is used again
    key.clear();
    const std::size_t wanted = label_count(spec_);
    for (std::size_t i = 0; i < wanted; ++i) {
      if (i < labels.size()) key += labels.begin()[i];
      key += '\0';
    }
    {
      const std::shared_lock reading(lock_);
      if (const auto found = known_.find(key); found != known_.end()) return *found->second;
    }
    return make(key);
  }

  prometheus::MetricFamily collect() {
    auto families = family_.Collect();
    return families.empty() ? prometheus::MetricFamily() : std::move(families.front());
  }

 private:
  // Copies the key, which is the caller's thread's.
  Metric& make(const std::string& key) {
    const std::unique_lock writing(lock_);
    if (const auto found = known_.find(key); found != known_.end()) return *found->second;
    const bool full = known_.size() >= kSeriesMax;
    LabelMap labels;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < label_count(spec_); ++i) {
      const std::size_t end = key.find('\0', begin);
      labels.emplace(spec_.labels[i], full ? "other" : key.substr(begin, end - begin));
      begin = end + 1;
    }
    Metric& made = add(labels);  // the same one for the same labels
    if (!full) known_.emplace(key, &made);
    return made;
  }

  Metric& add(const LabelMap& labels) {
    if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
      return family_.Add(labels, prometheus::Histogram::BucketBoundaries(spec_.buckets.begin(),
                                                                         spec_.buckets.end()));
    } else {
      return family_.Add(labels);
    }
  }

  const MetricSpec& spec_;
  prometheus::Family<Metric> family_;
  std::shared_mutex lock_;
  std::unordered_map<std::string, Metric*, TextHash, std::equal_to<>> known_;
};

template <class Metric>
class Group {
 public:
  explicit Group(std::span<const MetricSpec> specs) {
    for (const MetricSpec& spec : specs) all_.push_back(std::make_unique<Series<Metric>>(spec));
  }
  template <class Which>
  Metric& find(Which which, Labels labels) {
    return all_[static_cast<std::size_t>(which)]->find(labels);
  }
  void collect(std::vector<prometheus::MetricFamily>& into) {
    for (auto& one : all_) {
      auto family = one->collect();
      if (!family.metric.empty()) into.push_back(std::move(family));
    }
  }

 private:
  std::vector<std::unique_ptr<Series<Metric>>> all_;
};

// Series whose first increase an alert waits for: a rate of what was not there before is none.
struct Begun {
  Counter which;
  std::string_view label;
};
constexpr std::array kBegun{
    Begun{Counter::batches_ended, "completed"},      Begun{Counter::batches_ended, "failed"},
    Begun{Counter::batches_ended, "expired"},        Begun{Counter::batches_ended, "cancelled"},
    Begun{Counter::webhook_deliveries, "delivered"}, Begun{Counter::webhook_deliveries, "retried"},
    Begun{Counter::webhook_deliveries, "given_up"},  Begun{Counter::webhook_deliveries, "refused"},
    Begun{Counter::database_transactions, "failed"},
};

struct Registry {
  Group<prometheus::Counter> counters{counter_specs()};
  Group<prometheus::Gauge> gauges{gauge_specs()};
  Group<prometheus::Histogram> histograms{histogram_specs()};
  std::mutex sampling;

  Registry() {
    gauges.find(Gauge::build_info, {QUARRY_VERSION}).Set(1);
    for (const Begun& begun : kBegun) counters.find(begun.which, {begun.label});
  }
};

// Never destroyed: what ends last may still want to count.
Registry& registry() {
  static Registry* const the_registry = new Registry;
  return *the_registry;
}

void sample_process(Registry& all) {
  const auto stats = process_stats();
  if (!stats) return;
  auto set_one = [&](Gauge which, double value) { all.gauges.find(which, {}).Set(value); };
  set_one(Gauge::process_resident_memory_bytes, static_cast<double>(stats->resident_bytes));
  set_one(Gauge::process_virtual_memory_bytes, static_cast<double>(stats->virtual_bytes));
  set_one(Gauge::process_open_fds, static_cast<double>(stats->open_fds));
  set_one(Gauge::process_max_fds, static_cast<double>(stats->max_fds));
  set_one(Gauge::process_start_time_seconds, stats->start_seconds);
  auto& cpu = all.counters.find(Counter::process_cpu_seconds, {});
  if (stats->cpu_seconds > cpu.Value()) cpu.Increment(stats->cpu_seconds - cpu.Value());
}

}  // namespace

void count(Counter which, Labels labels, double by) {
  auto& counter = registry().counters.find(which, labels);
  if (by > 0) counter.Increment(by);
}

void set(Gauge which, Labels labels, double value) {
  registry().gauges.find(which, labels).Set(value);
}

void add(Gauge which, Labels labels, double by) {
  registry().gauges.find(which, labels).Increment(by);
}

void observe(Histogram which, Labels labels, double value) {
  registry().histograms.find(which, labels).Observe(value);
}

double value_of(Counter which, Labels labels) {
  return registry().counters.find(which, labels).Value();
}

double value_of(Gauge which, Labels labels) {
  return registry().gauges.find(which, labels).Value();
}

std::string metrics_text() {
  Registry& all = registry();
  const std::lock_guard one_at_a_time(all.sampling);
  sample_process(all);
  std::vector<prometheus::MetricFamily> families;
  all.counters.collect(families);
  all.gauges.collect(families);
  all.histograms.collect(families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace quarry::obs
