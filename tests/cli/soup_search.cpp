// soup greedy and soup prune of any checkpoints: scored by a program, or by a table.
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>

#include "../base/shared_folder.h"
#include "program.h"
#include "soup_models.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

// Five files of one tensor of three numbers. The evaluator likes soups near (1, 1, 1).
class Searching : public ::testing::Test {
 protected:
  Searching() {
    const std::vector<std::vector<float>> values{
        {1, 2, 1}, {1, 0, 1}, {9, 9, 9}, {2, 1, 1}, {0, 1, 1}};
    for (std::size_t i = 0; i < values.size(); ++i) write("m" + std::to_string(i), values[i]);
    folder_.put("eval.py", R"py(
import json, os, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
start, end = json.loads(data[8:8 + size])["w"]["data_offsets"]
x = struct.unpack("<3f", data[8 + size + start:8 + size + end])
correct = max(0, round(1000 - 100 * sum((v - 1) ** 2 for v in x)))
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "runs"), "a").write("run\n")
json.dump({"metrics": {"accuracy": correct / 1000, "loss": -correct}, "n": 1000,
           "correct": correct}, open(sys.argv[2], "w"))
)py");
  }

  void write(const std::string& name, const std::vector<float>& values,
             const std::string& tensor = "w") {
    const OwnedTensor weights =
        make_tensor(tensor, Dtype::f32, {static_cast<std::int64_t>(values.size())}, values);
    const std::vector<TensorView> views{weights.view()};
    write_safetensors(here / (name + ".safetensors"), views);
  }

  Outcome run(const std::string& out, std::vector<std::string> flags = {},
              std::vector<std::string> evaluator = {}, std::vector<std::string> models = {}) {
    std::vector<std::string> arguments = command(out, flags, evaluator, models);
    return stockpot(here, arguments);
  }
  std::vector<std::string> command(const std::string& out, const std::vector<std::string>& flags,
                                   std::vector<std::string> evaluator,
                                   std::vector<std::string> models) {
    if (models.empty()) models = {"m0", "m1", "m2", "m3", "m4"};
    std::vector<std::string> arguments{"soup", "greedy"};
    for (const std::string& model : models) arguments.push_back(model + ".safetensors");
    arguments.insert(arguments.end(), {"-o", out, "-q"});
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    if (evaluator.empty())
      evaluator = {"python3", (here / "eval.py").native(), "{model_file}", "{result_json}"};
    arguments.push_back("--evaluator");
    arguments.insert(arguments.end(), evaluator.begin(), evaluator.end());
    return arguments;
  }
  Json result(const std::string& out) { return Json::read(here / (out + "/result.json")); }
  std::string ingredients(const Json& json) {
    std::string text;
    for (const Json& name : json.find("ingredients")->items())
      text += fs::path(name.as_string()).stem().native() + " ";
    return text;
  }
  std::size_t runs() { return split(slurp(here / "runs"), '\n').size() - 1; }

  TemporaryFolder folder_;
  const fs::path here = folder_.path();
};

TEST_F(Searching, FindsASoupWithAProgramOfTheUsers) {
  const Outcome outcome = run("soup");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = result("soup");
  EXPECT_EQ(ingredients(json), "m0 m1 ");
  EXPECT_EQ(json.find("held_out")->find("correct")->as_integer(), 1000);
  const std::vector<float> mean = float_values(Checkpoint::open(here / "soup/model").at("w"));
  EXPECT_EQ(mean, (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(runs(), 5u + 4u);
  EXPECT_TRUE(contains(outcome.out, "2 of 5 models: 100.00 %")) << outcome.out;
  EXPECT_EQ(stockpot(here, {"verify", "soup/model"}).code, 0);
}

TEST_F(Searching, WritesAFileWithTheLedgerBesideIt) {
  ASSERT_EQ(run("soup.safetensors").code, 0);
  for (const char* file : {"soup.safetensors", "soup.safetensors.manifest.json",
                           "soup.safetensors.ledger.jsonl", "soup.safetensors.soup.json"})
    EXPECT_TRUE(fs::exists(here / file)) << file;
}

TEST_F(Searching, PrintsOneJsonDocument) {
  const Outcome outcome = run("soup", {"--json"});
  const Json json = Json::parse(outcome.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_EQ(json.find("command")->as_string(), "soup greedy");
  EXPECT_EQ(json.find("ledger")->items().size(), 5u);
  EXPECT_EQ(json.find("evaluations")->find("evaluated")->as_integer(), 9);
}

TEST_F(Searching, MinimizesWhenAskedTo) {
  ASSERT_EQ(run("soup", {"--metric", "/metrics/loss", "--minimize"}).code, 0);
  EXPECT_EQ(ingredients(result("soup")), "m0 m1 ");
  EXPECT_EQ(result("soup").find("held_out")->find("value")->as_number(), -1000);
}

TEST_F(Searching, D09_ScoresNothingTwiceAfterBeingKilled) {
  ASSERT_EQ(run("whole").code, 0);
  fs::remove(here / "runs");
  // Killed after each evaluation: the program's third run kills its grandparent.
  folder_.put("killer.sh", "python3 " + (here / "eval.py").native() + " \"$1\" \"$2\" || exit 1\n" +
                               "test $(wc -l < " + (here / "runs").native() + ") -gt \"$(cat " +
                               (here / "limit").native() + ")\" && kill -9 $PPID\n" + "exit 0\n");
  const std::vector<std::string> evaluator{"sh", (here / "killer.sh").native(), "{model_file}",
                                           "{result_json}"};
  int kills = 0;
  Outcome outcome;
  do {
    folder_.put("limit", std::to_string(fs::exists(here / "runs") ? runs() + 1 : 1));
    outcome = run("killed", {}, evaluator);
    kills += outcome.code == 128 + SIGKILL ? 1 : 0;
  } while (outcome.code == 128 + SIGKILL && kills < 20);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_GE(kills, 4);
  // The evaluation that was killed was not finished: it is the only one made again.
  EXPECT_EQ(runs(), 9u + static_cast<std::size_t>(kills));
  EXPECT_EQ(ingredients(result("killed")), ingredients(result("whole")));
  EXPECT_EQ(slurp(here / "killed/model/model.safetensors"),
            slurp(here / "whole/model/model.safetensors"));
  const auto lines = [&](const std::string& out) {
    const std::string text = without_times(slurp(here / (out + "/ledger.jsonl")));
    return text.substr(text.find('\n'));  // the header names the program
  };
  EXPECT_EQ(lines("killed"), lines("whole"));
}

TEST_F(Searching, D09_GoesOnAfterBeingKilledBetweenTheModelAndItsResult) {
  ASSERT_EQ(run("soup").code, 0);
  const std::string whole = slurp(here / "soup/model/model.safetensors");
  fs::remove(here / "soup/result.json");
  Outcome outcome = run("soup");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(runs(), 9u);
  EXPECT_EQ(slurp(here / "soup/model/model.safetensors"), whole);
  EXPECT_TRUE(fs::exists(here / "soup/result.json"));

  ASSERT_EQ(run("soup.safetensors").code, 0);
  fs::remove(here / "soup.safetensors.soup.json");
  outcome = run("soup.safetensors");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(here / "soup.safetensors.soup.json"));
  // Another file of this name is not the search's to replace.
  fs::remove(here / "soup.safetensors.soup.json");
  fs::copy_file(here / "m2.safetensors", here / "soup.safetensors",
                fs::copy_options::overwrite_existing);
  outcome = run("soup.safetensors");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err, "soup.safetensors exists already")) << outcome.err;
}

TEST_F(Searching, SigtermEndsWith75AndTheEvaluatorToo) {
  folder_.put("slow.sh", "echo $$ > " + (here / "pid").native() + "; sleep 1000");
  const Outcome outcome = stockpot_signalled(
      here, command("soup", {}, {"sh", (here / "slow.sh").native()}, {}), here / "pid", SIGTERM);
  EXPECT_EQ(outcome.code, 75) << outcome.err;
  const pid_t evaluator = std::stoi(slurp(here / "pid"));
  EXPECT_NE(kill(evaluator, 0), 0);
}

TEST_F(Searching, ADamagedLedgerIsAnErrorAndATornOneAWarning) {
  ASSERT_EQ(run("soup").code, 0);
  const std::string ledger = slurp(here / "soup/ledger.jsonl");
  std::string damaged = ledger;
  damaged[ledger.find("\"correct\":", ledger.size() / 2) + 10] = '7';
  folder_.put("soup/ledger.jsonl", damaged);
  Outcome outcome = run("soup", {"--overwrite"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_TRUE(contains(outcome.err, "is damaged (its checksum does not fit)")) << outcome.err;
  folder_.put("soup/ledger.jsonl", ledger.substr(0, ledger.size() - 20));
  std::vector<std::string> loud = command("soup", {"--overwrite"}, {}, {});
  std::erase(loud, "-q");
  outcome = stockpot(here, loud);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "warning: soup/ledger.jsonl: dropped line 10")) << outcome.err;
  EXPECT_EQ(runs(), 10u);  // that line's soup
}

TEST_F(Searching, AnotherEvaluatorNeedsAnotherLedger) {
  ASSERT_EQ(run("soup").code, 0);
  Outcome outcome = run("soup", {"--overwrite", "--metric", "/metrics/loss"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err,
                       "evaluator.metric is \"/metrics/accuracy\" there, "
                       "\"/metrics/loss\" here"))
      << outcome.err;
  EXPECT_EQ(run("soup", {"--overwrite", "--rescore", "--metric", "/metrics/loss"}).code, 0);
  EXPECT_EQ(run("soup").err, "stockpot: soup exists already; --overwrite replaces it\n");
}

TEST_F(Searching, F03_FailingModelsAreLeftOutOrStopTheSearch) {
  folder_.put("picky.sh",
              "case \"$STOCKPOT_CANDIDATE\" in *m3*) exit 5;; esac\n"
              "exec python3 " +
                  (here / "eval.py").native() + " \"$1\" \"$2\"\n");
  const std::vector<std::string> picky{"sh", (here / "picky.sh").native(), "{model_file}",
                                       "{result_json}"};
  const Outcome skipped = run("skip", {"--retries", "0"}, picky);
  EXPECT_EQ(skipped.code, 0) << skipped.err;
  EXPECT_EQ(ingredients(result("skip")), "m0 m1 ");
  EXPECT_TRUE(contains(skipped.out, "1 could not be scored")) << skipped.out;
  const Outcome stopped = run("stop", {"--retries", "0", "--on-failure", "stop"}, picky);
  EXPECT_EQ(stopped.code, 4);
  EXPECT_TRUE(contains(stopped.err, "m3.safetensors could not be scored: exit status 5"));
  // All before it is kept; once it works, nothing is scored twice.
  const std::size_t before = runs();
  folder_.put("picky.sh", "exec python3 " + (here / "eval.py").native() + " \"$1\" \"$2\"\n");
  EXPECT_EQ(run("stop", {"--retries", "0", "--on-failure", "stop"}, picky).code, 0);
  EXPECT_EQ(runs(), before + 9 - 3);
  const Outcome none = run("none", {"--retries", "0"}, {"false"});
  EXPECT_EQ(none.code, 4);
  EXPECT_TRUE(contains(none.err, "none of the 5 models could be scored")) << none.err;
}

TEST_F(Searching, RefusesModelsOfOtherShapesOrHeadsBeforeAnythingRuns) {
  write("wide", {1, 2, 3, 4});
  Outcome outcome = run("soup", {}, {}, {"m0", "m1", "wide"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_TRUE(contains(outcome.err, "wide.safetensors: tensor 'w' is F32 [4], in ")) << outcome.err;
  write("other", {1, 2, 3}, "head.weight");
  outcome = run("soup", {}, {}, {"m0", "other"});
  EXPECT_EQ(outcome.code, 3);
  write("nan", {1, std::stof("nan"), 3});
  outcome = run("soup", {}, {}, {"m0", "nan"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_TRUE(contains(outcome.err, "nan.safetensors: tensor 'w' holds values that are NaN or Inf"))
      << outcome.err;
  EXPECT_EQ(run("soup2", {}, {}, {"m0"}).err, "stockpot: a soup needs two or more models\n");
}

TEST_F(Searching, TellsDuplicates) {
  write("copy", {1, 2, 1});
  const Outcome outcome = run("soup", {}, {}, {"m0", "copy", "m1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "m0.safetensors, copy.safetensors are the same model"))
      << outcome.out;
}

TEST_F(Searching, DryRunShowsThePlanAndDoesNothing) {
  const Outcome outcome = run("soup", {"--dry-run"}, {"python3", "eval.py", "{model_file}"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "soup greedy of 5 models by /metrics/accuracy"));
  EXPECT_TRUE(contains(outcome.out, "no early rejection")) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "where eval.py is not: give its full path")) << outcome.out;
  EXPECT_FALSE(fs::exists(here / "soup"));
  EXPECT_FALSE(fs::exists(here / "runs"));
}

TEST_F(Searching, RunsWithoutAnEvaluatorAreRefused) {
  const Outcome outcome =
      stockpot(here, {"soup", "greedy", "m0.safetensors", "m1.safetensors", "-o", "soup"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(contains(outcome.err,
                       "how soups are scored is missing: --val SOURCE, --evaluator "
                       "CMD... or --table CSV"))
      << outcome.err;
}

TEST_F(Searching, LooksScoresUpInATable) {
  folder_.put("scores.csv",
              "ingredients,correct,total\nm0,70,100\nm1,80,100\nm3,60,100\n"
              "m1+m0,81,100\nm0+m1+m3,79,100\n");
  const Outcome outcome =
      stockpot(here, {"soup", "greedy", "m0.safetensors", "m1.safetensors", "m3.safetensors",
                      "--table", "scores.csv", "-o", "soup", "-q"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(ingredients(result("soup")), "m1 m0 ");
  EXPECT_EQ(float_values(Checkpoint::open(here / "soup/model").at("w")),
            (std::vector<float>{1, 1, 1}));
  folder_.put("bad.csv", "ingredients,correct,total\nm0,70,100\nm1,x,100\n");
  const Outcome bad = stockpot(here, {"soup", "greedy", "--table", "bad.csv"});
  EXPECT_EQ(bad.code, 3);
  EXPECT_TRUE(contains(bad.err, "bad.csv:3: 'x' in column 'correct' is no number")) << bad.err;
}

TEST_F(Searching, DoesNotTakeScoresOfATableThatWasEditedSince) {
  const std::string rows = "ingredients,correct,total\nm0,6,10\nm1,5,10\n";
  const auto search = [&](std::vector<std::string> flags = {}) {
    std::vector<std::string> arguments{
        "soup",  "greedy", "m0.safetensors", "m1.safetensors", "--table",
        "s.csv", "-o",     "soup",           "--overwrite",    "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return stockpot(here, arguments);
  };
  folder_.put("s.csv", rows);
  ASSERT_EQ(search().code, 0);
  EXPECT_EQ(ingredients(result("soup")), "m0 ");
  folder_.put("s.csv", rows + "m0+m1,7,10\n");
  const Outcome edited = search();
  EXPECT_EQ(edited.code, 2);
  EXPECT_TRUE(contains(edited.err, "was begun otherwise: evaluator.sha256")) << edited.err;
  ASSERT_EQ(search({"--rescore"}).code, 0);
  EXPECT_EQ(ingredients(result("soup")), "m0 m1 ");
}

TEST_F(Searching, RefusesCountsThatAreNoneInATable) {
  const auto message = [&](const std::string& row) {
    folder_.put("counts.csv", "ingredients,correct,total\nm0,6,10\n" + row + "\n");
    const Outcome outcome = stockpot(here, {"soup", "greedy", "--table", "counts.csv", "-q"});
    EXPECT_EQ(outcome.code, 3);
    return outcome.err;
  };
  EXPECT_TRUE(
      contains(message("m1,6.5,10"), "counts.csv:3: '6.5' in column 'correct' is no count"));
  EXPECT_TRUE(
      contains(message("m1,nan,10"), "counts.csv:3: 'nan' in column 'correct' is no count"));
  EXPECT_TRUE(contains(message("m1,11,10"), "counts.csv:3: 11 of 10 right cannot be"));
}

TEST_F(Searching, RefusesANameInATableThatMeansTwoModels) {
  for (const char* run : {"a", "b"}) {
    fs::create_directory(here / run);
    fs::copy_file(here / "m0.safetensors", here / run / "m.safetensors");
  }
  folder_.put("names.csv", "ingredients,correct,total\nm,6,10\nb/m.safetensors,5,10\n");
  const Outcome outcome = stockpot(here, {"soup", "greedy", "a/m.safetensors", "b/m.safetensors",
                                          "--table", "names.csv", "-o", "soup", "-q"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_TRUE(contains(outcome.err, "names.csv:2: 'm' may be a/m.safetensors or b/m.safetensors"))
      << outcome.err;
}

TEST_F(Searching, ReplaysThePapersSearchFromATable) {
  const fs::path golden = shared_folder() / "spec" / "golden";
  if (!fs::exists(golden / "greedy_trace.json")) GTEST_SKIP() << "no golden data at " << golden;
  std::string table = "ingredients,correct,total\n";
  for (const std::string& line : split(slurp(golden / "individual_model_results.jsonl"), '\n')) {
    if (trim(line).empty()) continue;
    const Json row = Json::parse(line, "results");
    table += row.find("model_name")->as_string() + "," +
             std::to_string(std::llround(row.find("ImageNet2p")->as_number() * 26000)) + ",26000\n";
  }
  const Json trace = Json::read(golden / "greedy_trace.json");
  std::string soup = "model_43";
  for (const Json& step : trace.find("steps")->items()) {
    const std::string with =
        soup + "+model_" + std::to_string(step.find("candidate")->as_integer());
    table += with + "," + std::to_string(step.find("correct")->as_integer()) + ",26000\n";
    if (step.find("accepted")->as_bool()) soup = with;
  }
  folder_.put("golden.csv", table);
  const Outcome outcome = stockpot(
      here, {"soup", "greedy", "--table", "golden.csv", "--compat", "main.py", "--json", "-q"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(ingredients(Json::parse(outcome.out, "stdout")),
            "model_43 model_44 model_32 model_47 model_50 ");
}

}  // namespace
}  // namespace stockpot
