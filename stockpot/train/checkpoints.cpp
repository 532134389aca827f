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

Checkpoints::Checkpoints(const CheckpointOptions& options, Json identity, World& world)
    : options_(options), world_(world), requests_(save_requests()) {
  world_.on_root([&] {
    if (options_.folder.empty()) return;
    folder_.emplace(options_.folder,
                    StateFolderOptions{std::move(identity), options_.force, options_.on_warning});
    writer_.emplace(*folder_);
  });
}

bool Checkpoints::resume(FitRun& run) {
  bool found = false;
  world_.on_root([&] {
    const std::optional<SavedState> saved = folder_ ? folder_->load() : std::nullopt;
    if (!saved) return;
    run.restore(*saved);
    warn_of_another_processor(*saved, options_);
    found = true;
  });
  found = world_.any(found);
  if (found) run.share();
  start_ = run.step;
  return found;
}

Checkpoints::Wanted Checkpoints::wanted(const FitRun& run) {
  if (stop_requested() || (options_.stop_after > 0 && run.step - start_ >= options_.stop_after))
    return stopping;
  if (save_requests() != requests_) return state;
  if (!writer_) return nothing;
  // A disk that is slower than the interval makes fewer saves, not slower training.
  const double waited = std::chrono::duration<double>(Clock::now() - last_).count();
  return waited >= options_.every_seconds && !writer_->busy() ? state : nothing;
}

bool Checkpoints::due(const FitRun& run) {
  if (writer_) writer_->check();
  wanted_ = static_cast<Wanted>(world_.highest(wanted(run)));
  return wanted_ != nothing;
}

void Checkpoints::save(const FitRun& run) {
  if (wanted_ == stopping) stop(run, "stopped while fine-tuning");
  requests_ = save_requests();
  if (writer_) start_saving(run);
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
  world_.on_root([&] {
    if (!writer_) return;
    start_saving(run);
    writer_->wait();
  });
  if (!writer_) throw Interrupted(where);
  throw Interrupted(where + "; the state is saved in " +
                    printable((folder_->path() / state_name(run.step)).native()));
}

void Checkpoints::record(const Divergence& divergence) const {
  if (folder_) write_file(folder_->path() / kDiverged, divergence.to_json().dump(2) + "\n");
}

void Checkpoints::finish() {
  world_.on_root([&] {
    if (!folder_) return;
    writer_->wait();
    std::error_code ignored;
    fs::remove(folder_->path() / kDiverged, ignored);
  });
}

}  // namespace stockpot
