#pragma once
// The MD5 of bytes that come in pieces. For clients that send one along; nothing here trusts it
// (RFC 1321).

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace quarry::files {

class Md5Stream {
 public:
  Md5Stream();
  ~Md5Stream();
  // CPU-bound: runs on the pool, one call at a time.
  void feed(std::span<const std::byte> bytes);
  // Lower-case hex. Once.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::files
