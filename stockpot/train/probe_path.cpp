#include "stockpot/train/probe_path.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "stockpot/train/softmax_regression.h"

namespace stockpot {
namespace {

constexpr double kNodeRatio = 2.4;
constexpr std::size_t kNodesBefore = 5, kNodesAround = 6;
constexpr double kFloat32Tolerance = 1e-8;
// Bytes of curvature pairs.
constexpr std::int64_t kMostHistory = std::int64_t{1} << 28;
// Penalties between nodes wait until there are so many columns of them.
constexpr std::int64_t kWaitingColumns = 1024;

struct Node {
  std::size_t index = 0;
  double log_c = 0, curvature = 0;
  Coefficients coefficients;
  CurvatureHistory history;
};

// Value at log_c of the polynomial through the nodes [first, last), by Lagrange's weights.
Coefficients polynomial(std::span<const Node* const> nodes, double log_c) {
  Coefficients sum(nodes[0]->coefficients.size(), 0.0);
  for (const Node* node : nodes) {
    double weight = 1;
    for (const Node* other : nodes)
      if (other != node) weight *= (log_c - other->log_c) / (node->log_c - other->log_c);
    add_scaled(static_cast<std::int64_t>(sum.size()), weight, node->coefficients.data(),
               sum.data());
  }
  return sum;
}

class PathSolver {
 public:
  PathSolver(FeatureRows& rows, const std::function<std::unique_ptr<FeatureRows>()>& exact,
             const std::vector<double>& class_shares, const PathOptions& options,
             const OnSolved& on_solved)
      : rows_(rows), exact_(exact), options_(options), on_solved_(on_solved), metric_(rows) {
    problem_.rows = rows.rows();
    problem_.features = rows.features();
    problem_.classes = rows.classes();
    problem_.ridge = options.ridge;
    problem_.metric = &metric_;
    problem_.tolerance = std::max(options.tolerance, 10 * kFloat32Tolerance);
    problem_.max_iterations = options.max_iterations;
    // Longer memories save passes and cost time of their own: a pair as much as 40 to 600 rows, as
    // it lies in the cache or does not. With fewer than 25 the estimate of the gap suffers.
    problem_.history = static_cast<std::size_t>(
        std::max<std::int64_t>(5, std::min(kMostHistory / (8 * rows.length()),
                                           std::clamp<std::int64_t>(rows.rows() / 600, 25, 60))));
    exact_problem_ = problem_;
    exact_problem_.tolerance = options.tolerance;
    // Without weights the best intercepts are the logarithms of the classes' shares.
    start_.assign(static_cast<std::size_t>(rows.length()), 0.0);
    for (std::int64_t j = 0; j < rows.classes(); ++j)
      start_[static_cast<std::size_t>(rows.classes() * rows.features() + j)] =
          std::log(class_shares[static_cast<std::size_t>(j)]);
  }

  void run() {
    const std::vector<double>& c = options_.c;
    for (std::size_t i = 0; i < c.size();) {
      solve_node(i);
      std::size_t next = i + 1;
      while (next + 1 < c.size() && c[next + 1] <= kNodeRatio * c[i]) ++next;
      for (std::size_t between = i + 1; between < std::min(next, c.size()); ++between)
        waiting_.push_back(between);
      i = next;
      solve_between(false);
    }
    solve_between(true);
  }

 private:
  // The polynomials through the last 1, 2, ... of these nodes: the one that changes least from
  // the one before it.
  Coefficients predict(std::span<const Node* const> nodes, double c) const {
    Coefficients previous, best;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t count = 1; count <= nodes.size(); ++count) {
      Coefficients next = polynomial(nodes.last(count), std::log(c));
      if (count == 1) {
        best = next;
      } else {
        Coefficients change = next;
        add_scaled(rows_.length(), -1.0, previous.data(), change.data());
        const double size = metric_.squared_norm(c * nodes.back()->curvature, options_.ridge,
                                                 rows_.classes(), change);
        if (size < least) {
          least = size;
          best = next;
        }
      }
      previous = std::move(next);
    }
    return best;
  }

  void solve_node(std::size_t index) {
    const double c = options_.c[index];
    std::vector<const Node*> before;
    for (std::size_t i = nodes_.size() - std::min(nodes_.size(), kNodesBefore); i < nodes_.size();
         ++i)
      before.push_back(&nodes_[i]);
    std::vector<Descent> descent;
    descent.emplace_back(problem_, c, before.empty() ? start_ : predict(before, c),
                         before.empty() ? CurvatureHistory() : before.back()->history);
    minimise(rows_, descent);
    nodes_.push_back({index, std::log(c), descent[0].curvature(), descent[0].coefficients(),
                      descent[0].history()});
    const std::size_t indices[] = {index};
    publish(indices, descent);
  }

  // The nodes around a penalty, the nearest last.
  std::vector<const Node*> around(std::size_t index) const {
    std::vector<const Node*> nodes;
    for (const Node& node : nodes_) nodes.push_back(&node);
    const double at = std::log(options_.c[index]);
    std::stable_sort(nodes.begin(), nodes.end(), [&](const Node* a, const Node* b) {
      return std::abs(a->log_c - at) > std::abs(b->log_c - at);
    });
    if (nodes.size() > kNodesAround)
      nodes.erase(nodes.begin(), nodes.end() - static_cast<std::ptrdiff_t>(kNodesAround));
    return nodes;
  }

  void solve_between(bool all) {
    // All that have three nodes to their right.
    std::size_t ready = waiting_.size();
    if (!all) {
      const std::size_t limit = nodes_.size() < 3 ? 0 : nodes_[nodes_.size() - 3].index;
      ready = static_cast<std::size_t>(std::lower_bound(waiting_.begin(), waiting_.end(), limit) -
                                       waiting_.begin());
      if (static_cast<std::int64_t>(ready) * rows_.classes() < kWaitingColumns) return;
    }
    const auto most =
        static_cast<std::size_t>(std::max<std::int64_t>(1, kWaitingColumns / rows_.classes()));
    for (std::size_t begin = 0; begin < ready; begin += most) {
      const std::size_t count = std::min(most, ready - begin);
      const std::span<const std::size_t> some(waiting_.data() + begin, count);
      std::vector<Descent> descents;
      for (const std::size_t index : some) {
        const std::vector<const Node*> nodes = around(index);
        descents.emplace_back(problem_, options_.c[index], predict(nodes, options_.c[index]),
                              nodes.back()->history);
      }
      minimise(rows_, descents);
      publish(some, descents);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(ready));
    // What a node knows about the Hessian is for its neighbours.
    for (std::size_t i = 0; i + 1 < nodes_.size(); ++i)
      if (waiting_.empty() || nodes_[i + 1].index < waiting_.front()) nodes_[i].history.clear();
  }

  // Goes on in float64 where that is wanted or needed.
  void refine(std::vector<Descent>& descents) {
    const bool wanted = options_.tolerance < problem_.tolerance;
    std::vector<Descent> finer;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < descents.size(); ++i) {
      const bool stuck =
          !descents[i].converged() && descents[i].iterations() < options_.max_iterations;
      if (!wanted && !stuck) continue;
      places.push_back(i);
      finer.emplace_back(exact_problem_, descents[i].c(), descents[i].coefficients(),
                         descents[i].history());
    }
    if (finer.empty()) return;
    if (!exact_rows_) exact_rows_ = exact_();
    minimise(*exact_rows_, finer);
    for (std::size_t i = 0; i < places.size(); ++i) descents[places[i]] = std::move(finer[i]);
  }

  void publish(std::span<const std::size_t> indices, std::vector<Descent>& descents) {
    std::vector<int> iterations;
    for (const Descent& descent : descents) iterations.push_back(descent.iterations());
    refine(descents);
    std::vector<Coefficients> centred;
    for (const Descent& descent : descents) centred.push_back(descent.coefficients());
    std::vector<PathSolution> solutions;
    for (std::size_t i = 0; i < descents.size(); ++i) {
      const Descent& descent = descents[i];
      centre(centred[i]);
      solutions.push_back({indices[i], descent.objective(), descent.gap(), iterations[i],
                           descent.converged(), descent.correct(), &centred[i]});
    }
    on_solved_(solutions);
  }

  // The same number for every class changes no probability: the sums over the classes become 0,
  // as they are at the optimum.
  void centre(Coefficients& x) const {
    const std::int64_t classes = rows_.classes(), features = rows_.features();
    const auto centre_column = [&](std::int64_t first, std::int64_t stride) {
      double sum = 0;
      for (std::int64_t j = 0; j < classes; ++j)
        sum += x[static_cast<std::size_t>(first + j * stride)];
      for (std::int64_t j = 0; j < classes; ++j)
        x[static_cast<std::size_t>(first + j * stride)] -= sum / static_cast<double>(classes);
    };
    for (std::int64_t i = 0; i < features; ++i) centre_column(i, features);
    centre_column(classes * features, 1);
  }

  FeatureRows& rows_;
  const std::function<std::unique_ptr<FeatureRows>()>& exact_;
  const PathOptions& options_;
  const OnSolved& on_solved_;
  GramMetric metric_;
  SoftmaxProblem problem_, exact_problem_;
  Coefficients start_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> waiting_;
  std::unique_ptr<FeatureRows> exact_rows_;
};

}  // namespace

void solve_path(FeatureRows& rows, const std::function<std::unique_ptr<FeatureRows>()>& exact,
                const std::vector<double>& class_shares, const PathOptions& options,
                const OnSolved& on_solved) {
  PathSolver(rows, exact, class_shares, options, on_solved).run();
}

}  // namespace stockpot
