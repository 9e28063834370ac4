#include "files/md5_stream.h"

#include "base/bytes.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace quarry::files {

struct Md5Stream::State {
  struct Free {
    void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

namespace {

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL refused a digest");
}

}  // namespace

Md5Stream::Md5Stream() : state_(std::make_unique<State>()) {
  require(state_->context && EVP_DigestInit_ex(state_->context.get(), EVP_md5(), nullptr) == 1);
}

Md5Stream::~Md5Stream() = default;

void Md5Stream::feed(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Md5Stream::finish() {
  Md5 digest{};
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                             &size) == 1 &&
          size == digest.size());
  return hex(digest);
}

}  // namespace quarry::files
