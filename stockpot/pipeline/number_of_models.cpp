#include "stockpot/pipeline/number_of_models.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/picture_scorer.h"
#include "stockpot/soup/greedy.h"

namespace stockpot {
namespace {

using Members = std::vector<std::size_t>;

class Study {
 public:
  Study(const std::vector<fs::path>& paths, const std::vector<NamedSet>& sets,
        const SubsetOptions& options, Progress& progress)
      : sets_(sets), options_(options), progress_(progress), held_out_{held_out().set} {
    for (const fs::path& path : paths) {
      folders_.push_back(ModelFolder::open(path));
      require_same_labels(folders_.front(), folders_.back());
      checkpoints_.push_back(open_weights(folders_.back()));
      names_.push_back(path.string());
    }
    for (const std::size_t size : options.sizes)
      if (size < 1 || size > paths.size())
        throw UsageError("a subset of " + std::to_string(size) + " models of " +
                         std::to_string(paths.size()));
    plan_ = plan_soup(checkpoints_, Container::safetensors);
    mixer_ = std::make_unique<SoupMixer>(plan_);
    PictureScorerOptions how;
    how.device = options.device;
    how.bf16 = options.bf16;
    for (std::size_t i = 0; i < paths.size(); ++i) how.keys.push_back(std::to_string(i));
    scorer_ = std::make_unique<PictureScorer>(*mixer_, folders_.front(), held_out_, how, progress);
  }

  std::vector<SubsetSoup> run() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      SoupRequest request;
      request.added = i;
      request.name = names_[i];
      candidates_.push_back({names_[i], score(request)});
    }
    by_score_ = order_by_score(candidates_, options_.rule);
    for (std::size_t repeat = 0; repeat < options_.repeats; ++repeat) one_order(repeat);
    return std::move(soups_);
  }

 private:
  const NamedSet& held_out() const {
    const auto place = std::ranges::find(sets_, SetRole::held_out, &NamedSet::role);
    if (place == sets_.end()) throw UsageError("soups of subsets need held-out pictures");
    return *place;
  }

  static Members sorted(Members members) {
    std::ranges::sort(members);
    return members;
  }

  // Complete evaluations are kept: the same members come back in other orders and sizes.
  Evaluation score(const SoupRequest& request) {
    const Members key = sorted(request.members());
    if (const auto known = evaluations_.find(key); known != evaluations_.end())
      return known->second;
    Evaluation evaluation = (*scorer_)(request);
    if (!evaluation.stopped) evaluations_.emplace(key, evaluation);
    return evaluation;
  }

  Walk walk(const Members& order) {
    WalkOptions how;
    how.rule = options_.rule;
    return walk_forward(
        candidates_, order, [this](const SoupRequest& request) { return score(request); }, how);
  }

  void one_order(std::size_t repeat) {
    Members order;
    for (const std::int64_t i : random_order(static_cast<std::int64_t>(names_.size()),
                                             options_.seed, Purpose::subset, repeat))
      order.push_back(static_cast<std::size_t>(i));
    const Walk random = walk(order);
    for (const std::size_t size : options_.sizes) {
      const Members subset(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
      Members down;  // from the best one
      for (const std::size_t i : by_score_)
        if (std::ranges::find(subset, i) != subset.end()) down.push_back(i);
      // A walk's first steps are the walk over the first models.
      Members kept;
      for (std::size_t i = 0; i < size; ++i)
        if (random.ledger[i].accepted) kept.push_back(random.ledger[i].candidate);
      add(SubsetMethod::best, size, repeat, {down.front()});
      add(SubsetMethod::uniform, size, repeat, subset);
      add(SubsetMethod::greedy, size, repeat, walk(down).ingredients);
      add(SubsetMethod::greedy_random, size, repeat, kept);
    }
  }

  void add(SubsetMethod method, std::size_t size, std::size_t repeat, const Members& members) {
    soups_.push_back({method, size, repeat, members, scores_of(members)});
    progress_.say(std::string(name_of(method)) + ", " + std::to_string(size) + " models, order " +
                  std::to_string(repeat + 1) + ": " +
                  fixed(100 * soups_.back().scores.front().value(), 2) + " % on " +
                  printable(sets_.front().name));
  }

  const std::vector<Accuracy>& scores_of(const Members& members) {
    const auto [place, fresh] = scores_.try_emplace(sorted(members));
    if (!fresh) return place->second;
    std::optional<Classifier> model;
    for (const NamedSet& set : sets_) {
      if (set.role == SetRole::held_out) {
        SoupRequest request;
        request.soup = members;
        request.name = "soup of " + std::to_string(members.size());
        place->second.push_back(*score(request).counts);
        continue;
      }
      if (!model) {
        model = scorer_->mean(members);
        model->to(options_.device);
      }
      EvalOptions eval;
      eval.bf16 = options_.bf16;
      progress_.status("evaluating a soup of " + std::to_string(members.size()) + " on " +
                       printable(set.name));
      place->second.push_back(accuracy(predict(*model, set.set, eval)));
    }
    return place->second;
  }

  const std::vector<NamedSet>& sets_;
  const SubsetOptions& options_;
  Progress& progress_;
  HeldOut held_out_;
  std::vector<ModelFolder> folders_;
  std::vector<Checkpoint> checkpoints_;
  std::vector<std::string> names_;
  MergePlan plan_;
  std::unique_ptr<SoupMixer> mixer_;
  std::unique_ptr<PictureScorer> scorer_;
  std::vector<Candidate> candidates_;
  Members by_score_;
  std::map<Members, Evaluation> evaluations_;
  std::map<Members, std::vector<Accuracy>> scores_;
  std::vector<SubsetSoup> soups_;
};

}  // namespace

std::string_view name_of(SubsetMethod method) {
  switch (method) {
    case SubsetMethod::best:
      return "best single";
    case SubsetMethod::uniform:
      return "uniform";
    case SubsetMethod::greedy:
      return "greedy";
    default:
      return "greedy, random order";
  }
}

std::vector<SubsetSoup> soups_of_subsets(const std::vector<fs::path>& models,
                                         const std::vector<NamedSet>& sets,
                                         const SubsetOptions& options, Progress& progress) {
  return Study(models, sets, options, progress).run();
}

}  // namespace stockpot
