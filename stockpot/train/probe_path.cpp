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
constexpr std::size_t kNodesBefore = 5, kNodesAround = 6;
constexpr double kFloat32Tolerance = 1e-7;
// Bytes of curvature pairs that one solution may hold.
constexpr std::int64_t kMostHistory = std::int64_t{1} << 28;
// Columns of penalties that wait for one another: between nodes, to share passes; solved ones,
// to be looked at together.
constexpr std::int64_t kWaitingColumns = 1024, kSolvedColumns = 256;
// Numbers of a classifier up to which the histories of all nodes are kept until the end.
constexpr std::int64_t kShort = 1 << 15;
// The way to the last penalty, if it is to be solved without those before it.
constexpr double kScoutTolerance = 1e-2;
constexpr double kScouts[] = {3e-5, 1e-3, 3e-2};

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
        node_indices_(choose_nodes(options.c, kNodeRatio)),
        nodes_left_(node_indices_.size()) {
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
  // Goes from one end of the path to where it meets the other one.
  struct Front {
    bool upwards = true;
    std::size_t scouts = 0;  // still to be sent ahead
    Coefficients start;      // of the first node
    CurvatureHistory history;
    std::vector<const PathNode*> solved;
    std::optional<Descent> descent;  // under way
    std::size_t index = 0;           // of its penalty
    bool scouting = false;
  };

  void solve_nodes() {
    std::vector<Front> fronts(1);
    // Two fronts make more iterations, in fewer passes.
    if (rows_.likes_company() && rows_.length() <= kShort && node_indices_.size() > 8) {
      fronts.resize(2);
      fronts[1].upwards = false;
      fronts[1].scouts = std::size(kScouts);
    }
    for (Front& front : fronts) {
      front.start = start_;
      front.history = CurvatureHistory(pairs_);
    }
    for (;;) {
      std::vector<Descent*> active;
      for (Front& front : fronts) {
        if (!front.descent) launch(front);
        if (front.descent) active.push_back(&*front.descent);
      }
      if (active.empty()) return;
      step_all(rows_, active);
      evaluations_ += static_cast<std::int64_t>(active.size());
      for (Front& front : fronts)
        if (front.descent && front.descent->finished()) settle(front);
      if (fronts.size() == 1) solve_between(false);
    }
  }

  void launch(Front& front) {
    front.scouting = front.scouts > 0;
    if (front.scouting) {
      const double c = options_.c.back() * kScouts[std::size(kScouts) - front.scouts--];
      front.descent.emplace(scout_problem_, c, front.start, front.history);
      return;
    }
    if (nodes_left_ == 0) return;
    --nodes_left_;
    front.index =
        front.upwards ? node_indices_[first_left_++] : node_indices_[first_left_ + nodes_left_];
    const double c = options_.c[front.index];
    const std::size_t count = std::min(front.solved.size(), kNodesBefore);
    front.descent.emplace(
        problem_, c, count == 0 ? front.start : prediction(std::span(front.solved).last(count), c),
        count == 0 ? front.history : front.solved.back()->history);
  }

  void settle(Front& front) {
    const Descent& descent = *front.descent;
    if (front.scouting) {
      front.start = descent.coefficients();
      front.history = descent.history();
    } else {
      nodes_.push_back({front.index, std::log(descent.c()), descent.curvature(),
                        descent.coefficients(), descent.history()});
      front.solved.push_back(&nodes_.back());
      solved_indices_.push_back(front.index);
      solved_.push_back(std::move(*front.descent));
      if (static_cast<std::int64_t>(solved_.size()) * rows_.classes() >= kSolvedColumns)
        publish_solved();
    }
    front.descent.reset();
  }

  Coefficients prediction(std::span<const PathNode* const> nodes, double c) const {
    return predict(nodes, c, metric_, options_.ridge, rows_.classes());
  }

  // The nodes around a penalty, the nearest last.
  std::vector<const PathNode*> around(std::size_t index) const {
    std::vector<const PathNode*> nodes;
    for (const PathNode& node : nodes_) nodes.push_back(&node);
    const double at = std::log(options_.c[index]);
    std::stable_sort(nodes.begin(), nodes.end(), [&](const PathNode* a, const PathNode* b) {
      return std::abs(a->log_c - at) > std::abs(b->log_c - at);
    });
    if (nodes.size() > kNodesAround)
      nodes.erase(nodes.begin(), nodes.end() - static_cast<std::ptrdiff_t>(kNodesAround));
    return nodes;
  }

  // All that wait, or, while there is but one front, those that have three nodes to their right.
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
  std::size_t first_left_ = 0, nodes_left_;  // of node_indices_, between the fronts
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
