#include "cli/keys_options.h"

#include <array>
#include <utility>

namespace quarry::cli {
namespace {

constexpr const char* kKeysExamples = R"(Examples:
  quarry keys generate --alias reports --user ann --models MODEL --max-budget 50 --budget-duration 1mo
  quarry keys list
  quarry keys update KEY --max-budget 100 --max-open-batches none
  quarry keys block KEY
  quarry keys team new --id research --max-budget 500
KEY is a key or its hash, as `list` shows it. The server is --url, its master key --api-key.
)";

constexpr const char* kGenerateExamples = R"(Examples:
  quarry keys generate
  quarry keys generate --alias reports --user ann --team research --duration 30d
  quarry keys generate --models MODEL,'anthropic/*' --max-budget 50 --budget-duration 1mo
  KEY=$(quarry keys generate --alias reports)
The key alone is on stdout, this once: the server keeps its hash alone. The rest is on stderr.
)";

constexpr const char* kUpdateExamples = R"(Examples:
  quarry keys update KEY --max-budget 100
  quarry keys update KEY --max-budget none --models none
What is not named stays; `none` takes away.
)";

struct Member {
  const char* flag;
  const char* name;  // LiteLLM's
  const char* type;
  const char* help;
};

// Of keys and of teams.
constexpr std::array<Member, 11> kGrant{{
    {"--max-budget", "max_budget", "USD", "what its batches may cost, in each period"},
    {"--budget-duration", "budget_duration", "TIME", "such a period: 30d, 1mo, … (for ever)"},
    {"--rpm-limit", "rpm_limit", "N", "requests a minute"},
    {"--tpm-limit", "tpm_limit", "N", "kept and shown; batches are not held to it"},
    {"--max-open-batches", "max_open_batches", "N", "batches at once"},
    {"--max-tokens-enqueued", "batch_enqueued_token_limit", "N", "tokens of all open batches"},
    {"--max-files-per-day", "max_batch_file_uploads_per_day", "N", "files a day"},
    {"--max-file-lines", "max_batch_file_records", "N", "lines of a file"},
    {"--max-file-mb", "max_batch_file_size_mb", "N", "size of a file"},
    {"--metadata", "metadata", "JSON", "an object, kept with it"},
    {"--blocked", "blocked", "true|false", "whether it is refused"},
}};

constexpr std::array<Member, 4> kKey{{
    {"--alias", "key_alias", "NAME", "its name; no two keys have the same"},
    {"--user", "user_id", "ID", "whose it is: a user's keys see the same"},
    {"--team", "team_id", "ID", "its team, whose keys see the same"},
    {"--duration", "duration", "TIME", "how long it lives: 30d, 1mo, … (for ever)"},
}};

constexpr std::array<Member, 5> kListFilters{{
    {"--user", "user_id", "ID", "only this user's"},
    {"--team", "team_id", "ID", "only this team's"},
    {"--alias", "key_alias", "NAME", "only that of this alias"},
    {"--page", "page", "N", "which page (1)"},
    {"--size", "size", "N", "keys on a page (100)"},
}};

// A shell's variable that is not set: to read it as "not given" would make a key without the limit
// that was meant, or list all keys.
CLI::Option* not_empty(CLI::Option* option) {
  return option->check(CLI::Validator(
      [](std::string& text) {
        return text.empty() ? std::string("it is empty; `none` takes away") : std::string();
      },
      ""));
}

class Verbs {
 public:
  Verbs(CLI::App& parent, KeysRaw& raw) : parent_(parent), raw_(raw) {}

  CLI::App& add(const char* verb, const char* route, const char* help) {
    CLI::App& app = *parent_.add_subcommand(verb, help);
    KeysRaw& raw = raw_;
    app.callback([&raw, route] { raw.options.route = route; });
    not_empty(app.add_option("--url", raw_.options.url,
                             "the server ($OPENAI_BASE_URL, else http://127.0.0.1:4000)"))
        ->type_name("URL");
    not_empty(app.add_option(
                  "--api-key", raw_.api_key,
                  "its master key ($LITELLM_MASTER_KEY, $OPENAI_API_KEY, else $QUARRY_API_KEY)"))
        ->type_name("KEY");
    app.add_flag("--json", raw_.options.json, "the server's answer as it came");
    return app;
  }

  void names(CLI::App& app, const char* what, const char* help, bool several = false) {
    auto* option = not_empty(app.add_option(what, raw_.options.names, help));
    option->type_name("")->required();
    option->expected(1, several ? 1000 : 1);
  }

  template <std::size_t kCount>
  void members(CLI::App& app, const std::array<Member, kCount>& list) {
    for (const Member& member : list) {
      not_empty(app.add_option(member.flag, raw_.typed[member.name], member.help))
          ->type_name(member.type);
    }
  }

  void grant(CLI::App& app) {
    not_empty(app.add_option("--models", raw_.options.models,
                             "what it may use, wildcards too; several with commas (all)"))
        ->type_name("MODEL")
        ->allow_extra_args(false)
        ->delimiter(',');
    members(app, kGrant);
  }

 private:
  CLI::App& parent_;
  KeysRaw& raw_;
};

void add_key_verbs(Verbs verbs, KeysRaw& raw) {
  CLI::App& generate = verbs.add("generate", "key/generate", "make a key, and show it once");
  verbs.members(generate, kKey);
  not_empty(generate.add_option("--key", raw.typed["key"],
                                "the key itself: sk-…, 20 characters at least"))
      ->type_name("KEY");
  verbs.grant(generate);
  generate.footer(kGenerateExamples);
  CLI::App& list = verbs.add("list", "key/list", "all keys, newest first");
  verbs.members(list, kListFilters);
  verbs.names(verbs.add("info", "key/info", "what a key may do, and what it has spent"), "KEY",
              "the key, or its hash");
  CLI::App& update = verbs.add("update", "key/update", "change what a key may do");
  verbs.names(update, "KEY", "the key, or its hash");
  verbs.members(update, kKey);
  verbs.grant(update);
  update.footer(kUpdateExamples);
  verbs.names(verbs.add("delete", "key/delete", "end keys; what they made stays"), "KEY",
              "keys, or their hashes", true);
  verbs.names(verbs.add("block", "key/block", "refuse a key until it is unblocked"), "KEY",
              "the key, or its hash");
  verbs.names(verbs.add("unblock", "key/unblock", "let a blocked key in again"), "KEY",
              "the key, or its hash");
}

void add_team_verbs(Verbs verbs, KeysRaw& raw) {
  CLI::App& make = verbs.add("new", "team/new", "make a team");
  not_empty(make.add_option("--id", raw.typed["team_id"], "what it is known by (a random one)"))
      ->type_name("ID");
  not_empty(make.add_option("--alias", raw.typed["team_alias"], "its name"))->type_name("NAME");
  verbs.grant(make);
  verbs.add("list", "team/list", "all teams, newest first");
  verbs.names(verbs.add("info", "team/info", "a team and its keys"), "TEAM", "the team's id");
  CLI::App& update = verbs.add("update", "team/update", "change what a team may do");
  verbs.names(update, "TEAM", "the team's id");
  not_empty(update.add_option("--alias", raw.typed["team_alias"], "its name"))->type_name("NAME");
  verbs.grant(update);
  verbs.names(verbs.add("delete", "team/delete", "end teams and their keys"), "TEAM",
              "the teams' ids", true);
  verbs.names(verbs.add("block", "team/block", "refuse all keys of a team"), "TEAM",
              "the team's id");
  verbs.names(verbs.add("unblock", "team/unblock", "let them in again"), "TEAM", "the team's id");
}

}  // namespace

void add_keys(CLI::App& root, KeysRaw& raw) {
  CLI::App& app = *root.add_subcommand("keys", "virtual keys and teams of a running server");
  app.require_subcommand(1);
  app.footer(kKeysExamples);
  add_key_verbs(Verbs(app, raw), raw);
  CLI::App& team = *app.add_subcommand("team", "keys that share what they make, and a budget");
  team.require_subcommand(1);
  add_team_verbs(Verbs(team, raw), raw);
}

KeysOptions keys_options(KeysRaw raw, std::string default_url, std::string default_api_key) {
  KeysOptions options = std::move(raw.options);
  if (options.url.empty()) options.url = std::move(default_url);
  options.api_key =
      Secret<std::string>(raw.api_key.empty() ? std::move(default_api_key) : raw.api_key);
  const bool lists = options.route == "key/list";
  if (lists) {
    options.query.emplace_back("return_full_object", "true");
    if (raw.typed["size"].empty()) raw.typed["size"] = "100";
  }
  for (auto& [name, text] : raw.typed) {
    if (!text.empty()) (lists ? options.query : options.members).emplace_back(name, text);
  }
  return options;
}

}  // namespace quarry::cli
