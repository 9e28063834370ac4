#pragma once
// All deployments of a server: found by id, or by the public model name whose group they form.
// Entries whose model_name holds a star stand for many: a deployment of one model is made when that
// model is first asked for.

#include "aws/deployment.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::aws {

using DeploymentPtr = std::shared_ptr<const Deployment>;

// Whether the model of such settings is one that can be spoken to. Pure; any thread.
using Known = std::function<bool(const config::DeploymentSettings&)>;

// "claude-*", taken apart. Without a star: only the text itself matches.
struct Pattern {
  explicit Pattern(std::string_view text);
  // What the star stands for in `name`, at least one character; nullopt where it does not match.
  std::optional<std::string> match(std::string_view name) const;
  std::string fill(std::string_view star_text) const;
  std::size_t fixed_size() const { return before.size() + after.size(); }

  std::string before, after;
  bool star = false;
};

// Any thread. What it has given out stays as it is, for as long as the set lives.
class DeploymentSet {
 public:
  // group() makes no more deployments than these of wildcards, so that a file of made-up model
  // names fills no memory. by_id() may: what work has begun with is not lost.
  static constexpr std::size_t kMadeMax = 1000;

  // At least one. known: asked before a deployment is made of a wildcard.
  explicit DeploymentSet(std::vector<DeploymentPtr> deployments, Known known = {});

  // nullptr when it is not configured (any more). One that was made of a wildcard is
  // "<id>@<model id>", and is made again if need be.
  DeploymentPtr by_id(std::string_view id) const;
  // The deployments of a public model name, in the config's order; empty when there is none. An
  // entry of just that name wins, then the wildcard with the most text around its star. What the
  // star stands for in the name takes the place of the star in the model.
  const std::vector<DeploymentPtr>& group(std::string_view model_name) const;
  // Whether group() has something for it, but for kMadeMax; makes nothing.
  bool has(std::string_view model_name) const;
  // Public model names, sorted; wildcards as they are written.
  std::vector<std::string> model_names() const;
  // Where a file goes whose models are not known yet: the first of the config.
  const DeploymentPtr& home() const { return all_.front(); }
  // As configured: wildcards, and not what was made of them.
  const std::vector<DeploymentPtr>& all() const { return all_; }

 private:
  using Group = std::vector<DeploymentPtr>;
  // The entries of one model_name with a star.
  struct Wildcard {
    explicit Wildcard(Pattern pattern) : name(std::move(pattern)) {}

    Pattern name;
    Group entries;
    Group fixed;  // of entries: those that run one model, whatever the star stands for
  };

  // What was made of wildcards.
  struct Made {
    std::mutex mutex;
    std::map<std::string, DeploymentPtr, std::less<>> by_id;
    std::map<std::string, Group, std::less<>> groups;  // by public name
  };

  const Wildcard* wildcard_for(std::string_view model_name) const;
  // made: locked. made_max: of its deployments, for one more.
  DeploymentPtr make(Made& made,
                     const DeploymentPtr& entry,
                     const std::string& star_text,
                     std::size_t made_max) const;

  std::vector<DeploymentPtr> all_;
  std::map<std::string, Group, std::less<>> groups_;
  std::vector<Wildcard> wildcards_;  // most fixed text first
  Known known_;
  std::unique_ptr<Made> made_;
};

}  // namespace quarry::aws
