#include "stockpot/sweep/board.h"

#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/sweep/export.h"
#include "stockpot/sweep/json_lines.h"
#include "stockpot/sweep/once.h"
#include "stockpot/sweep/plan_file.h"
#include "support.h"

namespace stockpot {
namespace {

SweepPlan plan_of(std::vector<Trial> trials) {
  SweepPlan plan;
  plan.origin = Json::object({{"recipe", "recipe.yaml"}});
  plan.trials = std::move(trials);
  return plan;
}

// Two done, one running at half of its steps, one diverged, one waiting.
void fill(const TemporaryFolder& folder) {
  for (const auto& [id, correct] : {std::pair{"t000", 81}, std::pair{"t001", 84}}) {
    fs::create_directories(folder.path() / "runs" / id);
    const Json result =
        Json::object({{"schema_version", 1},
                      {"id", id},
                      {"inputs", Json::object({{"data", "long"}})},
                      {"held_out", Json::object({{"correct", correct}, {"total", 100}})},
                      {"seconds", 30.0},
                      {"note", "said \"so\", twice"}});
    folder.put(std::string("runs/") + id + "/result.json", result.dump());
  }
  Owner owner = this_process();
  owner.host = "node7";
  owner.pid = 1234;
  fs::create_directories(folder.path() / "runs/t002/attempts/0001");
  folder.put("runs/t002/attempts/0001/claim.json", owner.to_json().dump());
  folder.put("runs/t002/attempts/0001/progress.json",
             R"({"step": 200, "steps": 400, "held_out": 0.75, "images_per_second": 950.4})");
  fs::create_directories(folder.path() / "runs/t003/attempts/0001");
  folder.put("runs/t003/attempts/0001/claim.json", owner.to_json().dump());
  end_attempt(folder.path() / "runs/t003/attempts/0001", Ending::diverged, "loss\x1b[2J", true);
}

TEST(Board, CountsAndEstimatesFromTheFolders) {
  TemporaryFolder folder;
  fill(folder);
  const Board board = scan(folder.path(), numbered_trials(5), 2);
  EXPECT_EQ(headline(board),
            "2 of 5 done, 1 running, 1 waiting, 1 diverged; best held-out 84.00 % (t001); "
            "120 an hour; about 45 s left");
}

TEST(Board, ShowsWhatRunsAndWhatFailedBeforeTheBest) {
  TemporaryFolder folder;
  fill(folder);
  Board board = scan(folder.path(), numbered_trials(5), 2);
  board.rows[2].running_seconds = 12;
  const std::string text = board_text(board, {.width = 110});
  EXPECT_EQ(text.substr(text.find('\n') + 1),
            "  trial  state     held-out  time  attempts\n"
            "  t002   running             12 s            node7 process 1234: step 200/400, "
            "held-out 75.00 %, 950 images/s\n"
            "  t003   diverged                            loss\\x1b[2J\n"
            "  t001   done       84.00 %  30 s\n"
            "  t000   done       81.00 %  30 s\n");
  const std::string cut = board_text(board, {.width = 110, .lines = 5});
  EXPECT_NE(cut.find("  t003"), std::string::npos);
  EXPECT_EQ(cut.find("  t001"), std::string::npos);
  EXPECT_NE(cut.find("  and 2 more\n"), std::string::npos);
}

TEST(Board, TakesFinishedRowsOverFromTheOneBefore) {
  TemporaryFolder folder;
  fill(folder);
  const auto trials = numbered_trials(5);
  const Board before = scan(folder.path(), trials, 2);
  fs::remove_all(folder.path() / "runs/t000");
  EXPECT_EQ(scan(folder.path(), trials, 2, &before).done, 2);
  EXPECT_EQ(scan(folder.path(), trials, 2).done, 1);
}

TEST(Board, D07_IsReadFromTheTrialFoldersAloneAndIsTheSameEachTime) {
  TemporaryFolder folder;
  fill(folder);
  const auto trials = numbered_trials(5);
  Board first = scan(folder.path(), trials, 2), second = scan(folder.path(), trials, 2);
  first.rows[2].running_seconds = second.rows[2].running_seconds = 0;
  EXPECT_EQ(to_json(first), to_json(second));
  EXPECT_EQ(folder.count(), 1U) << "nothing but runs/ is written";
}

TEST(Export, IsCsvOfRfc4180WithOneColumnAParameterAndResult) {
  TemporaryFolder folder;
  fill(folder);
  auto trials = numbered_trials(2);
  trials[1].params = Json::object({{"number", 1}, {"mix", Json::object({{"alpha", 0.2}})}});
  const SweepTable table = sweep_table(folder.path(), plan_of(trials));
  EXPECT_EQ(to_csv(table),
            "id,state,held_out,seconds,attempts,reason,params.number,result.held_out.correct,"
            "result.held_out.total,result.note,params.mix.alpha\r\n"
            "t000,done,0.81,30.0,0,,0,81,100,\"said \"\"so\"\", twice\",\r\n"
            "t001,done,0.84,30.0,0,,1,84,100,\"said \"\"so\"\", twice\",0.2\r\n");
  EXPECT_EQ(to_json(table).find("rows")->items().at(1).find("params.mix.alpha")->as_number(), 0.2);
}

TEST(PlanFile, ReadsBackWhatWasWritten) {
  TemporaryFolder folder;
  auto trials = numbered_trials(3);
  trials[1].needs = {"t000"};
  trials[2].cost = 2.5;
  write_plan(folder.path() / "sweep", plan_of(trials));
  const SweepPlan plan = read_plan(folder.path() / "sweep");
  ASSERT_EQ(plan.trials.size(), 3U);
  EXPECT_EQ(plan.trials[1].needs, std::vector<std::string>{"t000"});
  EXPECT_EQ(plan.trials[2].cost, 2.5);
  EXPECT_EQ(plan.trials[2].params, trials[2].params);
  EXPECT_EQ(plan.origin, plan_of({}).origin);
}

TEST(PlanFile, MayBeExtendedButNotChanged) {
  TemporaryFolder folder;
  write_plan(folder.path(), plan_of(numbered_trials(3)));
  write_plan(folder.path(), plan_of(numbered_trials(5)));
  EXPECT_EQ(read_plan(folder.path()).trials.size(), 5U);
  auto changed = numbered_trials(5);
  changed[4].params.set("number", 9);
  EXPECT_EQ(message_of<UsageError>([&] { write_plan(folder.path(), plan_of(changed)); }),
            folder.path().string() +
                " holds another sweep: t004: params.number is 4 there, 9 here; name another "
                "folder");
  EXPECT_EQ(message_of<UsageError>([&] { write_plan(folder.path(), plan_of(numbered_trials(2))); }),
            folder.path().string() +
                " holds another sweep: trial t002 is there, absent here; name another folder");
}

TEST(PlanFile, RefusesIdsThatAreNoFolderNamesAndNeedsThatCannotBeMet) {
  const auto refusal = [](const std::function<void(std::vector<Trial>&)>& change) {
    auto trials = numbered_trials(3);
    change(trials);
    return message_of<UsageError>([&] { check_trials(trials); });
  };
  EXPECT_EQ(refusal([](auto& trials) { trials[0].id = "../t"; }).substr(0, 36),
            "'../t' cannot be the id of a trial: ");
  EXPECT_EQ(refusal([](auto& trials) { trials[0].id = "t001"; }), "two trials have the id t001");
  EXPECT_EQ(refusal([](auto& trials) { trials[0].needs = {"lp"}; }),
            "trial t000 needs lp, which is not there");
  EXPECT_EQ(refusal([](auto& trials) {
              trials[0].needs = {"t001"};
              trials[1].needs = {"t000"};
            }),
            "trial t000 needs itself, in a circle");
}

TEST(PlanFile, DamagedIsAFormatErrorAndAbsentIsNoSweep) {
  TemporaryFolder folder;
  EXPECT_EQ(message_of<UsageError>([&] { read_plan(folder.path()); }),
            folder.path().string() +
                " is no sweep (there is no sweep.json); make one with stockpot sweep init");
  const fs::path file = folder.put("sweep.json", R"({"schema_version": 1, "origin": {}})");
  EXPECT_EQ(message_of<FormatError>([&] { read_plan(folder.path()); }),
            file.string() + ": no 'retries' in it");
}

TEST(JsonLines, D12_ATornLastLineIsDroppedAndAppendingGoesOnCleanly) {
  TemporaryFolder folder;
  const fs::path file = folder.put("metrics.jsonl", "{\"epoch\":1}\n{\"epoch\":2}\n{\"epo");
  const JsonLines lines = read_json_lines(file);
  EXPECT_EQ(lines.records.size(), 2U);
  EXPECT_TRUE(lines.torn);
  EXPECT_TRUE(drop_torn_line(file));
  EXPECT_FALSE(drop_torn_line(file));
  append_line(file, "{\"epoch\":3}");
  EXPECT_EQ(read_file(file), "{\"epoch\":1}\n{\"epoch\":2}\n{\"epoch\":3}\n");
  const JsonLines more = read_json_lines(file, lines.end);
  ASSERT_EQ(more.records.size(), 1U);
  EXPECT_EQ(more.records[0].find("epoch")->as_integer(), 3);
}

TEST(JsonLines, NamesALineThatIsNoObject) {
  TemporaryFolder folder;
  const fs::path file = folder.put("metrics.jsonl", "{}\n[1]\n");
  EXPECT_EQ(message_of<FormatError>([&] { read_json_lines(file); }),
            file.string() + ": line 2: is no JSON object");
}

TEST(Once, OfTwoWritersTheFirstWinsAndNothingIsLeftBehind) {
  TemporaryFolder folder;
  const fs::path target = folder.path() / "result.json";
  EXPECT_TRUE(publish_once(folder.path() / "a", target, "first"));
  EXPECT_FALSE(publish_once(folder.path() / "b", target, "second"));
  EXPECT_EQ(read_file(target), "first");
  EXPECT_EQ(folder.count(), 1U);
}

}  // namespace
}  // namespace stockpot
