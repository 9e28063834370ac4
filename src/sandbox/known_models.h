#pragma once
// The models that the sandbox names of itself, where a client asks for a list: their inference
// profiles and their quotas. It plays many more (families.h). Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct KnownModel {
  std::string_view id;
  std::string_view name;  // as Service Quotas spells it
  std::string_view provider;
  bool profiles = false;  // us., eu. and global. profiles lead to it
};

std::span<const KnownModel> known_models();
// Of a model in no list: its id and what can be told of it.
KnownModel describe_model(std::string_view base_id);

}  // namespace quarry::sandbox
