#include "stockpot/train/probe_path.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <optional>

#include "stockpot/model/blocks.h"
#include "stockpot/train/path_finish.h"
#include "stockpot/train/path_nodes.h"
#include "stockpot/train/softmax_regression.h"

namespace stockpot {
namespace {

constexpr double kNodeRatio = 2.4;
constexpr std::size_t kNodesAround = 6;
constexpr double kFloat32Tolerance = 1e-7;
// Bytes of curvature pairs that one solution may hold.
constexpr std::int64_t kMostHistory = std::int64_t{1} << 28;
// Columns of penalties that wait for one another: between nodes, to share passes; solved ones,
// to be looked at together.
constexpr std::int64_t kWaitingColumns = 1024, kSolvedColumns = 256;
// Numbers of a classifier up to which the histories of all nodes are kept until the end.
constexpr std::int64_t kShort = 1 << 15;
// Of a scout, and how far apart it stops.
constexpr double kScoutTolerance = 1e-2, kScoutStride = 30;

SoftmaxProblem problem_of(const FeatureRows& rows, const GramMetric& metric,
                          const PathOptions& options) {
  SoftmaxProblem problem;
  problem.rows = rows.rows();
  problem.features = rows.features();
  problem.classes = rows.classes();
  problem.ridge = options.ridge;
  problem.metric = &metric;
  problem.tolerance = std::max(options.tolerance, kFloat32Tolerance);
  problem.max_iterations = options.max_iterations;
  return problem;
}

class PathSolver {
 public:
  PathSolver(FeatureRows& rows, const std::function<std::unique_ptr<FeatureRows>()>& exact,
             const std::vector<double>& class_shares, const PathOptions& options,
             const OnSolved& on_solved)
      : rows_(rows),
        options_(options),
        metric_(rows),
        problem_(problem_of(rows, metric_, options)),
        scout_problem_(problem_),
        finish_(rows, exact, problem_, options, on_solved),
        node_indices_(choose_nodes(options.c, kNodeRatio)) {
    scout_problem_.tolerance = kScoutTolerance;
    // Longer memories save passes and cost time of their own: a pair as much as 40 to 500 rows, as
    // it lies in the cache or does not. With fewer than 25 the estimate of the gap suffers.
    pairs_ = static_cast<std::size_t>(
        std::max<std::int64_t>(5, std::min(kMostHistory / (8 * rows.length()),
                                           std::clamp<std::int64_t>(rows.rows() / 500, 25, 100))));
    // Without weights the best intercepts are the logarithms of the classes' shares.
    start_.assign(static_cast<std::size_t>(rows.length()), 0.0);
    for (std::int64_t j = 0; j < rows.classes(); ++j)
      start_[static_cast<std::size_t>(rows.classes() * rows.features() + j)] =
          std::log(class_shares[static_cast<std::size_t>(j)]);
  }

  // Returns the number of evaluations.
  std::int64_t run() {
    for (std::size_t i = 0, node = 0; i < options_.c.size(); ++i)
      if (node < node_indices_.size() && node_indices_[node] == i)
        ++node;
      else
        waiting_.push_back(i);
    solve_nodes();
    publish_solved();
    solve_between(true);
    return evaluations_ + finish_.evaluations();
  }

 private:
  // A node under way.
  struct Walk {
    std::size_t node = 0;  // into node_indices_
    Descent descent;
  };

  // Nodes beside a solved one are solved next, several at once where a pass likes company: from
  // the strongest penalty on, and both ways from seeds, which a scout reaches fast and roughly.
  void solve_nodes() {
    const std::size_t nodes = node_indices_.size();
    const bool many = rows_.length() <= kShort && nodes > 8;
    at_once_ = many ? rows_.company() : 1;
    begun_.assign(nodes, false);
    solved_nodes_.assign(nodes, false);
    const std::vector<Stop> stops = scouted_stops();
    Coefficients start = start_;
    CurvatureHistory history(pairs_);
    begin(0, start, history);
    std::optional<Descent> scout;
    for (std::size_t stop = 0;;) {
      if (!scout && stop < stops.size())
        scout.emplace(scout_problem_, stops[stop].c, start, history);
      // There is a place for the scout and one for the seed that it will reach.
      begin_beside_solved(scout ? std::max<std::size_t>(3, at_once_) - 2 : at_once_);
      std::vector<Descent*> active;
      if (scout) active.push_back(&*scout);
      for (Walk& walk : walks_) active.push_back(&walk.descent);
      if (active.empty()) return;
      step_all(rows_, active);
      evaluations_ += static_cast<std::int64_t>(active.size());
      if (scout && scout->finished()) {
        start = scout->coefficients();
        history = scout->history();
        scout.reset();
        if (const auto node = stops[stop++].node) begin(*node, start, history);
      }
      for (auto walk = walks_.begin(); walk != walks_.end();)
        walk = walk->descent.finished() ? settle(walk) : std::next(walk);
      if (at_once_ == 1) solve_between(false);
    }
  }

  // Where the scout looks on its way to the seeds.
  struct Stop {
    double c = 0;
    std::optional<std::size_t> node = {};  // a seed, which begins from what was found here
  };
  std::vector<Stop> scouted_stops() const {
    std::vector<Stop> stops;
    const std::size_t seeds = at_once_ / 2, last = begun_.size() - 1;
    double before = options_.c.front();
    for (std::size_t seed = 1; seed <= seeds; ++seed) {
      const std::size_t node = seed * last / seeds;
      const double c = options_.c[node_indices_[node]];
      for (int strides = 3; strides > 1; --strides)
        if (const double stop = c * std::pow(kScoutStride, -strides); stop > 10 * before)
          stops.push_back({stop});
      stops.push_back({std::max(c / kScoutStride, std::sqrt(before * c))});
      stops.back().node = node;
      before = c;
    }
    return stops;
  }

  void begin(std::size_t node, Coefficients start, CurvatureHistory history) {
    if (begun_[node]) return;
    begun_[node] = true;
    walks_.push_back({node, Descent(problem_, options_.c[node_indices_[node]], std::move(start),
                                    std::move(history))});
  }

  // The weakest penalties take longest: they come first.
  void begin_beside_solved(std::size_t most) {
    for (std::size_t node = begun_.size(); node-- > 0 && walks_.size() < most;) {
      const bool beside = (node > 0 && solved_nodes_[node - 1]) ||
                          (node + 1 < begun_.size() && solved_nodes_[node + 1]);
      if (begun_[node] || !beside) continue;
      const std::size_t index = node_indices_[node];
      const std::vector<const PathNode*> near = around(index);
      begin(node, prediction(near, options_.c[index]), near.back()->history);
    }
  }

  std::list<Walk>::iterator settle(std::list<Walk>::iterator walk) {
    const Descent& descent = walk->descent;
    const std::size_t index = node_indices_[walk->node];
    solved_nodes_[walk->node] = true;
    nodes_.push_back({index, std::log(descent.c()), descent.curvature(), descent.coefficients(),
                      descent.history()});
    solved_indices_.push_back(index);
    solved_.push_back(std::move(walk->descent));
    if (static_cast<std::int64_t>(solved_.size()) * rows_.classes() >= kSolvedColumns)
      publish_solved();
    return walks_.erase(walk);
  }

  Coefficients prediction(std::span<const PathNode* const> nodes, double c) const {
    return predict(nodes, c, metric_, options_.ridge, rows_.classes());
  }

  // The nodes around a penalty, the nearest last.
  std::vector<const PathNode*> around(std::size_t index) const {
    std::vector<const PathNode*> nodes;
    for (const PathNode& node : nodes_) nodes.push_back(&node);
    const double at = std::log(options_.c[index]);
    const auto distance = [&](const PathNode* node) { return std::abs(node->log_c - at); };
    std::stable_sort(nodes.begin(), nodes.end(), [&](const PathNode* a, const PathNode* b) {
      return distance(a) > distance(b);
    });
    // A polynomial through nodes far away says nothing here.
    const double far = kNodesAround * std::log(kNodeRatio);
    auto first = nodes.begin();
    while (
        std::next(first) != nodes.end() &&
        (nodes.end() - first > static_cast<std::ptrdiff_t>(kNodesAround) || distance(*first) > far))
      ++first;
    nodes.erase(nodes.begin(), first);
    return nodes;
  }

  // All that wait, or, where nodes are solved one by one, those that have three to their right.
  void solve_between(bool all) {
    std::size_t ready = waiting_.size();
    if (!all) {
      const std::size_t limit = nodes_.size() < 3 ? 0 : std::prev(nodes_.end(), 3)->index;
      ready = static_cast<std::size_t>(std::lower_bound(waiting_.begin(), waiting_.end(), limit) -
                                       waiting_.begin());
      if (static_cast<std::int64_t>(ready) * rows_.classes() < kWaitingColumns) return;
    }
    const auto most =
        static_cast<std::size_t>(std::max<std::int64_t>(1, kWaitingColumns / rows_.classes()));
    for (std::size_t begin = 0; begin < ready; begin += most) {
      const std::size_t count = std::min(most, ready - begin);
      const std::span<const std::size_t> some(waiting_.data() + begin, count);
      std::vector<std::vector<const PathNode*>> near(count);
      std::vector<Coefficients> starts(count);
      for_blocks(static_cast<std::int64_t>(count), [&](std::int64_t i) {
        const auto j = static_cast<std::size_t>(i);
        near[j] = around(some[j]);
        starts[j] = prediction(near[j], options_.c[some[j]]);
      });
      std::vector<Descent> descents;
      for (std::size_t i = 0; i < count; ++i)
        descents.emplace_back(problem_, options_.c[some[i]], std::move(starts[i]),
                              near[i].back()->history);
      evaluations_ += minimise(rows_, descents);
      finish_.publish(some, descents);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(ready));
    // What a node knows about the Hessian is for its neighbours.
    if (!all)
      for (auto node = nodes_.begin(); std::next(node) != nodes_.end(); ++node)
        if (waiting_.empty() || std::next(node)->index < waiting_.front())
          node->history = CurvatureHistory();
  }

  void publish_solved() {
    finish_.publish(solved_indices_, solved_);
    solved_indices_.clear();
    solved_.clear();
  }

  FeatureRows& rows_;
  const PathOptions& options_;
  const GramMetric metric_;
  const SoftmaxProblem problem_;
  SoftmaxProblem scout_problem_;
  PathFinish finish_;
  std::size_t pairs_ = 0;  // of a history
  Coefficients start_;
  const std::vector<std::size_t> node_indices_;
  std::size_t at_once_ = 1;                 // descents on the way to nodes, the scout's too
  std::vector<bool> begun_, solved_nodes_;  // as node_indices_
  std::list<Walk> walks_;
  std::list<PathNode> nodes_;
  std::vector<std::size_t> solved_indices_;  // of nodes that were not published yet
  std::vector<Descent> solved_;
  std::vector<std::size_t> waiting_;  // penalties between nodes
  std::int64_t evaluations_ = 0;
};

}  // namespace

std::int64_t solve_path(FeatureRows& rows,
                        const std::function<std::unique_ptr<FeatureRows>()>& exact,
                        const std::vector<double>& class_shares, const PathOptions& options,
                        const OnSolved& on_solved) {
  return PathSolver(rows, exact, class_shares, options, on_solved).run();
}

}  // namespace stockpot
