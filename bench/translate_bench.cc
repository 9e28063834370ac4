// Quarry's translators beside simdjson's parser, which does no more than read the same bytes
// (ARCHITECTURE.md, budgets). All of Google Benchmark's options work; of its defaults, the mixed
// order and the repetitions are ours. Without --benchmark_format it prints a table of its own.
// --dump=DIR also writes the corpus and the figures of whole lines, for litellm_peer.py.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "benchmarks.h"
#include "corpus.h"
#include "subjects.h"
#include "table.h"
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::bench {
namespace {

// A machine's speed drifts: only in a mixed order do both halves of a pair see the same of it.
constexpr std::array kDefaults{"--benchmark_enable_random_interleaving=true",
                               "--benchmark_repetitions=15", "--benchmark_min_time=0.05"};

struct Arguments {
  std::filesystem::path dump;  // "" = none
  bool table = true;           // no other format is asked for
  std::vector<std::string> for_benchmark;
};

Arguments arguments(int count, char** values) {
  constexpr std::string_view dump = "--dump";
  Arguments arguments;
  arguments.for_benchmark.emplace_back(values[0]);
  arguments.for_benchmark.insert(arguments.for_benchmark.end(), kDefaults.begin(), kDefaults.end());
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    if (value == dump && i + 1 < count) {
      arguments.dump = values[++i];
    } else if (value.starts_with("--dump=")) {
      arguments.dump = value.substr(dump.size() + 1);
    } else {
      arguments.table = arguments.table && !value.starts_with("--benchmark_format");
      arguments.for_benchmark.emplace_back(value);
    }
  }
  if (!arguments.dump.empty() && !arguments.table)
    throw std::runtime_error("--dump goes with the table, not with --benchmark_format");
  return arguments;
}

void print_help() {
  std::puts("translate_bench [--dump DIR]   writes the corpus and figures of whole lines to DIR\n");
  benchmark::PrintDefaultHelp();
}

bool initialize(const Arguments& arguments) {
  std::vector<std::string> texts = arguments.for_benchmark;
  std::vector<char*> values;
  for (std::string& text : texts) values.push_back(text.data());
  int count = static_cast<int>(values.size());
  values.push_back(nullptr);
  benchmark::Initialize(&count, values.data(), print_help);
  return !benchmark::ReportUnrecognizedArguments(count, values.data());
}

// A line of a batch's input file around a body, which names its model as LiteLLM's config does.
std::string batch_line(const Subject& subject, std::string body, std::size_t number) {
  constexpr std::string_view name = "\"bench\"";
  body.replace(body.find(name), name.size(), fmt::format("\"bedrock/{}\"", subject.model));
  return fmt::format(R"({{"custom_id": "request-{}", "method": "POST", "url": "{}", "body": {}}})",
                     number, subject.embeddings ? "/v1/embeddings" : "/v1/chat/completions", body);
}

// DIR/<family>/<part>.jsonl, and one line in DIR/figures.tsv: what whole lines cost.
class Dump {
 public:
  explicit Dump(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(const Subject& subject, const std::vector<Part>& parts, const Translate& translate) {
    std::filesystem::create_directories(folder_ / subject.family);
    for (const Part& part : parts) {
      Part lines{part.name, part.lines_of_1000, {}};
      std::ofstream file = open(folder_ / subject.family / (std::string(part.name) + ".jsonl"));
      bool refused = false;
      for (const std::string& body : part.lines) {
        lines.lines.push_back(batch_line(subject, body, lines.lines.size()));
        file << lines.lines.back() << '\n';
        refused = refused || !translate(lines.lines.back());
      }
      if (!file.flush()) throw std::runtime_error("could not write " + folder_.string());
      if (refused) continue;
      std::string figure =
          fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", subject.family, subject.name, subject.model,
                      part.name, part.lines_of_1000, lines.lines.size(), lines.bytes());
      figures_.emplace_back(register_lines(subject, std::move(lines), translate),
                            std::move(figure));
    }
  }

  void write(const TableReporter& measured) const {
    std::ofstream file = open(folder_ / "figures.tsv");
    for (const auto& [name, figure] : figures_) {
      if (const auto seconds = measured.seconds(name)) file << figure << '\t' << *seconds << '\n';
    }
    if (!file.flush()) throw std::runtime_error("could not write " + folder_.string());
  }

 private:
  static std::ofstream open(const std::filesystem::path& path) {
    std::ofstream file(path);
    if (!file) throw std::runtime_error("could not write " + path.string());
    return file;
  }

  std::filesystem::path folder_;
  std::vector<std::pair<std::string, std::string>> figures_;  // benchmark, line but for its time
};

int run(const Arguments& arguments) {
  if (!initialize(arguments)) return 2;
  std::vector<Pair> pairs;
  std::vector<std::string> notes;
  Dump dump(arguments.dump);
  const std::vector<Part> chats = chat_requests(), embeddings = embedding_requests();
  for (const Subject& subject : subjects()) {
    const std::vector<Part>& parts = subject.embeddings ? embeddings : chats;
    std::string missing;
    const auto request = request_translator(subject, missing);
    const auto result = result_translator(subject, missing);
    if (!request || !result) {
      notes.push_back(fmt::format("{} is left out: {}", subject.name, missing));
      continue;
    }
    register_pairs(subject, "request", parts, *request, pairs, notes);
    register_pairs(subject, "answer", answers(subject.family), *result, pairs, notes);
    if (!arguments.dump.empty()) dump.add(subject, parts, *line_translator(subject, missing));
  }
  for (const std::string& note : notes) fmt::print(stderr, "note: {}\n", note);
  if (!arguments.table) {
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  }
  TableReporter table(std::move(pairs));
  benchmark::RunSpecifiedBenchmarks(&table);
  if (!arguments.dump.empty()) dump.write(table);
  return 0;
}

}  // namespace
}  // namespace quarry::bench

int main(int count, char** values) {
  try {
    return quarry::bench::run(quarry::bench::arguments(count, values));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "translate_bench: %s\n", error.what());
    return 1;
  }
}
