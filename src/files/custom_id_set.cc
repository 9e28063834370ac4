#include "files/custom_id_set.h"

#include "base/ids.h"

#include <xxhash.h>

#include <cstring>
#include <string>

namespace quarry::files {
namespace {

constexpr std::size_t kFirstSlots = 16;

// A slot from the hash's low 58 bits, without a division (Lemire, "Fast random integer generation
// in an interval").
std::size_t slot_of(std::uint64_t hash, std::size_t slot_count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash << 6) * slot_count >> 64);
}

}  // namespace

CustomIdSet::CustomIdSet() {
  const std::string random = random_hex128();
  seed_ = XXH3_64bits(random.data(), random.size());
}

bool CustomIdSet::insert(std::string_view custom_id) {
  std::uint64_t hash = XXH3_64bits_withSeed(custom_id.data(), custom_id.size(), seed_);
  if (hash == 0) hash = 1;
  const bool fresh = insert_into(tables_[hash >> 58], hash);
  size_ += fresh;
  return fresh;
}

bool CustomIdSet::insert_into(Table& table, std::uint64_t hash) {
  if (table.used * 8 >= table.slots.size() * 7) grow(table);
  std::size_t slot = slot_of(hash, table.slots.size());
  while (table.slots[slot] != 0) {
    if (table.slots[slot] == hash) return false;
    slot = slot + 1 == table.slots.size() ? 0 : slot + 1;
  }
  table.slots[slot] = hash;
  ++table.used;
  return true;
}

void CustomIdSet::grow(Table& table) {
  std::vector<std::uint64_t> old(std::max(kFirstSlots, table.slots.size() + table.slots.size() / 2),
                                 0);
  old.swap(table.slots);
  table.used = 0;
  for (const std::uint64_t hash : old) {
    if (hash != 0) insert_into(table, hash);
  }
}

}  // namespace quarry::files
