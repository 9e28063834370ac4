#pragma once
// Which custom_ids a file has used, at about 12 bytes a line: 64-bit keyed hashes in open
// addressing. With a random key per set, a million lines collide with a chance of 3 in 100 million,
// and nobody can make them collide.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace quarry::files {

class CustomIdSet {
 public:
  CustomIdSet();
  // False if it was there already.
  bool insert(std::string_view custom_id);
  std::uint64_t size() const { return size_; }

 private:
  // Many small tables instead of one, each growing by half: so growing never holds two copies of
  // everything.
  struct Table {
    std::vector<std::uint64_t> slots;  // 0 = free
    std::size_t used = 0;
  };
  static bool insert_into(Table& table, std::uint64_t hash);
  static void grow(Table& table);

  std::uint64_t seed_;
  std::array<Table, 64> tables_;
  std::uint64_t size_ = 0;
};

}  // namespace quarry::files
