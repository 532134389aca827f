#include "stockpot/soup/scorebook.h"

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/soup/evaluation_json.h"
#include "stockpot/soup/soup_key.h"

namespace stockpot {
namespace {

// Whether what is known answers the question.
bool answers(const Evaluation& known, const StopRule* stop, bool retry_failed) {
  if (known.failed()) return !retry_failed;
  return !known.stopped || (stop != nullptr && stop->rejects(known.value));
}

}  // namespace

Scorebook::Scorebook(Options options) : options_(std::move(options)) {
  if (options_.file == nullptr) return;
  std::int64_t number = 1;  // the header
  for (const Json& line : options_.file->lines()) {
    ++number;
    try {
      take_over(line);
    } catch (const FormatError& error) {
      throw FormatError(options_.file->path(),
                        "line " + std::to_string(number) + " is no evaluation: " + error.what());
    }
  }
}

void Scorebook::take_over(const Json& line) {
  const Json *key = line.find("key"), *evaluation = line.find("evaluation");
  if (key == nullptr || evaluation == nullptr) throw FormatError("it has no key or no evaluation");
  // Later lines win: what was stopped or failed may have been looked at again.
  known_[key->as_string()] = evaluation_from_json(*evaluation);
}

std::optional<std::int64_t> Scorebook::rows() const {
  for (const auto& [key, evaluation] : known_)
    if (evaluation.total > 0) return evaluation.total;
  return std::nullopt;
}

std::string Scorebook::key_of(const SoupRequest& request) const {
  return soup_key(options_.keys, request.members());
}

Evaluation Scorebook::score(const SoupRequest& request) {
  pending_.reset();
  const auto known = known_.find(key_of(request));
  if (known != known_.end() && answers(known->second, request.stop, options_.retry_failed)) {
    ++counts_.reused;
    return known->second;
  }
  if (stop_requested()) throw Interrupted("stopped while looking for the best soup");
  fresh_ = options_.evaluator(request);
  ++counts_.evaluated;
  counts_.failed += fresh_.failed() ? 1 : 0;
  if (!request.soup.empty()) {
    counts_.examples += fresh_.examples;
    counts_.of += fresh_.total;
  }
  counts_.seconds += fresh_.seconds;
  pending_ = request;
  pending_->stop = nullptr;  // the caller's; gone when the line is written
  return fresh_;
}

Evaluation Scorebook::score_alone(std::size_t candidate, std::optional<std::size_t> next) {
  SoupRequest request;
  request.added = candidate;
  request.next = next;
  request.name = options_.names[candidate];
  Evaluation evaluation = score(request);
  if (pending_) write(request, fresh_, nullptr);
  pending_.reset();
  return evaluation;
}

void Scorebook::record(const LedgerEntry& decision) {
  if (!pending_) return;
  write(*pending_, fresh_, &decision);
  pending_.reset();
}

void Scorebook::write(const SoupRequest& request, const Evaluation& evaluation,
                      const LedgerEntry* decision) {
  const std::string key = key_of(request);
  known_[key] = evaluation;
  if (options_.file == nullptr) return;
  Json soup = Json::array(), contents = Json::array();
  for (const std::size_t i : request.soup) soup.push(options_.names[i]);
  for (const std::size_t i : request.members()) contents.push(options_.keys[i]);
  Json line = Json::object({{"key", key}, {"name", request.name}, {"soup", std::move(soup)}});
  if (request.added) line.set("added", options_.names[*request.added]);
  if (request.removed) line.set("removed", options_.names[*request.removed]);
  line.set("contents", std::move(contents));
  line.set("evaluation", to_json(evaluation));
  if (decision != nullptr) {
    line.set("walk", decision->walk);
    line.set("rank", decision->rank);
    line.set("before", brief(decision->before));
    line.set("accepted", decision->accepted);
    line.set("reason", decision->reason);
    if (decision->test) line.set("test", to_json(*decision->test));
  }
  options_.file->append(line);
}

}  // namespace stockpot
