#include "batch/names.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace quarry::batch {
namespace {

constexpr std::size_t kMarkDigits = 16;

// batch_<hex> -> <hex>: job names may hold no underscore.
std::string_view hex_of(const BatchId& batch) {
  const std::string_view id = batch.value;
  return id.substr(id.find('_') + 1);
}

std::string marked(int n, std::string_view mark) {
  return mark.empty() ? std::to_string(n) : fmt::format("{}-{}", n, mark);
}

}  // namespace

std::string new_mark() { return random_hex128().substr(0, kMarkDigits); }

std::string input_object(const BatchId& batch, int n, std::string_view mark) {
  return fmt::format("jobs/{}/{}/input.jsonl", batch.value, marked(n, mark));
}
std::string custom_ids_object(const BatchId& batch, int n, std::string_view mark) {
  return fmt::format("jobs/{}/{}/custom_ids", batch.value, marked(n, mark));
}
std::string results_prefix(const BatchId& batch, int n) {
  return fmt::format("results/{}/{}/", batch.value, n);
}
std::string segment_object(const FileId& file, int n, std::string_view mark) {
  return fmt::format("files/{}/{}", file.value, marked(n, mark));
}

std::string job_name(const BatchId& batch, int n, int attempt) {
  return fmt::format("quarry-{}-{}-{}", hex_of(batch), n, attempt);
}
std::string client_request_token(const BatchId& batch, int n, int attempt) {
  return fmt::format("quarry-{}-{}-{}", hex_of(batch), n, attempt);
}

std::string line_seed(const BatchId& batch, std::uint64_t line_index) {
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(batch.value.data(), batch.value.size(), line_index);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace quarry::batch
