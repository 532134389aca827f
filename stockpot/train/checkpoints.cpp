#include "stockpot/train/checkpoints.h"

#include <system_error>

#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/train/fit_identity.h"

namespace stockpot {
namespace {

const char* const kDiverged = "diverged.json";

void warn_of_another_processor(const SavedState& saved, const CheckpointOptions& options) {
  const Json* before = saved.state.find("processor");
  const std::string now = processor();
  if (before == nullptr || !before->is_string() || before->as_string() == now) return;
  if (options.on_warning)
    options.on_warning("saved on another kind of processor (" + printable(before->as_string()) +
                       ") than this one (" + printable(now) +
                       "): the result may differ from an unbroken run in the last bits");
}

}  // namespace

Checkpoints::Checkpoints(const CheckpointOptions& options, Json identity)
    : options_(options), requests_(save_requests()) {
  if (options_.folder.empty()) return;
  folder_.emplace(options_.folder,
                  StateFolderOptions{std::move(identity), options_.force, options_.on_warning});
  writer_.emplace(*folder_);
}

bool Checkpoints::resume(FitRun& run) {
  if (!folder_) return false;
  const std::optional<SavedState> saved = folder_->load();
  if (saved) {
    run.restore(*saved);
    warn_of_another_processor(*saved, options_);
  }
  start_ = run.step;
  return saved.has_value();
}

bool Checkpoints::stop_now(const FitRun& run) const {
  return stop_requested() || (options_.stop_after > 0 && run.step - start_ >= options_.stop_after);
}

bool Checkpoints::due(const FitRun& run) {
  if (!writer_) return stop_now(run);
  writer_->check();
  if (stop_now(run) || save_requests() != requests_) return true;
  // A disk that is slower than the interval makes fewer saves, not slower training.
  const double waited = std::chrono::duration<double>(Clock::now() - last_).count();
  return waited >= options_.every_seconds && !writer_->busy();
}

void Checkpoints::save(const FitRun& run) {
  if (stop_now(run)) stop(run, "stopped while fine-tuning");
  requests_ = save_requests();
  start_saving(run);
}

void Checkpoints::start_saving(const FitRun& run) {
  Snapshot& snapshot = writer_->next();
  run.save(snapshot);
  snapshot.state.set("processor", processor());
  writer_->write();
  last_ = Clock::now();
}

void Checkpoints::stop(const FitRun& run, const std::string& what) {
  const std::string where =
      what + ", after step " + std::to_string(run.step) + " of " + std::to_string(run.steps);
  if (!writer_) throw Interrupted(where);
  start_saving(run);
  writer_->wait();
  throw Interrupted(where + "; the state is saved in " +
                    printable((folder_->path() / state_name(run.step)).native()));
}

void Checkpoints::record(const Divergence& divergence) const {
  if (folder_) write_file(folder_->path() / kDiverged, divergence.to_json().dump(2) + "\n");
}

void Checkpoints::finish() {
  if (!folder_) return;
  writer_->wait();
  std::error_code ignored;
  fs::remove(folder_->path() / kDiverged, ignored);
}

}  // namespace stockpot
