#include "batch/left_records.h"

#include "aws/object_stream.h"
#include "base/bytes.h"
#include "batch/custom_ids.h"
#include "batch/names.h"
#include "bedrock/record.h"
#include "json/line_splitter.h"

#include <limits>

namespace quarry::batch {
namespace {

// Those of a window of the input whose lines are left.
class Sieve {
 public:
  explicit Sieve(const ResultLines& lines)
      : lines_(lines), splitter_(std::numeric_limits<std::size_t>::max()) {}

  void feed(std::span<const std::byte> window) { splitter_.feed(window); }
  Result<void> take(bool last) {
    json::LineSplitter::Line line;
    while (splitter_.next(line) || (last && splitter_.finish(line))) {
      const auto record = bedrock::parse_input_record(line.text);
      if (!record) return fail(record.error());
      const auto key = bedrock::parse_record_id(record->record_id);
      if (!key) return fail(Errc::corrupt, "a staged record has an id that is not ours");
      const auto row = lines_.left_line(key->line);
      if (!row) continue;
      records += line.text;
      records += '\n';
      ++taken.records;
      if (key->part.value_or(0) > 0) continue;
      append_custom_id(custom_ids, *row);
      ++taken.lines;
    }
    return {};
  }

  std::string records;  // the caller writes and clears them
  std::string custom_ids;
  LeftRecords taken;

 private:
  const ResultLines& lines_;
  json::LineSplitter splitter_;
};

}  // namespace

Task<LeftRecords> write_left_records(Context& context,
                                     const store::JobRow& job,
                                     const aws::Deployment& from,
                                     const aws::Deployment& to,
                                     JobName next,
                                     const ResultLines& lines,
                                     Deadline deadline) {
  auto buffers = co_await context.memory.acquire(4, deadline);
  if (!buffers) co_return fail(std::move(buffers.error()));
  std::vector<TransferBuffer> write_buffers;
  for (int i = 0; i < 2; ++i) {
    write_buffers.push_back(std::move(buffers->back()));
    buffers->pop_back();
  }
  aws::ObjectReader reader(*from.s3, from.object(input_object(job.batch_id, job.n, job.mark)),
                           std::move(*buffers));
  aws::ObjectWriter writer(*to.s3, to.object(input_object(job.batch_id, next.n, next.mark)),
                           std::move(write_buffers));
  Sieve sieve(lines);
  Result<void> done;
  for (bool more = true; more && done;) {
    auto window = co_await reader.read(deadline);
    if (!window) {
      done = fail(std::move(window.error()));
      break;
    }
    more = !window->empty();
    sieve.feed(*window);
    done = co_await run_blocking(context.pool, [&sieve, more] { return sieve.take(!more); });
    if (done) done = co_await writer.write(as_bytes(sieve.records), deadline);
    sieve.records.clear();
  }
  if (done) {
    auto finished = co_await writer.finish(deadline);
    if (!finished) done = fail(std::move(finished.error()));
  }
  if (!done) {
    co_await writer.abort();
    co_return fail(std::move(done.error()));
  }
  auto sidecar = co_await to.s3->put(to.object(custom_ids_object(job.batch_id, next.n, next.mark)),
                                     as_bytes(sieve.custom_ids), deadline);
  if (!sidecar) co_return fail(std::move(sidecar.error()));
  if (sieve.taken.lines != static_cast<std::int64_t>(lines.left_lines())) {
    co_return fail(Errc::corrupt, "the staged input lacks lines that the job had");
  }
  co_return sieve.taken;
}

}  // namespace quarry::batch
