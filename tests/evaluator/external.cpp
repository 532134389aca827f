// The protocol's good cases.
#include "stockpot/evaluator/external.h"

#include "../base/message_of.h"
#include "scripts.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGood =
    R"sh(echo '{"metrics": {"accuracy": 0.75, "loss": 0.5}, "n": 4, "correct": 3}' > "$1")sh";

TEST_F(Evaluating, ReadsTheMetricThatThePointerNames) {
  script(kGood);
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  EXPECT_EQ(score.value, 0.75);
  EXPECT_EQ(score.counts, (Accuracy{3, 4}));
  EXPECT_EQ(score.metrics.dump(), R"sh({"accuracy":0.75,"loss":0.5})sh");
  EXPECT_EQ(score.evaluations, 1);
  options.metric = "/metrics/loss";
  EXPECT_EQ(run().value, 0.5);
}

TEST_F(Evaluating, ReplacesPlaceholdersInArgumentsAndNothingElse) {
  options.command = {"sh",
                     folder_
                         .put("eval.sh", R"sh(for word in "$@"; do echo "<$word>"; done
echo '{"metrics": {"accuracy": 1}}' > "$1")sh")
                         .native(),
                     "{result_json}",
                     "a {model_file} b",
                     "{candidate}",
                     "seed={seed}",
                     "{other}",
                     "$HOME",
                     "$(touch canary)",
                     "*"};
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  const std::string said = text_of(score.log);
  EXPECT_NE(said.find("<a " + model.file.native() + " b>"), std::string::npos) << said;
  EXPECT_NE(
      said.find("<soup 3 with model_4>\n<seed=0>\n<{other}>\n<$HOME>\n<$(touch canary)>\n<*>"),
      std::string::npos)
      << said;
}

TEST_F(Evaluating, C21_ShellCharactersInPathsReachTheProgramAsTheyAre) {
  const fs::path odd = here / "a b;touch canary $(touch canary) 'x' \"y\" `touch canary`\n-z";
  fs::create_directories(odd);
  std::ofstream(odd / "m") << "w";
  model.file = odd / "m";
  model.name = "--help; touch canary";
  options.folder = odd / "logs";
  options.command = {"sh",
                     folder_
                         .put("eval.sh", R"sh(test -f "$2" && test "$3" = "--help; touch canary" &&
echo '{"metrics": {"accuracy": 1}}' > "$1")sh")
                         .native(),
                     "{result_json}", "{model_file}", "{candidate}"};
  EXPECT_EQ(failure(), "");
  EXPECT_FALSE(fs::exists(here / "canary"));
  EXPECT_FALSE(fs::exists(odd / "logs" / "canary"));
}

TEST_F(Evaluating, TellsTheProgramByEnvironmentVariablesToo) {
  options.environment = {"MINE=1 2", "STOCKPOT_TEST_GIVEN=new"};
  setenv("STOCKPOT_TEST_GIVEN", "old", 1);
  options.command = {"sh", "-c",
                     R"sh(test "$MINE" = "1 2" && test "$STOCKPOT_TEST_GIVEN" = new &&
test -f "$STOCKPOT_MODEL" && test "$STOCKPOT_SEED" = 0 && test "$STOCKPOT_EVALUATOR_PROTOCOL" = 1 &&
test "$STOCKPOT_CANDIDATE" = "soup 3 with model_4" &&
echo '{"metrics": {"accuracy": 1}}' > "$STOCKPOT_RESULT")sh"};
  EXPECT_EQ(failure(), "");
}

TEST_F(Evaluating, RunsInAScratchFolderThatGoesAwayWithStdinClosed) {
  script(R"sh(pwd; test -z "$(cat)" && touch leftover &&
echo '{"metrics": {"accuracy": 1}}' > result && cp result "$1")sh");
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  std::string folder = text_of(score.log);
  folder.pop_back();
  EXPECT_TRUE(fs::path(folder).parent_path() == options.folder) << folder;
  EXPECT_FALSE(fs::exists(folder));
  for (const auto& entry : fs::directory_iterator(options.folder))
    EXPECT_EQ(entry.path().extension(), ".log") << entry.path();
}

TEST_F(Evaluating, TakesTheLastLineOfStdoutWhenAskedTo) {
  options.result_on_stdout = true;
  options.command = {"printf",
                     R"sh(loading\n{"not": "this"}\n{"metrics": {"accuracy": 0.5}}\n\n)sh"};
  EXPECT_EQ(run().value, 0.5);
  options.command = {"printf", R"sh({"metrics": {"accuracy": 0.25}})sh"};  // no newline at its end
  EXPECT_EQ(run().value, 0.25);
}

TEST_F(Evaluating, ScoresSmallerIsBetterAndNegativeMetricsAsTheyAre) {
  script(R"sh(echo '{"metrics": {"matthews": -0.25, "a/b": {"x": 1}}}' > "$1")sh");
  EXPECT_NE(failure(), "");  // metrics are numbers only
  script(R"sh(echo '{"metrics": {"matthews": -0.25, "a/b": 2}, "list": [1, [5]]}' > "$1")sh");
  options.metric = "/metrics/matthews";
  EXPECT_EQ(run().value, -0.25);
  options.metric = "/metrics/a~1b";
  EXPECT_EQ(run().value, 2);
  options.metric = "/list/1/0";
  EXPECT_EQ(run().value, 5);
}

TEST_F(Evaluating, ReadsWhichExamplesWereRight) {
  script("cp " + std::string(STOCKPOT_SOURCE_DIR) +
         "/tests/fixtures/evaluator/bool.npy right.npy; echo '{\"metrics\": {\"accuracy\": 0.75}, "
         "\"per_example\": \"right.npy\"}' > \"$1\"");
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  EXPECT_EQ(score.right, RightRows(std::vector<bool>{true, false, true, true}));
  EXPECT_EQ(score.n, 4);
  EXPECT_EQ(score.counts, (Accuracy{3, 4}));
}

TEST_F(Evaluating, RepeatsWithOtherSeedsAndTellsTheSpread) {
  script("");
  options.command.push_back("{seed}");
  folder_.put("eval.sh",
              R"sh(echo '{"metrics": {"accuracy": 0.'$2'}, "n": 10, "correct": '$2'}' > "$1")sh");
  options.repeat = 3;
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  EXPECT_NEAR(score.value, 0.1, 1e-15);
  EXPECT_NEAR(score.deviation, 0.1, 1e-15);
  EXPECT_EQ(score.evaluations, 3);
  EXPECT_FALSE(score.counts);  // a mean has no count
}

TEST_F(Evaluating, AnswersFromTheCacheWhenDataAndCodeHaveAFingerprint) {
  script(std::string("echo run >> ") + (here / "runs").native() + "\n" + kGood);
  options.cache = here / "cache";
  run();
  run();
  EXPECT_EQ(text_of(here / "runs"), "run\nrun\n");  // no fingerprint: no cache
  options.fingerprint = "data v1";
  const ExternalScore first = run(), second = run();
  EXPECT_EQ(text_of(here / "runs"), "run\nrun\nrun\n");
  EXPECT_EQ(second.evaluations, 0);
  EXPECT_EQ(second.value, first.value);
  EXPECT_EQ(second.counts, first.counts);
  options.fingerprint = "data v2";
  run();
  model.hash = "xxh3-128:4567";
  run();
  EXPECT_EQ(text_of(here / "runs"), "run\nrun\nrun\nrun\nrun\n");
  for (const auto& file : fs::directory_iterator(options.cache))
    std::ofstream(file.path()) << "{\"schema_version\": 1}";
  EXPECT_EQ(run().evaluations, 1);  // a damaged cache is no reason to fail
}

TEST_F(Evaluating, KeepsAProgramRunningThatIsAskedLineByLine) {
  options.serve = true;
  options.command = {
      "sh", folder_
                .put("serve.sh", std::string("echo start >> ") + (here / "starts").native() + R"sh(
while read -r line; do
  echo "progress: 10 %"
  id=${line#*\"id\":}; id=${id%%,*}
  echo "{\"id\": $id, \"metrics\": {\"accuracy\": 0.$id}}"
done)sh")
                .native()};
  ExternalEvaluator evaluator(options);
  EXPECT_EQ(evaluator.score(model).value, 0.1);
  EXPECT_EQ(evaluator.score(model).value, 0.2);
  EXPECT_EQ(evaluator.score(model).value, 0.3);
  EXPECT_EQ(text_of(here / "starts"), "start\n");
}

TEST_F(Evaluating, APersistentProgramMayAnswerInTheResultFile) {
  options.serve = true;
  options.command = {"sh", folder_
                               .put("serve.sh", R"sh(while read -r line; do
  result=${line#*\"result\":\"}; result=${result%%\"*}
  echo '{"metrics": {"accuracy": 0.5}}' > "$result"
  echo '{"id": 1}'
done)sh")
                               .native()};
  EXPECT_EQ(run().value, 0.5);
}

TEST_F(Evaluating, RefusesCommandsThatCannotBe) {
  options.command = {};
  EXPECT_EQ(message_of<UsageError>([&] { run(); }), "--evaluator needs a command");
  options.command = {"no-such-program-anywhere", "{result_json}"};
  EXPECT_EQ(message_of<UsageError>([&] { run(); }),
            "cannot start the evaluator no-such-program-anywhere: No such file or directory");
  options.command = {"python3 eval.py"};
  EXPECT_EQ(message_of<UsageError>([&] { run(); }),
            "cannot start the evaluator python3 eval.py: No such file or directory (its words are "
            "separate arguments, not one quoted text)");
  options.metric = "accuracy";
  EXPECT_EQ(message_of<UsageError>([&] { run(); }),
            "the metric 'accuracy' is no JSON pointer into the evaluator's result; write "
            "/metrics/NAME");
  options.metric = "/metrics/accuracy";
  options.serve = true;
  options.command = {"sh", "x", "{model_dir}"};
  EXPECT_EQ(message_of<UsageError>([&] { run(); }),
            "a persistent evaluator is told each model on its stdin: {model_dir} cannot be in its "
            "command");
  options.serve = false;
  options.environment = {"NAME"};
  EXPECT_EQ(message_of<UsageError>([&] { run(); }), "--env NAME: write NAME=VALUE");
}

}  // namespace
}  // namespace stockpot
