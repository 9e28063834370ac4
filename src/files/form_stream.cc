#include "files/form_stream.h"

namespace quarry::files {

Task<void> read_form(std::string content_type,
                     http::BodyReader& body,
                     http::MultipartReader::Events events,
                     std::function<Task<void>()> take) {
  auto boundary = http::form_boundary(content_type);
  if (!boundary) co_return fail(std::move(boundary.error()));
  http::MultipartReader reader(std::move(*boundary), std::move(events));
  while (true) {
    auto chunk = co_await body.read();
    if (!chunk) co_return fail(std::move(chunk.error()));
    if (chunk->empty()) break;
    if (auto fed = reader.feed(*chunk); !fed) co_return fail(std::move(fed.error()));
    auto taken = co_await take();
    if (!taken) co_return fail(std::move(taken.error()));
  }
  co_return reader.finish();
}

}  // namespace quarry::files
