// However a form is cut into pieces, the same parts come out of it.
// Input: one byte a cut (the sizes of the pieces, in turn), a zero byte, the form; its boundary is
// "b".

#include "base/bytes.h"
#include "http/multipart.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using quarry::Result;
using quarry::http::FormPart;
using quarry::http::MultipartReader;

std::string escaped(std::string_view text) {
  return std::to_string(text.size()) + ":" + std::string(text);
}

// Everything that happened, pieces of one part joined.
std::string read(std::string_view form, std::string_view sizes) {
  std::string log;
  std::string data;
  MultipartReader reader("b", {.part_begin = [&](const FormPart& part) -> Result<void> {
                                 log += "part " + escaped(part.name) + escaped(part.content_type);
                                 if (part.filename) log += " file " + escaped(*part.filename);
                                 data.clear();
                                 return {};
                               },
                               .part_data = [&](std::span<const std::byte> piece) -> Result<void> {
                                 if (piece.empty()) std::abort();
                                 data += quarry::as_text(piece);
                                 return {};
                               },
                               .part_end = [&]() -> Result<void> {
                                 log += " data " + escaped(data) + "\n";
                                 return {};
                               }});
  Result<void> done;
  std::size_t turn = 0;
  while (done && !form.empty()) {
    std::size_t size = form.size();
    if (!sizes.empty()) {
      const auto wanted = static_cast<unsigned char>(sizes[turn++ % sizes.size()]);
      size = std::min<std::size_t>(form.size(), wanted);
    }
    const std::vector<char> piece(form.begin(), form.begin() + static_cast<std::ptrdiff_t>(size));
    done = reader.feed(std::as_bytes(std::span(piece)));
    form.remove_prefix(size);
  }
  if (done) done = reader.finish();
  // Data handed out before an error may differ in where it was cut, not in what it was: log it too.
  return done ? log : log + " data " + escaped(data) + " error " + done.error().message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const std::string_view sizes = input.substr(0, zero);
  const std::string_view form = input.substr(std::min(zero + 1, input.size()));
  const std::string whole = read(form, "");
  if (read(form, sizes) != whole || read(form, "\x01") != whole) std::abort();
  return 0;
}
