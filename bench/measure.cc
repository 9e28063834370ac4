#include "measure.h"

#include <simdjson.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <vector>

namespace quarry::bench {

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <typename Work>
double timed(Work work) {
  const double start = cpu_seconds();
  work();
  return cpu_seconds() - start;
}

double median(std::vector<double>& of) {
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::ranges::nth_element(of, middle);
  return *middle;
}

}  // namespace

Seconds measure(std::span<const std::string> lines,
                double seconds,
                const std::function<void(std::size_t)>& subject) {
  const std::vector<simdjson::padded_string> padded(lines.begin(), lines.end());
  simdjson::dom::parser parser;
  const auto translate_all = [&] {
    for (std::size_t i = 0; i < lines.size(); ++i) subject(i);
  };
  const auto parse_all = [&] {
    for (const simdjson::padded_string& line : padded) {
      if (parser.parse(line).error() != simdjson::SUCCESS)
        throw std::logic_error("the corpus is not JSON");
    }
  };
  translate_all();  // memory is touched, caches are warm
  parse_all();

  constexpr std::size_t rounds_min = 9;
  std::vector<double> subjects, parses;
  for (double used = 0; used < seconds || subjects.size() < rounds_min;) {
    subjects.push_back(timed(translate_all));
    parses.push_back(timed(parse_all));
    used += subjects.back() + parses.back();
  }
  return {median(subjects), median(parses)};
}

}  // namespace quarry::bench
