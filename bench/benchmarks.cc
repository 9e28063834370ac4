#include "benchmarks.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>

namespace quarry::bench {

namespace {

using Lines = std::shared_ptr<const Part>;

void set_bytes(benchmark::State& state, const Part& part) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(part.bytes()));
}

void register_translation(const std::string& name, Lines lines, const Translate& translate) {
  benchmark::RegisterBenchmark(name.c_str(), [lines, translate](benchmark::State& state) {
    for (auto _ : state) {
      for (const std::string& line : lines->lines) benchmark::DoNotOptimize(translate(line));
    }
    set_bytes(state, *lines);
  });
}

void register_parse(const std::string& name, Lines lines) {
  const auto padded = std::make_shared<std::vector<simdjson::padded_string>>(lines->lines.begin(),
                                                                             lines->lines.end());
  const auto parser = std::make_shared<simdjson::dom::parser>();
  benchmark::RegisterBenchmark(name.c_str(), [lines, padded, parser](benchmark::State& state) {
    for (auto _ : state) {
      for (const simdjson::padded_string& line : *padded) {
        if (parser->parse(line).error() != simdjson::SUCCESS)
          throw std::logic_error("the corpus is not JSON");
      }
    }
    set_bytes(state, *lines);
  });
}

}  // namespace

void register_pairs(const Subject& subject,
                    std::string_view direction,
                    const std::vector<Part>& parts,
                    const Translate& translate,
                    std::vector<Pair>& pairs,
                    std::vector<std::string>& notes) {
  for (const Part& part : parts) {
    const std::string name = fmt::format("{}/{}/{}", subject.name, direction, part.name);
    const auto refused =
        std::ranges::count_if(part.lines, [&](const auto& line) { return !translate(line); });
    if (refused > 0) {
      notes.push_back(fmt::format("{} is left out, {} of {} lines refused: {}", name, refused,
                                  part.lines.size(), last_refusal()));
      continue;
    }
    const auto lines = std::make_shared<const Part>(part);
    pairs.push_back(
        {.subject = &subject,
         .direction = direction,
         .part = part.name,
         .bytes = static_cast<double>(part.bytes()),
         .lines_share = part.lines_of_1000 / 1000.0 / static_cast<double>(part.lines.size()),
         .translate = name + "/translate",
         .parse = name + "/parse"});
    register_translation(pairs.back().translate, lines, translate);
    register_parse(pairs.back().parse, lines);
  }
}

std::string register_lines(const Subject& subject, Part lines, const Translate& translate) {
  std::string name = fmt::format("{}/line/{}", subject.name, lines.name);
  register_translation(name, std::make_shared<const Part>(std::move(lines)), translate);
  return name;
}

}  // namespace quarry::bench
