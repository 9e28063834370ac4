#pragma once
// What is known of whole families: the list `families` of data/models.yaml. Pure.

#include "catalog/catalog.h"
#include "catalog/node_reader.h"

#include <string>
#include <string_view>
#include <vector>

namespace quarry::catalog {

struct Family {
  Model model;                        // what a model of it is taken for where nothing more is known
  std::vector<std::string> variants;  // the first is model.variant

  const std::string& name() const { return model.family; }
  bool embeds() const { return model.answers(openai::Endpoint::embeddings); }
};

// Sorted by name.
class Families {
 public:
  // Reads the list of a data/models.yaml. A family that is known already is replaced. Throws
  // DataError.
  void read(const YAML::Node& list);
  void add(Family family);
  const Family* find(std::string_view name) const;
  std::vector<std::string_view> names() const;

 private:
  std::vector<Family> families_;
};

// A family that no row names, as its first model says what it is: its endpoints, and what
// read_features() finds.
Family family_of_its_first_model(const NodeReader& model, std::string name);

// Of a row of `families` or `models`: the keys that are there are laid over `model`. Throws
// DataError.
void read_endpoints(const NodeReader& row, Model& model);
void read_features(const NodeReader& row, Model& model);

}  // namespace quarry::catalog
