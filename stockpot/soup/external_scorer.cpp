#include "stockpot/soup/external_scorer.h"

#include <cmath>
#include <system_error>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/companion_files.h"
#include "stockpot/evaluator/ram_folder.h"

namespace stockpot {
namespace {

constexpr const char* kCandidate = "stockpot-candidate";

// Counts decide only when the metric is the accuracy that they say: as a part or in percent, with
// the digits that programs print.
bool is_accuracy(double value, const Accuracy& counts) {
  return std::abs(value - counts.value()) < 5e-5 || std::abs(value - 100 * counts.value()) < 5e-3;
}

Evaluation evaluation_of(const ExternalScore& score) {
  Evaluation evaluation;
  evaluation.failure = score.failure;
  evaluation.seconds = score.seconds;
  if (!score.failure.empty()) return evaluation;
  evaluation.value = score.value;
  evaluation.deviation = score.deviation;
  evaluation.metrics = score.metrics;
  evaluation.right = score.right;
  evaluation.examples = evaluation.total = score.n.value_or(0);
  if (score.counts && is_accuracy(score.value, *score.counts)) evaluation.counts = score.counts;
  return evaluation;
}

}  // namespace

CandidatePlace candidate_place(std::uint64_t bytes, const fs::path& wanted,
                               const fs::path& otherwise) {
  if (!wanted.empty()) return {wanted, false};
  const fs::path memory = ram_folder(bytes + bytes / 20 + (16 << 20));
  return memory.empty() ? CandidatePlace{otherwise, false} : CandidatePlace{memory, true};
}

void choose_form(const ExternalEvaluator& evaluator, const Checkpoint& first,
                 ExternalScorerOptions& options) {
  std::error_code ignored;
  const bool says = evaluator.wants_folder() || evaluator.wants_file();
  options.as_folder = says ? evaluator.wants_folder() : fs::is_directory(first.path(), ignored);
  options.as_file = says ? evaluator.wants_file() : !options.as_folder;
  if (options.as_file || first.format() == CheckpointFormat::safetensors)
    options.container = Container::safetensors;
  else
    options.container = Container::torch;
}

SoupMixer::Mix ExternalScorer::write(const SoupRequest& request, const fs::path& folder,
                                     EvaluatedModel& model) {
  std::string name = "model.safetensors";
  if (options_.as_folder) {
    model.folder = folder;
    copy_companion_files(options_.source, companion_files(options_.source), folder);
    name = weights_file_name(options_.source, options_.container);
  }
  OutputOptions output;
  output.container = options_.container;
  output.sync = false;
  CheckpointWriter writer(folder / name, mixer_.tensors(), output);
  const SoupMixer::Mix mix = mixer_.mix(
      request, [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> bytes) {
        writer.write(tensor, first, bytes);
      });
  writer.publish();
  if (options_.as_file) model.file = folder / name;
  return mix;
}

Evaluation ExternalScorer::operator()(const SoupRequest& request) {
  std::error_code failure;
  fs::create_directories(options_.place.folder, failure);
  remove_leftovers(options_.place.folder);
  const PendingFolder folder(options_.place.folder / kCandidate);  // never published: goes with us
  // Nobody else's business, in a place that all users share.
  fs::permissions(folder.path(), fs::perms::owner_all, failure);
  EvaluatedModel model;
  model.name = request.name;
  const SoupMixer::Mix mix = write(request, folder.path(), model);
  model.hash = mix.hash;
  if (request.next) mixer_.prefetch(*request.next);
  const ExternalScore score = evaluator_.score(model);
  Evaluation evaluation = evaluation_of(score);
  evaluation.hash = mix.hash;
  evaluation.geometry = mix.geometry;
  if (!score.failure.empty() && options_.stop_on_failure)
    throw RunError(printable(request.name) + " could not be scored: " + score.failure + " (log: " +
                   printable(score.log.native()) + "; --on-failure skip goes on without it)");
  return evaluation;
}

}  // namespace stockpot
