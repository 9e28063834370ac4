// Quarry's translators beside simdjson's parser, which does no more than read the same bytes
// (ARCHITECTURE.md, budgets). Prints a table; --dump DIR also writes the corpus and the figures of
// whole lines, for litellm_peer.py.
#include <fmt/format.h>

#include "corpus.h"
#include "measure.h"
#include "subjects.h"
#include "table.h"
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::bench {
namespace {

struct Arguments {
  std::string family;          // "" = all
  std::filesystem::path dump;  // "" = none
  double seconds = 0.4;        // of each row
};

Arguments arguments(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = values[i];
    if (i + 1 == count) throw std::runtime_error("a value must follow " + std::string(name));
    const std::string value = values[i + 1];
    if (name == "--family") {
      arguments.family = value;
    } else if (name == "--dump") {
      arguments.dump = value;
    } else if (name == "--seconds") {
      arguments.seconds = std::stod(value);
    } else {
      throw std::runtime_error(
          "there is no option " + std::string(name) +
          "; usage: translate_bench [--family NAME] [--seconds S] [--dump DIR]");
    }
  }
  return arguments;
}

// The parts of one direction weighted as in a batch: what a line costs on average.
class Whole {
 public:
  void add(const Part& part, const Seconds& seconds) {
    const double share = part.lines_of_1000 / 1000.0 / static_cast<double>(part.lines.size());
    bytes_ += share * static_cast<double>(part.bytes());
    subject_ += share * seconds.subject;
    parse_only_ += share * seconds.parse_only;
  }
  double bytes_per_second() const { return bytes_ / subject_; }
  double parse_only_bytes_per_second() const { return bytes_ / parse_only_; }
  bool empty() const { return bytes_ == 0; }

 private:
  double bytes_ = 0, subject_ = 0, parse_only_ = 0;
};

double bytes_share(const std::vector<Part>& parts, const Part& of) {
  double all = 0, own = 0;
  for (const Part& part : parts) {
    const double bytes = part.lines_of_1000 * static_cast<double>(part.bytes()) /
                         static_cast<double>(part.lines.size());
    all += bytes;
    if (&part == &of) own = bytes;
  }
  return own / all;
}

void print(const std::string& line) {
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

// All parts of one subject in one direction; those that it refuses are left out, and said.
void run(const Subject& subject,
         std::string_view direction,
         const std::vector<Part>& parts,
         const Translate& translate,
         double seconds) {
  Whole whole;
  Row row{std::string(subject.name), std::string(direction), "", 0, 0, 0, subject.budgeted};
  for (const Part& part : parts) {
    row.part = part.name;
    std::size_t refused = 0;
    for (const std::string& line : part.lines) refused += translate(line) ? 0 : 1;
    if (refused > 0) {
      print(fmt::format("{:14} {:9} {:8} left out, {} of {} lines refused: {}\n", row.family,
                        row.direction, row.part, refused, part.lines.size(), last_refusal()));
      continue;
    }
    const Seconds taken =
        measure(part.lines, seconds, [&](std::size_t i) { translate(part.lines[i]); });
    whole.add(part, taken);
    const auto bytes = static_cast<double>(part.bytes());
    row.bytes_share = bytes_share(parts, part);
    row.bytes_per_second = bytes / taken.subject;
    row.parse_only_bytes_per_second = bytes / taken.parse_only;
    if (parts.size() > 1) row.budgeted = false;  // the budget is for the whole
    print(table_row(row));
  }
  if (parts.size() == 1 || whole.empty()) return;
  row.part = "whole";
  row.bytes_share = 1;
  row.bytes_per_second = whole.bytes_per_second();
  row.parse_only_bytes_per_second = whole.parse_only_bytes_per_second();
  row.budgeted = subject.budgeted;
  print(table_row(row));
}

// A line of a batch's input file around a body, which names its model as LiteLLM's config does.
std::string batch_line(const Subject& subject, std::string body, std::size_t number) {
  constexpr std::string_view name = "\"bench\"";
  body.replace(body.find(name), name.size(), fmt::format("\"bedrock/{}\"", subject.model));
  return fmt::format(R"({{"custom_id": "request-{}", "method": "POST", "url": "{}", "body": {}}})",
                     number, subject.embeddings ? "/v1/embeddings" : "/v1/chat/completions", body);
}

// DIR/<family>/<part>.jsonl, and one line in DIR/figures.tsv: what whole lines cost.
void dump(const Subject& subject,
          const std::vector<Part>& parts,
          const Translate& translate,
          const Arguments& arguments,
          std::ofstream& figures) {
  const std::filesystem::path folder = arguments.dump / subject.family;
  std::filesystem::create_directories(folder);
  for (const Part& part : parts) {
    std::vector<std::string> lines;
    std::ofstream file(folder / (std::string(part.name) + ".jsonl"));
    std::size_t bytes = 0;
    for (const std::string& body : part.lines) {
      lines.push_back(batch_line(subject, body, lines.size()));
      file << lines.back() << '\n';
      bytes += lines.back().size();
      if (!translate(lines.back())) break;
    }
    if (lines.size() < part.lines.size() || !translate(lines.back())) continue;
    const Seconds taken =
        measure(lines, arguments.seconds, [&](std::size_t i) { translate(lines[i]); });
    figures << subject.family << '\t' << subject.name << '\t' << subject.model << '\t' << part.name
            << '\t' << part.lines_of_1000 << '\t' << lines.size() << '\t' << bytes << '\t'
            << taken.subject << '\n';
    if (!file.flush() || !figures.flush())
      throw std::runtime_error("could not write " + folder.string());
  }
}

void run(const Arguments& arguments) {
  std::vector<std::string> notes;
  std::ofstream figures;
  if (!arguments.dump.empty()) {
    std::filesystem::create_directories(arguments.dump);
    figures.open(arguments.dump / "figures.tsv");
  }
  print(
      "Translation and simdjson's parse of the same bytes, in turns, on one core.\n"
      "bytes: the part's share of a batch; ratio: translation's speed to parse-only's.\n\n");
  print(table_head());
  const std::vector<Part> chats = chat_requests(), embeddings = embedding_requests();
  for (const Subject& subject : subjects()) {
    if (!arguments.family.empty() && arguments.family != subject.family) continue;
    const std::vector<Part>& parts = subject.embeddings ? embeddings : chats;
    std::string missing;
    const auto request = request_translator(subject, missing);
    const auto result = result_translator(subject, missing);
    if (!request || !result) {
      notes.push_back(std::string(subject.name) + " is left out: " + missing);
      continue;
    }
    run(subject, "request", parts, *request, arguments.seconds);
    run(subject, "answer", answers(subject.family), *result, arguments.seconds);
    if (!arguments.dump.empty())
      dump(subject, parts, *line_translator(subject, missing), arguments, figures);
  }
  for (const std::string& note : notes) print("note: " + note + "\n");
}

}  // namespace
}  // namespace quarry::bench

int main(int count, char** values) {
  try {
    quarry::bench::run(quarry::bench::arguments(count, values));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "translate_bench: %s\n", error.what());
    return 1;
  }
}
