#include "stockpot/learned/learn.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/blend/optimizers.h"
#include "stockpot/model/input.h"
#include "stockpot/train/divergence.h"
#include "stockpot/train/state_folder.h"

namespace stockpot {
namespace {

constexpr std::array<std::pair<Learner, std::string_view>, 2> kLearners = {
    {{Learner::adamw, "adamw"}, {Learner::lbfgs, "lbfgs"}}};
constexpr double kSmallGradient = 1e-6;

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double x) { return std::isfinite(x); });
}

double norm_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum);
}

// What both learners share: one model, its pictures, its saved states.
class Learning {
 public:
  Learning(MixedModel& model, const HeldOut& held_out, Coefficients& coefficients,
           const LearnOptions& options, Progress& progress)
      : model_(model),
        set_(held_out.set),
        pictures_(held_out.set, model.classifier().folder().preprocessing,
                  model.classifier().device(),
                  loader_threads(options.loader_threads, model.classifier().device())),
        coefficients_(coefficients),
        options_(options),
        progress_(progress) {
    if (options.folder.empty()) return;
    states_.emplace(options.folder,
                    StateFolderOptions{options.identity, false, options.on_warning});
  }

  LearnResult adamw();
  LearnResult lbfgs();

 private:
  using Clock = std::chrono::steady_clock;

  std::int64_t batches() const { return pictures_.batches(options_.batch_size); }

  BatchPlan plan(std::int64_t epoch, std::int64_t first, bool shuffle) const {
    BatchPlan plan;
    plan.batch_size = options_.batch_size;
    plan.shuffle = shuffle;
    plan.seed = options_.seed;
    plan.epoch = epoch;
    plan.first_batch = first;
    plan.loader_threads = loader_threads(options_.loader_threads, model_.classifier().device());
    return plan;
  }

  // The loss of one batch and its gradient at the present coefficients.
  Objective step(const Inputs& inputs, MixLoss& sum) {
    model_.set(coefficients_.alpha());
    MixLoss own;
    model_.add(inputs, coefficients_.beta(), 1, own);
    sum.loss += own.loss * static_cast<double>(own.rows);
    sum.correct += own.correct;
    sum.rows += own.rows;
    return {own.loss, coefficients_.pull_back(model_.alpha_gradient(), own.beta_gradient)};
  }

  // The same over all pictures.
  Objective pass(std::span<const double> parameters, const std::string& what) {
    coefficients_.set_parameters({parameters.begin(), parameters.end()});
    model_.set(coefficients_.alpha());
    MixLoss sum;
    pictures_.walk(plan(0, 0, false), [&](const Inputs& inputs) {
      if (stop_requested()) throw Interrupted("stopped while learning a soup");
      model_.add(inputs, coefficients_.beta(),
                 static_cast<double>(inputs.rows.size()) / static_cast<double>(set_.size()), sum);
      progress_.status(what + ": " + grouped(sum.rows) + "/" + grouped(set_.size()));
    });
    Objective result{sum.loss, coefficients_.pull_back(model_.alpha_gradient(), sum.beta_gradient)};
    // A trial step into the void is answered by a shorter one.
    if (!all_finite(result.gradient)) result.value = std::numeric_limits<double>::infinity();
    return result;
  }

  bool due() const {
    if (stop_requested()) return true;
    return states_ &&
           std::chrono::duration<double>(Clock::now() - last_).count() >= options_.every_seconds;
  }

  void save(const Json& state, const LearnResult& result, bool stop) {
    if (states_ && (!stop || saved_ != result.steps)) {
      states_->save(result.steps, {},
                    Json::object({{"steps", result.steps},
                                  {"losses", numbers_json(result.losses)},
                                  {"converged", result.converged},
                                  {"parameters", numbers_json(coefficients_.parameters())},
                                  {"learner", state}}));
      saved_ = result.steps;
    }
    last_ = Clock::now();
    if (stop)
      throw Interrupted("stopped while learning a soup, after step " + grouped(result.steps) +
                        (states_
                             ? "; the state is saved in " +
                                   printable((states_->path() / state_name(result.steps)).native())
                             : std::string()));
  }

  // The learner's own state, and what `result` and the coefficients were.
  std::optional<Json> resume(LearnResult& result) {
    if (!states_) return std::nullopt;
    const std::optional<SavedState> saved = states_->load();
    if (!saved) return std::nullopt;
    const auto member = [&](const char* name) -> const Json& {
      const Json* found = saved->state.find(name);
      if (found == nullptr)
        throw FormatError(saved->folder, "the saved state has no '" + std::string(name) + "'");
      return *found;
    };
    result.steps = saved_ = member("steps").as_integer();
    result.converged = member("converged").as_bool();
    for (const Json& loss : member("losses").items()) result.losses.push_back(loss.as_number());
    const Json& parameters = member("parameters");
    coefficients_.set_parameters(numbers_from(&parameters, coefficients_.parameters().size()));
    progress_.say("going on after step " + grouped(result.steps));
    return member("learner");
  }

  [[noreturn]] void diverged(const Objective& at, std::int64_t step, std::int64_t steps,
                             const std::vector<std::int64_t>& rows) const {
    Divergence divergence;
    divergence.epoch = static_cast<int>((step - 1) / std::max<std::int64_t>(batches(), 1)) + 1;
    divergence.step = step;
    divergence.steps = steps;
    divergence.learning_rate = options_.learning_rate;
    divergence.loss = at.value;
    divergence.gradient_norm = norm_of(at.gradient);
    for (const std::int64_t row : rows) divergence.batch.push_back(set_.id(row));
    divergence.advice = coefficients_.form() == Form::free
                            ? "lower --lr, or use --form softmax, which stays between the models"
                            : "lower --lr";
    throw Diverged(divergence);
  }

  MixedModel& model_;
  const ImageDataset& set_;
  KeptPictures pictures_;
  Coefficients& coefficients_;
  const LearnOptions& options_;
  Progress& progress_;
  std::optional<StateFolder> states_;
  Clock::time_point last_ = Clock::now();
  std::int64_t saved_ = -1;
};

LearnResult Learning::adamw() {
  LearnResult result;
  FewAdam adam(coefficients_.parameters().size());
  MixLoss sum;
  const auto state = [&] {
    return Json::object(
        {{"adam", adam.state()}, {"loss", sum.loss}, {"correct", sum.correct}, {"rows", sum.rows}});
  };
  if (const auto saved = resume(result)) {
    adam.restore(*saved->find("adam"));
    sum.loss = saved->find("loss")->as_number();
    sum.correct = saved->find("correct")->as_integer();
    sum.rows = saved->find("rows")->as_integer();
  }
  const std::int64_t steps = options_.epochs * batches();
  while (result.steps < steps) {
    const std::int64_t epoch = result.steps / batches(), first = result.steps % batches();
    pictures_.walk(plan(epoch, first, true), [&](const Inputs& inputs) {
      const Objective at = step(inputs, sum);
      if (!std::isfinite(at.value) || !all_finite(at.gradient))
        diverged(at, result.steps + 1, steps, inputs.rows);
      std::vector<double> parameters = coefficients_.parameters();
      adam.step(at.gradient, options_.learning_rate, parameters);
      coefficients_.set_parameters(std::move(parameters));
      ++result.steps;
      progress_.status("epoch " + std::to_string(epoch + 1) + "/" +
                       std::to_string(options_.epochs) + ", " + grouped(sum.rows) + "/" +
                       grouped(set_.size()) + ": loss " +
                       fixed(sum.loss / static_cast<double>(sum.rows), 4));
      if (result.steps % batches() == 0) {
        result.losses.push_back(sum.loss / static_cast<double>(sum.rows));
        progress_.say("epoch " + std::to_string(epoch + 1) + "/" + std::to_string(options_.epochs) +
                      ": loss " + fixed(result.losses.back(), 4) + " on the way");
        sum = {};
        save(state(), result, stop_requested() && result.steps < steps);
      } else if (due()) {
        save(state(), result, stop_requested());
      }
    });
  }
  return result;
}

LearnResult Learning::lbfgs() {
  LearnResult result;
  Lbfgs solver(coefficients_.parameters());
  if (const auto saved = resume(result)) solver.restore(*saved);
  while (result.steps < options_.iterations && !result.converged) {
    const std::string what =
        "iteration " + std::to_string(result.steps + 1) + "/" + std::to_string(options_.iterations);
    result.converged = !solver.iterate([&](std::span<const double> x) { return pass(x, what); }) ||
                       solver.gradient_norm() < kSmallGradient;
    if (!std::isfinite(solver.at().value))
      diverged(solver.at(), result.steps + 1, options_.iterations, {});
    ++result.steps;
    result.losses.push_back(solver.at().value);
    progress_.say(what + ": loss " + fixed(solver.at().value, 4));
    coefficients_.set_parameters(solver.parameters());
    save(solver.state(), result, stop_requested() && !result.converged);
  }
  coefficients_.set_parameters(solver.parameters());
  return result;
}

}  // namespace

std::string_view name_of(Learner learner) {
  return std::ranges::find(kLearners, learner, &std::pair<Learner, std::string_view>::first)
      ->second;
}

std::optional<Learner> learner_from(std::string_view name) {
  for (const auto& [learner, known] : kLearners)
    if (known == name) return learner;
  return std::nullopt;
}

LearnResult learn(MixedModel& model, const HeldOut& held_out, Coefficients& coefficients,
                  const LearnOptions& options, Progress& progress) {
  Learning learning(model, held_out, coefficients, options, progress);
  LearnResult result = options.learner == Learner::adamw ? learning.adamw() : learning.lbfgs();
  result.parameters = coefficients.parameters();
  return result;
}

}  // namespace stockpot
