#pragma once
// The corpus as Google Benchmark's benchmarks. One iteration is all lines of one part once; that of
// a pair's two halves is over the same bytes:
//
//   <subject>/<direction>/<part>/translate      Quarry's translator
//   <subject>/<direction>/<part>/parse          simdjson's DOM parser, which does no more than read
//   <subject>/line/<part>                       whole lines of a batch file to records

#include "corpus.h"
#include "subjects.h"
#include <string>
#include <string_view>
#include <vector>

namespace quarry::bench {

// The two benchmarks behind a row of the table.
struct Pair {
  const Subject* subject = nullptr;
  std::string_view direction;  // "request" or "answer"
  std::string_view part;
  double bytes = 0;
  double lines_share = 0;  // how much of a batch one pass over the part stands for
  std::string translate;   // names
  std::string parse;
};

// Registers the pairs of one subject in one direction. A part of which the translator refuses a
// line is left out, and said in `notes`.
void register_pairs(const Subject& subject,
                    std::string_view direction,
                    const std::vector<Part>& parts,
                    const Translate& translate,
                    std::vector<Pair>& pairs,
                    std::vector<std::string>& notes);

// Registers one benchmark over whole lines; its name.
std::string register_lines(const Subject& subject, Part lines, const Translate& translate);

}  // namespace quarry::bench
