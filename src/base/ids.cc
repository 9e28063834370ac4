#include "base/ids.h"

#include "base/bytes.h"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace quarry {

std::string random_hex128() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
  return hex(std::as_bytes(std::span(bytes)));
}

FileId new_file_id() { return FileId{"file-" + random_hex128()}; }
BatchId new_batch_id() { return BatchId{"batch_" + random_hex128()}; }
std::string new_request_id() { return "req_" + random_hex128(); }

}  // namespace quarry
