#include "stockpot/pipeline/picture_scorer.h"

#include <future>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/predict_rows.h"
#include "stockpot/eval/set_rows.h"

namespace stockpot {
namespace {

// By how much logits may change with the batch, over the largest one. Our own kernels give a row
// the same bits in every batch, but libraries choose their algorithms by its size.
double noise_of(at::Device device, bool bf16) {
  if (device.is_cpu()) return 2e-5;
  return bf16 ? 0.05 : 2e-3;
}

// Only the metric of groups depends on them.
std::string groups_hash(const Predictions& truth) {
  std::string text;
  for (const std::int64_t group : truth.groups) text += std::to_string(group) + "\n";
  return sha256(text);
}

}  // namespace

struct PictureScorer::State {
  SoupMixer& mixer;
  const ModelFolder& folder;
  const HeldOut& held_out;
  PictureScorerOptions options;
  Progress& progress;
  Predictions truth;
  Classifier model;  // takes the weights of each soup
  std::unique_ptr<ExampleScorer> scorer = nullptr;
  std::string name = {};  // of the soup that is being scored
  std::int64_t seen = 0;

  // The next soup, mixed by the CPU while a GPU scores the present one. The future is destroyed
  // first, which waits for the thread.
  struct Mixed {
    SoupMixer::Mix mix;
    std::vector<OwnedTensor> tensors;
  };
  SoupRequest ahead_for = {};
  std::future<Mixed> ahead = {};

  Mixed mixed(const SoupRequest& request) const {
    Mixed result;
    result.tensors = mixer.mixed(request, result.mix);
    return result;
  }

  // What was prepared, when it is what is asked for now.
  Mixed take(const SoupRequest& request) {
    if (ahead.valid()) {
      const bool wanted =
          ahead_for.soup == request.soup && ahead_for.added == request.added && !request.removed;
      ahead.wait();
      std::future<Mixed> done = std::move(ahead);
      if (wanted) return done.get();
    }
    return mixed(request);
  }

  SoupMixer::Mix load(const SoupRequest& request) {
    Mixed now = take(request);
    model.load_state(now.tensors);
    name = request.name;
    seen = 0;
    if (request.next) {
      if (options.device.is_cpu()) {
        mixer.prefetch(*request.next);
      } else {
        ahead_for = request;
        ahead_for.added = request.next;
        ahead_for.stop = nullptr;
        ahead = std::async(std::launch::async, [this] { return mixed(ahead_for); });
      }
    }
    return now.mix;
  }

  void forward(std::span<const std::int64_t> rows, std::span<float> logits) {
    if (stop_requested()) throw Interrupted("stopped while looking for the best soup");
    EvalOptions eval;
    eval.bf16 = options.bf16;
    predict_rows(model, held_out.set, rows, logits, eval);
    seen += static_cast<std::int64_t>(rows.size());
    progress.status("scoring " + printable(name) + ": " + grouped(seen) + "/" +
                    grouped(truth.rows()));
  }
};

PictureScorer::PictureScorer(SoupMixer& mixer, const ModelFolder& folder, const HeldOut& held_out,
                             PictureScorerOptions options, Progress& progress) {
  if (folder.labels != held_out.set.classes())
    throw UsageError("the held-out pictures were not loaded with the model's labels");
  Classifier model = Classifier::load(folder);
  model.to(options.device);
  model.evaluate();
  state_.reset(new State{mixer,
                         folder,
                         held_out,
                         std::move(options),
                         progress,
                         set_rows(held_out.set),
                         std::move(model),
                         nullptr,
                         {},
                         {},
                         {}});
  State* const state = state_.get();
  ExampleModel examples;
  examples.load = [state](const SoupRequest& request) { return state->load(request); };
  examples.forward = [state](std::span<const std::int64_t> rows, std::span<float> logits) {
    state->forward(rows, logits);
  };
  examples.known = state->options.known;
  ExampleOptions how;
  how.metric = state->options.metric;
  how.noise = noise_of(state->options.device, state->options.bf16);
  // A small batch costs a GPU as much as a whole one.
  if (!state->options.device.is_cpu()) how.smallest_batch = how.batch;
  how.keys = state->options.keys;
  how.shelf = state->options.shelf;
  state->scorer = std::make_unique<ExampleScorer>(state->truth, std::move(examples), how);
}

PictureScorer::~PictureScorer() = default;

Evaluation PictureScorer::operator()(const SoupRequest& request) {
  return (*state_->scorer)(request);
}

Classifier PictureScorer::mean(const std::vector<std::size_t>& ingredients) {
  SoupRequest request;
  request.soup = ingredients;
  state_->model.load_state(state_->take(request).tensors);
  return state_->model.clone();
}

Json PictureScorer::description() const {
  const State& state = *state_;
  Json json = Json::object({{"metric", std::string(row(state.options.metric).name)},
                            {"held_out", state.truth.examples},
                            {"pictures", state.truth.rows()},
                            {"config", sha256(state.folder.config.dump())},
                            {"device", state.options.device.is_cpu() ? "cpu" : "cuda"},
                            {"bf16", state.options.bf16}});
  if (state.options.metric == MetricKind::worst_group) json.set("groups", groups_hash(state.truth));
  return json;
}

Pictures PictureScorer::pictures() const { return pictures_of(state_->truth.ids); }

bool PictureScorer::can_stop() const { return state_->scorer->can_stop(); }

}  // namespace stockpot
