#include "translate/family.h"

#include <algorithm>
#include <array>

namespace quarry::translate {

// families.inc is made by CMake of the names of families/*_request.cc: QUARRY_FAMILY(anthropic) …
#define QUARRY_FAMILY(name)                               \
  std::unique_ptr<RequestFamily> make_##name##_request(); \
  std::unique_ptr<ResultFamily> make_##name##_result();
#include "translate/families.inc"
#undef QUARRY_FAMILY

namespace {

struct Family {
  std::string_view name;
  std::unique_ptr<RequestFamily> (*request)();
  std::unique_ptr<ResultFamily> (*result)();
};

#define QUARRY_FAMILY(name) Family{#name, make_##name##_request, make_##name##_result},
constexpr std::array kFamilies{
#include "translate/families.inc"
};
#undef QUARRY_FAMILY

constexpr auto kNames = [] {
  std::array<std::string_view, kFamilies.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kFamilies[i].name;
  std::ranges::sort(names);  // CMake sorts the files: "nova_embed_…" before "nova_request"
  return names;
}();

const Family* find(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

}  // namespace

Outcome RequestFamily::append_chat(const ChatRequest& /*request*/,
                                   const catalog::Model& model,
                                   std::string& /*out*/) {
  return invalid_value("body.model", model.id + " makes embeddings, not text");
}

Outcome RequestFamily::append_embeddings(EmbeddingsRequest& /*request*/,
                                         const catalog::Model& model,
                                         TranslatedLine& /*line*/) {
  return invalid_value("body.model", model.id + " makes text, not embeddings");
}

Outcome ResultFamily::read_chat(std::string_view /*model_output*/, Answer& /*answer*/) {
  return malformed("its family makes no text");
}

Outcome ResultFamily::read_embeddings(std::string_view /*model_output*/,
                                      EmbeddingsAnswer& /*answer*/) {
  return malformed("its family makes no embeddings");
}

std::span<const std::string_view> families() { return kNames; }

bool is_family(std::string_view name) { return find(name) != nullptr; }

std::unique_ptr<RequestFamily> make_request_family(std::string_view name) {
  const Family* family = find(name);
  return family == nullptr ? nullptr : family->request();
}

std::unique_ptr<ResultFamily> make_result_family(std::string_view name) {
  const Family* family = find(name);
  return family == nullptr ? nullptr : family->result();
}

}  // namespace quarry::translate
