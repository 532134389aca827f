// A worker whose training is a chain of hashes: what it ends with depends on every step, so a
// step that was lost or done twice shows.
//
//   toy_worker plan DIR TRIALS STEPS MILLISECONDS    makes a sweep of such trials
//   toy_worker sweep worker DIR [--index N] [...]    what stockpot sweep run starts
//
// Understands the flags of stockpot sweep worker and minds --index and --requeue only.
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/signals.h"
#include "stockpot/sweep/plan_file.h"
#include "stockpot/sweep/slurm.h"
#include "stockpot/sweep/worker.h"

namespace {

using namespace stockpot;

class Lines : public Progress {
 public:
  void say(const std::string& line) override { std::cerr << line << std::endl; }
  void status(const std::string&) override {}
};

int make_plan(const std::vector<std::string>& words) {
  SweepPlan plan;
  plan.origin = Json::object();
  plan.heartbeat = {std::chrono::milliseconds(200), std::chrono::milliseconds(3000)};
  for (int i = 0; i < std::stoi(words.at(2)); ++i) {
    Trial trial;
    trial.id = "toy-" + std::to_string(i);
    trial.params = Json::object({{"number", i},
                                 {"steps", std::stoi(words.at(3))},
                                 {"milliseconds", std::stoi(words.at(4))}});
    plan.trials.push_back(trial);
  }
  write_plan(words.at(1), plan);
  return 0;
}

struct State {
  std::int64_t step = 0;
  std::string weights;

  static State load(const fs::path& file, const std::string& beginning) {
    std::error_code error;
    if (!fs::exists(file, error)) return {0, beginning};
    const Json json = Json::read(file);
    return {json.find("step")->as_integer(), json.find("weights")->as_string()};
  }
  void save(const fs::path& file) const {
    fs::create_directories(file.parent_path());
    write_file(file, Json::object({{"step", step}, {"weights", weights}}).dump());
  }
};

Json train(const Trial& trial, TrialRun& run) {
  const std::int64_t steps = trial.params.find("steps")->as_integer();
  const std::chrono::milliseconds pause(trial.params.find("milliseconds")->as_integer());
  const fs::path file = run.folder() / "state" / "state.json";
  State state = State::load(file, "weights of " + trial.params.find("number")->dump());
  run.log("begins at step " + std::to_string(state.step));
  std::uint32_t saves = save_requests();
  while (state.step < steps) {
    std::this_thread::sleep_for(pause);
    ++state.step;
    state.weights = sha256(state.weights + std::to_string(state.step));
    run.progress(Json::object({{"step", state.step}, {"steps", steps}}));
    const bool stop = stop_requested();
    if (stop || save_requests() != saves || state.step % 10 == 0) {
      run.require_still_mine();
      state.save(file);
      saves = save_requests();
    }
    if (stop) throw Interrupted("stopped at step " + std::to_string(state.step));
  }
  return Json::object(
      {{"schema_version", 1},
       {"held_out",
        Json::object({{"correct", trial.params.find("number")->as_integer()}, {"total", 100}})},
       {"seconds", static_cast<double>(steps * pause.count()) / 1000},
       {"weights", state.weights}});
}

int run_worker(const std::vector<std::string>& words) {
  const SweepPlan plan = read_plan(words.at(2));
  Lines lines;
  WorkerOptions options;
  options.retries = plan.retries;
  options.heartbeat = plan.heartbeat;
  std::optional<RequeueBeforeTheEnd> requeue;
  for (std::size_t i = 3; i < words.size(); ++i) {
    if (words[i] == "--index") options.index = std::stoul(words.at(i + 1));
    if (words[i] == "--requeue") requeue.emplace(own_slurm_task().value(), lines);
  }
  return work(words.at(2), plan.trials, train, options, lines).whole ? 0 : 5;
}

}  // namespace

int main(int argc, char** argv) {
  install_signal_handlers();
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    return !words.empty() && words[0] == "plan" ? make_plan(words) : run_worker(words);
  } catch (const Interrupted& error) {
    std::cerr << error.what() << std::endl;
    return 75;
  } catch (const WriteError& error) {
    std::cerr << error.what() << std::endl;
    return 74;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 2;
  }
}
