#include "access/admission_rules.h"

#include "access/budget_period.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <utility>

namespace quarry::access {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kNanoPerUsd = 1'000'000'000;
// Batches end in their own time, minutes to a day: asking more often is of no use.
constexpr std::chrono::seconds kUntilSomeBatchEnded{300};

// A sum that stays at the largest value.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

// To the cent where that says it all; else as far as the last nano-dollar that is not 0.
std::string usd(std::int64_t nano_usd) {
  std::string fraction = fmt::format("{:09}", nano_usd % kNanoPerUsd);
  while (fraction.size() > 2 && fraction.ends_with('0')) fraction.pop_back();
  return fmt::format("${}.{}", nano_usd / kNanoPerUsd, fraction);
}

std::string utc(std::int64_t unix_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

// Who is limited, what is asked of it, and what it is allowed.
struct Rule {
  store::Party party = store::Party::key;
  std::string id;
  std::string whose;  // for messages: "the key sk-...1a2b"
  std::optional<std::int64_t> open_batches, enqueued_tokens;
  std::optional<Budget> budget;
  std::int64_t tokens = 0, nano_usd = 0;  // of this batch
  std::vector<std::string> unpriced;      // its models that nobody knows the price of
  std::int64_t now_s = 0;
};

Rule rule_of(store::Party party, std::string id, std::string whose, const Grant& grant) {
  return {.party = party,
          .id = std::move(id),
          .whose = std::move(whose),
          .open_batches = grant.limits.open_batches,
          .enqueued_tokens = grant.limits.enqueued_tokens,
          .budget = grant.budget};
}

std::string name_of(const Key& key) {
  return key.alias.empty() ? "the key " + key.name
                           : fmt::format("the key '{}' ({})", key.alias, key.name);
}

std::string name_of(const Team& team) {
  return fmt::format("the team '{}'", team.alias.empty() ? team.id : team.alias);
}

// The caller's key and its team, where it has them.
std::vector<Rule> rules_of(const Caller& caller) {
  std::vector<Rule> rules;
  if (!caller.key) return rules;
  const Key& key = *caller.key;
  rules.push_back(rule_of(store::Party::key, key.hash, name_of(key), key.grant));
  if (key.team) {
    rules.push_back(rule_of(store::Party::team, key.team->id, name_of(*key.team), key.team->grant));
  }
  return rules;
}

Result<void> check_alone(const Rule& rule, const store::Standing& /*standing*/) {
  if (!rule.enqueued_tokens || rule.tokens <= *rule.enqueued_tokens) return {};
  return fail(
      Error(Errc::invalid_request,
            fmt::format(
                "This batch has about {} tokens, its answers as long as max_tokens allows, and "
                "{} may have {} in open batches at a time: it can never fit. hint: split the file, "
                "or lower max_tokens (where a line gives none, the model's own limit counts)",
                rule.tokens, rule.whose, *rule.enqueued_tokens))
          .param("input_file_id")
          .reason("token_limit_exceeded"));
}

// What all use of a model together is not for one of them to know: no figures of it.
bool is_shared(const Rule& rule) { return rule.party == store::Party::model; }

Result<void> check_open(const Rule& rule, const store::Standing& standing) {
  if (!rule.open_batches || standing.open_batches < *rule.open_batches) return {};
  const std::string open =
      is_shared(rule) ? "which is reached" : fmt::format("and {} are open", standing.open_batches);
  return fail(Error(Errc::limited,
                    fmt::format("{} open batches are the limit of {}, {}. hint: try again when one "
                                "of them has ended",
                                *rule.open_batches, rule.whose, open))
                  .reason("batch_limit_exceeded")
                  .retry_after(kUntilSomeBatchEnded));
}

Result<void> check_tokens(const Rule& rule, const store::Standing& standing) {
  if (!rule.enqueued_tokens ||
      plus(standing.enqueued_tokens, rule.tokens) <= *rule.enqueued_tokens) {
    return {};
  }
  const std::string enqueued =
      is_shared(rule) ? "" : fmt::format("{} are in open batches, ", standing.enqueued_tokens);
  return fail(
      Error(Errc::limited,
            fmt::format("Enqueued token limit reached for {}: this batch asks for about {} tokens, "
                        "{}and {} are allowed at a time. hint: try again when some open batches "
                        "have ended",
                        rule.whose, rule.tokens, enqueued, *rule.enqueued_tokens))
          .reason("token_limit_exceeded")
          .retry_after(kUntilSomeBatchEnded));
}

Result<void> check_budget(const Rule& rule, const store::Standing& standing) {
  if (!rule.budget) return {};
  const std::int64_t taken = plus(standing.spent_nano_usd, standing.reserved_nano_usd);
  if (plus(taken, rule.nano_usd) <= rule.budget->max_nano_usd) return {};
  const auto ends = period_ends(*rule.budget, rule.now_s);
  return fail(
      Error(Errc::invalid_request,
            fmt::format("Budget has been exceeded for {}: this batch may cost {}, {} are spent and "
                        "{} reserved for open batches, and the budget is {}{}",
                        rule.whose, usd(rule.nano_usd), usd(standing.spent_nano_usd),
                        usd(standing.reserved_nano_usd), usd(rule.budget->max_nano_usd),
                        ends ? fmt::format(" until {}.", utc(*ends)) : "."))
          .reason("budget_exceeded"));
}

Result<void> check_price(const Rule& rule, const store::Standing& /*standing*/) {
  if (!rule.budget || rule.unpriced.empty()) return {};
  return fail(
      Error(Errc::invalid_request,
            fmt::format("{} has a budget, and nobody knows what '{}' costs. hint: the operator "
                        "gives model_info.input_cost_per_token_batches and "
                        "output_cost_per_token_batches, and input_cost_per_token and "
                        "output_cost_per_token for what runs on demand",
                        rule.whose, fmt::join(rule.unpriced, "', '")))
          .param("model")
          .reason("model_without_price"));
}

Result<void> judge(const std::vector<Rule>& rules, const std::vector<store::Standing>& standings) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (const auto check : {check_alone, check_price, check_open, check_tokens, check_budget}) {
      if (auto allowed = check(rules[i], standings[i]); !allowed) return allowed;
    }
  }
  return {};
}

bool limited(const Rule& rule) { return rule.open_batches || rule.enqueued_tokens || rule.budget; }

Error too_many_lines(const std::string& whose, std::int64_t most, std::uint64_t lines) {
  return Error(Errc::invalid_request,
               fmt::format("The file has {} lines for {}, which may have {} in a file. hint: split "
                           "the file",
                           lines, whose, most))
      .param("file")
      .reason("file_limit_exceeded");
}

}  // namespace

store::Admission admission_of(const Caller& caller,
                              const std::vector<ModelEstimate>& models,
                              std::int64_t now_s) {
  std::vector<Rule> rules = rules_of(caller);
  std::int64_t tokens = 0, nano_usd = 0;
  std::vector<std::string> unpriced;
  for (const ModelEstimate& model : models) {
    tokens = plus(tokens, model.tokens);
    nano_usd = plus(nano_usd, model.nano_usd.value_or(0));
    if (!model.nano_usd) unpriced.push_back(model.model);
  }
  for (Rule& rule : rules) {
    rule.tokens = tokens;
    rule.nano_usd = nano_usd;
    rule.unpriced = unpriced;
  }
  for (const ModelEstimate& model : models) {
    rules.push_back({.party = store::Party::model,
                     .id = model.model,
                     .whose = fmt::format("the model '{}'", model.model),
                     .open_batches = model.limits.open_batches,
                     .enqueued_tokens = model.limits.enqueued_tokens,
                     .budget = std::nullopt,
                     .tokens = model.tokens});
  }
  store::Admission admission;
  for (Rule& rule : rules) {
    rule.now_s = now_s;
    // Also of who has no limits: they may come while the batch is open.
    admission.reservations.push_back({rule.party, rule.id, rule.tokens, rule.nano_usd});
  }
  std::erase_if(rules, [](const Rule& rule) { return !limited(rule); });
  for (const Rule& rule : rules) {
    const auto since =
        rule.budget ? std::optional(period_began(*rule.budget, now_s)) : std::nullopt;
    admission.asks.push_back({rule.party, rule.id, since});
  }
  if (rules.empty()) return admission;
  admission.judge = [rules = std::move(rules)](const std::vector<store::Standing>& standings) {
    return judge(rules, standings);
  };
  return admission;
}

store::FileQuota quota_of(const Caller& caller, std::int64_t now_s) {
  const std::int64_t midnight = now_s - now_s % kSecondsPerDay;
  store::FileQuota quota{.since = midnight};
  if (!caller.key) return quota;
  const auto most_of = [](const Grant& grant) { return grant.limits.files_per_day; };
  const auto of_key = most_of(caller.key->grant);
  const auto of_team = caller.key->team ? most_of(caller.key->team->grant) : std::nullopt;
  quota.of_key = of_key.has_value();
  quota.of_team = of_team.has_value();
  const std::string key = name_of(*caller.key);
  const std::string team = caller.key->team ? name_of(*caller.key->team) : "";
  const std::chrono::seconds wait(midnight + kSecondsPerDay - now_s);
  quota.judge = [=](std::int64_t files_of_key, std::int64_t files_of_team) -> Result<void> {
    const auto check = [&](const std::string& whose, const std::optional<std::int64_t>& most,
                           std::int64_t files) -> Result<void> {
      if (!most || files < *most) return {};
      return fail(
          Error(Errc::limited, fmt::format("{} files a day are the limit of {}, and {} came since "
                                           "midnight UTC. hint: try again after {}",
                                           *most, whose, files, utc(midnight + kSecondsPerDay)))
              .reason("file_limit_exceeded")
              .retry_after(wait));
    };
    if (auto allowed = check(key, of_key, files_of_key); !allowed) return allowed;
    return check(team, of_team, files_of_team);
  };
  return quota;
}

Result<void> check_file_bytes(const Caller& caller, std::uint64_t bytes) {
  if (!caller.key) return {};
  const auto check = [&](const std::string& whose, const Limits& limits) -> Result<void> {
    if (!limits.file_bytes || bytes <= static_cast<std::uint64_t>(*limits.file_bytes)) return {};
    return fail(Error(Errc::invalid_request,
                      fmt::format("The file is larger than the {} bytes that {} may send in one. "
                                  "hint: split the file",
                                  *limits.file_bytes, whose))
                    .param("file")
                    .reason("body_too_large"));
  };
  const Key& key = *caller.key;
  if (auto allowed = check(name_of(key), key.grant.limits); !allowed) return allowed;
  return key.team ? check(name_of(*key.team), key.team->grant.limits) : Result<void>();
}

Result<void> check_file_lines(const Caller& caller, std::uint64_t lines) {
  if (!caller.key) return {};
  const auto check = [&](const std::string& whose, const Limits& limits) -> Result<void> {
    if (!limits.file_lines || lines <= static_cast<std::uint64_t>(*limits.file_lines)) return {};
    return fail(too_many_lines(whose, *limits.file_lines, lines));
  };
  const Key& key = *caller.key;
  if (auto allowed = check(name_of(key), key.grant.limits); !allowed) return allowed;
  return key.team ? check(name_of(*key.team), key.team->grant.limits) : Result<void>();
}

Result<void> check_model_lines(const std::string& model,
                               const config::BatchLimits& limits,
                               std::uint64_t lines) {
  if (!limits.file_lines || lines <= static_cast<std::uint64_t>(*limits.file_lines)) return {};
  return fail(too_many_lines(fmt::format("the model '{}'", model), *limits.file_lines, lines));
}

}  // namespace quarry::access
