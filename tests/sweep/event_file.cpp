#include "stockpot/sweep/event_file.h"

#include <gtest/gtest.h>

#include "stockpot/sweep/event_mirror.h"
#include "stockpot/sweep/json_lines.h"
#include "stockpot/sweep/prometheus.h"
#include "support.h"

namespace stockpot {
namespace {

constexpr double kTime = 1700000000.25;

TEST(EventFile, Crc32cHasThePublishedCheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720, B.4
}

TEST(EventFile, EqualsTensorBoardsOwnWriterByteForByte) {
  const std::string ours =
      tf_record(version_event(kTime)) + tf_record(restart_event(kTime, 3)) +
      tf_record(
          scalar_event(kTime + 1, 300, {{"train_loss", 0.1}, {"held_out_accuracy", -2.5e-8}}));
  EXPECT_EQ(ours,
            read_file(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/sweep/events.tfevents"));
}

TEST(EventFile, D13_EveryEventIsOneWholeRecordInTheFileAtOnce) {
  TemporaryFolder folder;
  EventFile file(folder.path() / "logs", kTime);
  EXPECT_EQ(file.path().filename().string().substr(0, 31), "events.out.tfevents.1700000000.");
  const auto before = read_file(file.path());
  EXPECT_EQ(before, tf_record(version_event(kTime)));
  file.add(scalar_event(kTime, 1, {{"a", 1}}));
  EXPECT_EQ(read_file(file.path()), before + tf_record(scalar_event(kTime, 1, {{"a", 1}})));
}

// All events of a trial's folder, file by file in the order of their names.
std::string mirrored(const fs::path& logs) {
  std::vector<fs::path> files(fs::directory_iterator(logs), {});
  std::sort(files.begin(), files.end());
  std::string text;
  for (const fs::path& file : files) text += read_file(file);
  return text;
}

TEST(EventMirror, FollowsALogThatGrowsAndOneThatWasCutBack) {
  TemporaryFolder folder;
  const auto trials = numbered_trials(1);
  fs::create_directories(folder.path() / "runs/t000");
  const fs::path log = folder.path() / "runs/t000/metrics.jsonl";
  EventMirror mirror(folder.path(), folder.path() / "logs", [] { return kTime; });
  mirror.update(trials);
  EXPECT_FALSE(fs::exists(folder.path() / "logs")) << "nothing to show yet";

  append_line(log, R"({"epoch": 1, "loss": 0.5, "held_out": 0.25, "note": "text"})");
  mirror.update(trials);
  const auto scalars = [](std::int64_t step, double loss) {
    return tf_record(scalar_event(kTime, step, {{"loss", loss}, {"held_out", 0.25}}));
  };
  const std::string first =
      tf_record(version_event(kTime)) + tf_record(restart_event(kTime, 0)) + scalars(1, 0.5);
  EXPECT_EQ(mirrored(folder.path() / "logs/t000"), first);

  folder.put("runs/t000/metrics.jsonl", read_file(log) + R"({"epoch": 2, "lo)");  // being written
  mirror.update(trials);
  drop_torn_line(log);
  append_line(log, R"({"epoch": 2, "loss": 0.4, "held_out": 0.25})");
  mirror.update(trials);
  EXPECT_EQ(mirrored(folder.path() / "logs/t000"), first + scalars(2, 0.4));

  folder.put("runs/t000/metrics.jsonl", "{\"epoch\": 1, \"loss\": 0.5, \"held_out\": 0.25}\n");
  mirror.update(trials);
  EXPECT_EQ(mirrored(folder.path() / "logs/t000"), first + scalars(2, 0.4) + first);
}

TEST(Prometheus, WritesHelpTypeAndEscapedLabels) {
  Board board;
  board.rows.resize(2);
  board.rows[0].id = "t0";
  board.rows[0].state = TrialState::done;
  board.rows[0].held_out = 0.8125;
  board.rows[0].seconds = 30;
  board.rows[0].attempts = 1;
  board.rows[1].id = "t1";
  board.done = board.waiting = 1;
  board.best = 0;
  const std::string text = prometheus_text(board, "a \"b\"\\\nc");
  const std::string sweep = R"({sweep="a \"b\"\\\nc")";
  EXPECT_EQ(
      text.substr(0, text.find("# HELP stockpot_trial_seconds")),
      "# HELP stockpot_sweep_trials Trials by state.\n"
      "# TYPE stockpot_sweep_trials gauge\n"
      "stockpot_sweep_trials" +
          sweep +
          ",state=\"waiting\"} 1\n"
          "stockpot_sweep_trials" +
          sweep +
          ",state=\"running\"} 0\n"
          "stockpot_sweep_trials" +
          sweep +
          ",state=\"done\"} 1\n"
          "stockpot_sweep_trials" +
          sweep +
          ",state=\"failed\"} 0\n"
          "stockpot_sweep_trials" +
          sweep +
          ",state=\"diverged\"} 0\n"
          "stockpot_sweep_trials" +
          sweep +
          ",state=\"blocked\"} 0\n"
          "# HELP stockpot_sweep_best_held_out Highest held-out accuracy, 0 to 1.\n"
          "# TYPE stockpot_sweep_best_held_out gauge\n"
          "stockpot_sweep_best_held_out" +
          sweep +
          ",trial=\"t0\"} 0.8125\n"
          "# HELP stockpot_trial_held_out Held-out accuracy of a trial that is done, 0 to 1.\n"
          "# TYPE stockpot_trial_held_out gauge\n"
          "stockpot_trial_held_out" +
          sweep + ",trial=\"t0\"} 0.8125\n");
}

TEST(Prometheus, ReplacesItsFileInOneStep) {
  TemporaryFolder folder;
  folder.put("stockpot.prom", "old");
  write_prometheus(folder.path() / "stockpot.prom", Board{}, "s");
  EXPECT_EQ(read_file(folder.path() / "stockpot.prom"), prometheus_text(Board{}, "s"));
  EXPECT_EQ(folder.count(), 1U);
}

}  // namespace
}  // namespace stockpot
