#pragma once
// The flags of `quarry keys`. For command_line.cc.

#include "cli/keys_command.h"

#include <CLI/CLI.hpp>

#include <map>
#include <string>

namespace quarry::cli {

// What CLI11 fills in; it outlives the parsing.
struct KeysRaw {
  KeysOptions options;
  std::string api_key;
  std::map<std::string, std::string>
      typed;  // members and query, by LiteLLM's names; "" = not given
};

// Adds `keys` and all its verbs. The one that was given has set raw.options.route.
void add_keys(CLI::App& root, KeysRaw& raw);
// What was typed, as options. url: where --url was not given.
KeysOptions keys_options(KeysRaw raw, std::string default_url, std::string default_api_key);

}  // namespace quarry::cli
