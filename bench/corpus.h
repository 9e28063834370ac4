#pragma once
// What the bench translates: bodies of batch lines as OpenAI's clients write them, and answers as
// Bedrock's models give them. Made here from a fixed seed, none of it is stored.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::bench {

// Some lines of one kind, and how often lines of that kind are in a real batch.
struct Part {
  std::string_view name;
  int lines_of_1000 = 0;
  std::vector<std::string> lines;

  std::size_t bytes() const;
};

// The mix, in lines of 1000. Batches are mostly classification and extraction over short texts,
// then summaries of long ones; tools are rarer, and images rarer still. By bytes the long prompts
// are about half, the images a third.
//   requests: short 600, long 300, tools 95, images 5     answers: short 600, long 300, tools 100
// Half of the requests are as Python's json.dumps writes them by default (spaces, all else than
// ASCII escaped), a quarter with ensure_ascii=False, a quarter as JSON.stringify does.
std::vector<Part> chat_requests();
std::vector<Part> embedding_requests();

// Native answers of a family to the same kinds of lines, in raw UTF-8; every fifth is escaped.
// `family` is one of answer_families().
std::vector<Part> answers(std::string_view family);

}  // namespace quarry::bench
