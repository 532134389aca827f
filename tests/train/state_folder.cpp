#include "stockpot/train/state_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "kill_at.h"
#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/threads.h"
#include "stockpot/train/state_writer.h"
#include "tests/base/in_child.h"
#include "tests/base/message_of.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

// A folder of saved states, and what it warned of.
struct Saved {
  explicit Saved(const fs::path& folder, Json identity = Json::object({{"rate", 0.5}}),
                 bool force = false)
      : states(folder, {std::move(identity), force,
                        [this](const std::string& text) { warnings += text + "\n"; }}) {}
  void save(std::int64_t step) {
    const std::vector<float> values(100, static_cast<float>(step));
    const OwnedTensor tensor = make_tensor("values", Dtype::f32, {100}, values);
    states.save(step, std::vector{tensor.view()}, Json::object({{"step", step}}));
  }
  // The step of the newest good state, -1 for none; its content is looked at.
  std::int64_t load() {
    const std::optional<SavedState> saved = states.load();
    if (!saved) return -1;
    const TensorView* values = saved->tensors.find("values");
    EXPECT_NE(values, nullptr);
    EXPECT_EQ(float_values(*values), std::vector<float>(100, static_cast<float>(saved->step)));
    EXPECT_EQ(saved->state.find("step")->as_integer(), saved->step);
    return saved->step;
  }

  std::string warnings;
  StateFolder states;
};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().native());
  std::sort(names.begin(), names.end());
  return names;
}

void flip_a_bit(const fs::path& file, std::size_t at) {
  std::string bytes = read_file(file);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file(file, bytes);
}

TEST(StateFolder, KeepsTheTwoNewestStatesAndPointsAtTheLast) {
  const TemporaryFolder folder;
  {
    Saved saved(folder.path() / "state");
    EXPECT_EQ(saved.load(), -1);
    for (const std::int64_t step : {7, 20, 1234567}) saved.save(step);
  }
  EXPECT_EQ(names_in(folder.path() / "state"),
            (std::vector<std::string>{".lock", "latest", "step-000020", "step-1234567"}));
  EXPECT_EQ(read_file(folder.path() / "state" / "latest"), "step-1234567\n");
  Saved again(folder.path() / "state");
  EXPECT_EQ(again.load(), 1234567);
  EXPECT_EQ(again.warnings, "");
}

TEST(StateFolder, CanSaveTheSameStepAgain) {
  const TemporaryFolder folder;
  Saved saved(folder.path());
  saved.save(5);
  saved.save(5);
  EXPECT_EQ(saved.load(), 5);
}

TEST(StateFolder, FallsBackToTheStateBeforeADamagedOne) {
  using Damage = std::function<void(const fs::path&)>;
  const std::vector<std::pair<std::string, Damage>> damages = {
      {"cut", [](const fs::path& state) { fs::resize_file(state / "tensors.safetensors", 90); }},
      {"flipped", [](const fs::path& state) { flip_a_bit(state / "tensors.safetensors", 300); }},
      {"state", [](const fs::path& state) { flip_a_bit(state / "state.json", 20); }},
      {"manifest", [](const fs::path& state) { flip_a_bit(state / "manifest.json", 11); }},
      {"gone", [](const fs::path& state) { fs::remove(state / "manifest.json"); }},
      {"empty", [](const fs::path& state) { write_file(state / "manifest.json", ""); }},
  };
  for (const auto& [name, damage] : damages) {
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    {
      Saved saved(folder.path());
      saved.save(10);
      saved.save(20);
    }
    damage(folder.path() / "step-000020");
    Saved saved(folder.path());
    EXPECT_EQ(saved.load(), 10);
    EXPECT_NE(saved.warnings.find("damaged"), std::string::npos);
    EXPECT_NE(saved.warnings.find("step-000010"), std::string::npos);
    EXPECT_EQ(read_file(folder.path() / "latest"), "step-000010\n");
    EXPECT_TRUE(fs::exists(folder.path() / "damaged-000020"));
    // The damaged one does not push out a good one later.
    saved.save(15);
    EXPECT_TRUE(fs::exists(folder.path() / "step-000010"));
    EXPECT_EQ(saved.load(), 15);
  }
}

TEST(StateFolder, StartsAnewWhenNoStateCanBeRead) {
  const TemporaryFolder folder;
  {
    Saved saved(folder.path());
    saved.save(10);
  }
  fs::remove(folder.path() / "step-000010" / "state.json");
  Saved saved(folder.path());
  EXPECT_EQ(saved.load(), -1);
  EXPECT_NE(saved.warnings.find("from the beginning"), std::string::npos);
}

TEST(StateFolder, F12_RefusesAStateOfAnotherRunAndNamesTheDifferences) {
  const TemporaryFolder folder;
  const auto identity = [](double rate, int threads) {
    return Json::object({{"training", Json::object({{"rate", rate}})}, {"threads", threads}});
  };
  {
    Saved saved(folder.path(), identity(0.5, 2));
    saved.save(10);
  }
  {
    Saved other(folder.path(), identity(0.25, 4));
    const std::string message = message_of<StateOfAnotherRun>([&] { other.load(); });
    EXPECT_NE(message.find("training.rate was 0.5 and is 0.25; threads was 2 and is 4"),
              std::string::npos)
        << message;
  }
  {
    Saved forced(folder.path(), identity(0.25, 2), true);
    EXPECT_EQ(forced.load(), 10);
    EXPECT_NE(forced.warnings.find("training.rate"), std::string::npos);
    forced.save(11);
  }
  const Json state = Json::read(folder.path() / "step-000011" / "state.json");
  ASSERT_EQ(state.find("forced")->items().size(), 1u);
  EXPECT_EQ(state.find("forced")->items()[0].find("step")->as_integer(), 10);
}

TEST(StateFolder, F20_RefusesANewerVersionByItsNumber) {
  const TemporaryFolder folder;
  {
    Saved saved(folder.path());
    saved.save(10);
  }
  const fs::path file = folder.path() / "step-000010" / "manifest.json";
  const Json manifest = Json::read(file);
  Json newer = Json::object({{"version", kStateVersion + 1}});
  for (const auto& [key, value] : manifest.members())
    if (key != "version" && key != "sha256") newer.set(key, value);
  const std::string hash = sha256(newer.dump());
  newer.set("sha256", hash);
  write_file(file, newer.dump());
  Saved saved(folder.path());
  const std::string message = message_of<StateOfAnotherRun>([&] { saved.load(); });
  EXPECT_NE(message.find("version 2"), std::string::npos) << message;
  EXPECT_TRUE(fs::exists(file));
}

TEST(StateFolder, F07_RefusesAFolderThatIsInUse) {
  const TemporaryFolder folder;
  const Saved first(folder.path());
  EXPECT_THROW(Saved(folder.path()), BusyError);
}

TEST(StateFolder, E05_AFileThatMayNotGrowLeavesTheStateBefore) {
  const TemporaryFolder folder;
  {
    Saved saved(folder.path());
    saved.save(10);
  }
  EXPECT_EQ(in_child([&] {
              install_signal_handlers();
              Saved saved(folder.path());
              const rlimit limit{400, 400};
              setrlimit(RLIMIT_FSIZE, &limit);
              const std::string message = message_of<WriteError>([&] { saved.save(20); });
              return message.find("tensors.safetensors") != std::string::npos ? 0 : 1;
            }),
            0);
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{".lock", "latest", "step-000010"}));
  EXPECT_EQ(Saved(folder.path()).load(), 10);
}

// Kills a save at each of its system calls that change files, one after the other, and calls
// `check` with the folder that is left each time.
void at_every_crash(
    const std::function<void(const fs::path& folder, const test::Crash& crash)>& check) {
  set_threads(1);
  const TemporaryFolder all;
  {
    Saved saved(all.path() / "start");
    saved.save(100);
    saved.save(200);
  }
  for (int n = 0;; ++n) {
    const fs::path folder = all.path() / std::to_string(n);
    fs::copy(all.path() / "start", folder, fs::copy_options::recursive);
    const test::Crash crash = test::kill_at(n, [&] { Saved(folder).save(300); });
    if (!crash.traced) GTEST_SKIP() << "this machine does not allow tracing a process";
    SCOPED_TRACE("killed at call " + std::to_string(n));
    check(folder, crash);
    if (testing::Test::HasFailure()) return;
    if (crash.ended) {
      EXPECT_GT(n, 30);
      return;
    }
    ASSERT_LT(n, 1000);
  }
}

TEST(StateFolder, D01_AKillAnywhereInASaveLeavesTheNewStateOrTheOneBefore) {
  at_every_crash([](const fs::path& folder, const test::Crash& crash) {
    {
      Saved saved(folder);
      const std::int64_t step = saved.load();
      EXPECT_TRUE(step == 200 || step == 300) << step;
      EXPECT_TRUE(!crash.ended || step == 300);
      EXPECT_EQ(saved.warnings, "");
      saved.save(400);
    }
    const std::vector<std::string> names = names_in(folder);
    ASSERT_EQ(names.size(), 4u);
    EXPECT_EQ(names[3], "step-000400");
  });
}

TEST(StateFolder, D02_TheStateBeforeSurvivesUntilTheNewOneIsOnTheDisk) {
  int renamed = 0;
  at_every_crash([&](const fs::path& folder, const test::Crash& crash) {
    if (!fs::exists(folder / "step-000300") || crash.calls.back() != SYS_renameat2) return;
    ++renamed;
    // The folder was not synced: a power loss forgets the rename.
    fs::remove_all(folder / "step-000300");
    EXPECT_EQ(read_file(folder / "latest"), "step-000200\n");
    EXPECT_TRUE(fs::exists(folder / "step-000100"));
    EXPECT_EQ(Saved(folder).load(), 200);
  });
  EXPECT_GE(renamed, 1);
}

TEST(StateFolder, D03_AKillWhileAnOldStateIsRemovedLeavesNothingBehind) {
  int removing = 0;
  at_every_crash([&](const fs::path& folder, const test::Crash& crash) {
    if (crash.ended || !fs::exists(folder / "step-000300") || fs::exists(folder / "step-000100"))
      return;
    ++removing;
    EXPECT_EQ(Saved(folder).load(), 300);
    EXPECT_EQ(names_in(folder),
              (std::vector<std::string>{".lock", "latest", "step-000200", "step-000300"}));
  });
  EXPECT_GE(removing, 3);
}

TEST(StateFolder, D04_ThePointerIsOldOrNewAndIsMadeAgainWhenItIsMissing) {
  at_every_crash([](const fs::path& folder, const test::Crash&) {
    const std::string line = read_file(folder / "latest");
    EXPECT_TRUE(line == "step-000200\n" || line == "step-000300\n") << line;
    EXPECT_TRUE(fs::exists(folder / line.substr(0, line.size() - 1) / "manifest.json"));
    fs::remove(folder / "latest");
    const std::int64_t step = Saved(folder).load();
    EXPECT_EQ(read_file(folder / "latest"), state_name(step) + "\n");
  });
}

TEST(StateWriter, WritesWhileItsCallerGoesOnAndReportsFailuresLater) {
  const TemporaryFolder folder;
  Saved saved(folder.path() / "state");
  StateWriter writer(saved.states);
  const auto submit = [&](std::int64_t step) {
    Snapshot& snapshot = writer.next();
    snapshot.step = step;
    const std::span<std::byte> bytes = snapshot.add("values", Dtype::f32, {100});
    const std::vector<float> values(100, static_cast<float>(step));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    snapshot.state = Json::object({{"step", step}});
    writer.write();
  };
  submit(1);
  submit(2);
  writer.wait();
  EXPECT_EQ(saved.load(), 2);
  fs::remove_all(folder.path() / "state");
  submit(3);
  EXPECT_THROW(writer.wait(), WriteError);
  EXPECT_NO_THROW(writer.check());  // once
}

}  // namespace
}  // namespace stockpot
