// The greedy soup as the model soups paper's program finds it (main.py): every model's whole pass
// over the held-out pictures, then for each candidate in the order of these scores its file, the
// running mean of the weights in float32, and a whole pass again. With stockpot's own forward
// pass and the paper's rule (>=), so that run_greedy.py compares the search and nothing else.
//   greedy_benchmark RECIPE THREADS kept|decoded MODEL_FOLDER...
// RECIPE: a recipe, or the folder of a sweep, whose held-out set is taken. kept: the pictures stay
// decoded in memory; decoded: each pass decodes them, as main.py's data loaders do. Prints one line
// of JSON.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/base/threads.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/predict_rows.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/data_sets.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;
using StateDict = std::vector<OwnedTensor>;

constexpr std::int64_t kBatch = 256;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Silence : public Progress {
 public:
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

struct Loop {
  Loop(const ModelFolder& folder, const ImageDataset& held_out)
      : set(held_out), model(Classifier::load(folder)) {
    model.evaluate();
  }

  std::int64_t correct() {
    const Clock::time_point start = Clock::now();
    std::int64_t right = 0;
    const auto classes = set.classes().size();
    std::vector<std::int64_t> rows(static_cast<std::size_t>(set.size()));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    std::vector<float> logits;
    for (std::int64_t first = 0; first < set.size(); first += kBatch) {
      const auto batch =
          std::span(rows).subspan(static_cast<std::size_t>(first),
                                  static_cast<std::size_t>(std::min(kBatch, set.size() - first)));
      logits.resize(batch.size() * classes);
      predict_rows(model, set, batch, logits);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto said =
            predicted_class(std::span<const float>(logits).subspan(i * classes, classes));
        right += said == set.label(batch[i]) ? 1 : 0;
      }
    }
    pictures += set.size();
    forward_seconds += since(start);
    return right;
  }

  const ImageDataset& set;
  Classifier model;
  std::int64_t pictures = 0;  // through the network
  double forward_seconds = 0;
};

StateDict read_state(const fs::path& path) {
  return Classifier::load(ModelFolder::open(path)).state();
}

// old * (n / (n + 1)) + new * (1 / (n + 1)), as main.py writes it; integers stay.
StateDict running_mean(const StateDict& old, const StateDict& added, std::size_t n) {
  const auto count = static_cast<float>(n);
  const float keep = count / (count + 1), take = 1 / (count + 1);
  StateDict mean = old;
  for (std::size_t t = 0; t < mean.size(); ++t) {
    if (mean[t].dtype != Dtype::f32) continue;
    for (std::size_t i = 0; i < mean[t].bytes.size(); i += sizeof(float)) {
      float a = 0, b = 0;
      std::memcpy(&a, &old[t].bytes[i], sizeof a);
      std::memcpy(&b, &added[t].bytes[i], sizeof b);
      const float value = a * keep + b * take;
      std::memcpy(&mean[t].bytes[i], &value, sizeof value);
    }
  }
  return mean;
}

Json search(Loop& loop, const std::vector<fs::path>& models) {
  Json result = Json::object({});
  const Clock::time_point start = Clock::now();
  std::vector<std::int64_t> alone;
  for (const fs::path& path : models) {
    loop.model.load_state(read_state(path));
    alone.push_back(loop.correct());
  }
  result.set("pictures_alone", loop.pictures);
  result.set("seconds_alone", since(start));
  std::vector<std::size_t> order(models.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return alone[a] > alone[b]; });

  const Clock::time_point soups = Clock::now();
  StateDict soup = read_state(models[order.front()]);
  std::int64_t best = alone[order.front()];
  std::size_t members = 1;
  Json ingredients = Json::array();
  ingredients.push(models[order.front()].native());
  for (const std::size_t i : std::span(order).subspan(1)) {
    StateDict candidate = running_mean(soup, read_state(models[i]), members);
    loop.model.load_state(candidate);
    const std::int64_t correct = loop.correct();
    if (correct < best) continue;
    best = correct;
    soup = std::move(candidate);
    ++members;
    ingredients.push(models[i].native());
  }
  result.set("pictures_soups", loop.pictures - result.find("pictures_alone")->as_integer());
  result.set("seconds_soups", since(soups));
  result.set("seconds_forward", loop.forward_seconds);
  result.set("ingredients", ingredients);
  result.set("correct", best);
  result.set("total", loop.set.size());
  return result;
}

void run(const fs::path& recipe_or_sweep, int threads, bool decode,
         const std::vector<fs::path>& models) {
  set_threads(threads);
  set_torch_threads(threads);
  keep_freed_memory();
  const Clock::time_point start = Clock::now();
  Recipe recipe = Recipe::read(fs::is_directory(recipe_or_sweep) ? recipe_or_sweep / "recipe.yaml"
                                                                 : recipe_or_sweep);
  if (decode) recipe.data_memory = 0;  // nothing decoded is kept
  Silence silence;
  const DataSets data = load_training_data(recipe, silence);
  const double loading = since(start);
  Loop loop(ModelFolder::open(models.front()), data.held_out.set);
  Json result = search(loop, models);
  result.set("seconds_loading", loading);
  std::cout << result.dump() << std::endl;
}

}  // namespace
}  // namespace stockpot

int main(int count, char** arguments) {
  const std::string pictures = count > 3 ? arguments[3] : "";
  if (count < 5 || (pictures != "kept" && pictures != "decoded")) {
    std::cerr << "usage: greedy_benchmark RECIPE THREADS kept|decoded MODEL_FOLDER...\n";
    return 2;
  }
  stockpot::run(arguments[1], std::atoi(arguments[2]), pictures == "decoded",
                {arguments + 4, arguments + count});
}
