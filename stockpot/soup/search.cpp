#include "stockpot/soup/search.h"

#include <numeric>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"

namespace stockpot {
namespace {

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t number) {
  std::vector<std::size_t> order;
  for (const std::int64_t i :
       random_order(static_cast<std::int64_t>(count), seed, Purpose::subset, number))
    order.push_back(static_cast<std::size_t>(i));
  return order;
}

class Search {
 public:
  Search(Scorebook& book, const SearchOptions& options) : book_(book), options_(options) {
    result_.pictures = options.pictures;
  }

  SearchResult run(const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto next = i + 1 < names.size() ? std::optional(i + 1) : std::nullopt;
      result_.candidates.push_back({names[i], book_.score_alone(i, next)});
      if (options_.on_alone) options_.on_alone(result_.candidates.back(), i);
    }
    require_one();
    if (options_.from_all) {
      from_all();
      return std::move(result_);
    }
    switch (options_.order) {
      case WalkOrder::score:
        forward("by score",
                order_by_score(result_.candidates, options_.rule, options_.later_first));
        break;
      case WalkOrder::given:
        forward("as given", all());
        break;
      case WalkOrder::random:
        forward("random order", shuffled(names.size(), options_.seed, 0));
        break;
    }
    for (int i = 1; i <= options_.restarts; ++i)
      forward("random order " + std::to_string(i),
              shuffled(names.size(), options_.seed, static_cast<std::uint64_t>(i)));
    if (options_.prune) prune();
    return std::move(result_);
  }

 private:
  void require_one() const {
    for (const Candidate& candidate : result_.candidates)
      if (!candidate.alone.failed()) return;
    throw RunError(
        "none of the " + std::to_string(result_.candidates.size()) +
        " models could be scored; the first one: " + result_.candidates.front().alone.failure);
  }

  std::vector<std::size_t> all() const {
    std::vector<std::size_t> order(result_.candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
  }

  WalkOptions walk_options(const std::string& name) const {
    WalkOptions walk;
    walk.name = name;
    walk.rule = options_.rule;
    walk.stop_early = options_.stop_early;
    walk.pictures = options_.pictures;
    walk.on_entry = [this](const LedgerEntry& entry) {
      book_.record(entry);
      if (options_.on_entry) options_.on_entry(entry);
    };
    return walk;
  }

  SoupScore score() const {
    return [this](const SoupRequest& request) { return book_.score(request); };
  }

  void forward(const std::string& name, const std::vector<std::size_t>& order) {
    keep(walk_forward(result_.candidates, order, score(), walk_options(name)));
  }

  // Equal scores: the earlier walk.
  void keep(Walk walk) {
    result_.walks.push_back(std::move(walk));
    const Evaluation &best = result_.soup().held_out, &last = result_.walks.back().held_out;
    if (options_.rule.better(last, best)) result_.best = result_.walks.size() - 1;
  }

  void prune() {
    const Walk soup = result_.soup();
    result_.walks.push_back(walk_backward(result_.candidates, soup.ingredients, soup.held_out,
                                          score(), walk_options("pruning")));
    result_.best = result_.walks.size() - 1;
  }

  void from_all() {
    SoupRequest request;
    for (const std::size_t i : all())
      if (!result_.candidates[i].alone.failed()) request.soup.push_back(i);
    request.name = "soup of all " + std::to_string(request.soup.size());
    LedgerEntry start;
    start.walk = "pruning";
    start.name = request.name;
    start.after = book_.score(request);
    start.accepted = !start.after.failed();
    start.reason = start.accepted ? "start: the soup of all" : start.after.failure;
    book_.record(start);
    if (!start.accepted)
      throw RunError("the " + request.name + " could not be scored: " + start.after.failure);
    result_.walks.push_back(walk_backward(result_.candidates, request.soup, start.after, score(),
                                          walk_options("pruning")));
  }

  Scorebook& book_;
  const SearchOptions& options_;
  SearchResult result_;
};

}  // namespace

SearchResult search_soup(const std::vector<std::string>& names, Scorebook& book,
                         const SearchOptions& options) {
  return Search(book, options).run(names);
}

}  // namespace stockpot
