// Every way in which an evaluator can fail: the reason is told, nothing hangs, nothing is left.
#include <signal.h>

#include <chrono>
#include <cstdlib>

#include "scripts.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

const std::string arrays = std::string(STOCKPOT_SOURCE_DIR) + "/tests/fixtures/evaluator/";

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Waits for a process that was killed to be gone; false when it is still there after a second.
bool gone(pid_t process) {
  for (int i = 0; i < 100 && kill(process, 0) == 0; ++i) {
    // A zombie answers: whoever inherited it buries it.
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.find(") Z ") != std::string::npos) return true;
    usleep(10000);
  }
  return kill(process, 0) != 0;
}

TEST_F(Evaluating, F03_AnExitStatusIsAFailureEvenWithAGoodResult) {
  script(R"sh(echo '{"metrics": {"accuracy": 1}}' | tee "$1"; echo "out of memory" >&2; exit 1)sh");
  EXPECT_EQ(failure(), "exit status 1: out of memory");
}

TEST_F(Evaluating, F03_ACrashIsAFailureNamingTheSignal) {
  script("kill -SEGV $$");
  EXPECT_EQ(failure(), "signal 11 (Segmentation fault)");
  script("kill -KILL $$");
  EXPECT_EQ(failure(), "signal 9 (Killed)");
}

TEST_F(Evaluating, F03_NotANumberIsAFailure) {
  script(R"sh(echo '{"metrics": {"accuracy": NaN}}' > "$1")sh");
  EXPECT_NE(failure().find("the result file:1:"), std::string::npos) << failure();
  script(R"sh(echo '{"metrics": {"accuracy": "nan"}}' > "$1")sh");
  EXPECT_EQ(failure(), "the metric 'accuracy' is not a number: \"nan\"");
  script(R"sh(echo '{"metrics": {"accuracy": null}}' > "$1")sh");
  EXPECT_EQ(failure(), "the metric 'accuracy' is not a number: null");
  script(R"sh(echo '{"metrics": {"accuracy": 1e999}}' > "$1")sh");
  EXPECT_NE(failure(), "");
}

TEST_F(Evaluating, F03_AnEmptyOrMissingResultIsAFailure) {
  script(R"sh(: > "$1")sh");
  EXPECT_EQ(failure(), "the result file is empty");
  script("true");
  EXPECT_EQ(failure(), "it wrote no result file");
  options.result_on_stdout = true;
  EXPECT_EQ(failure(), "the last line of its output is empty");
  options.result_on_stdout = false;
  script(R"sh(mkdir "$1")sh");
  EXPECT_NE(failure().find("is a folder"), std::string::npos);
}

TEST_F(Evaluating, F03_ResultsThatAreNoneAreFailures) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"accuracy: 0.5", "the result file:1:1: "},
      {"[1]", "the result is no JSON object"},
      {"{}", "the result has no object \"metrics\""},
      {R"sh({"metrics": {"loss": 1, "f1": 2}})sh",
       "the result has nothing at /metrics/accuracy (there are: /metrics/loss, /metrics/f1)"},
      {R"sh({"metrics": {"accuracy": 1}, "n": -1})sh", "\"n\" of the result is not a count: -1"},
      {R"sh({"metrics": {"accuracy": 1}, "n": 2.5})sh", "\"n\" of the result is not a count: 2.5"},
      {R"sh({"metrics": {"accuracy": 1}, "correct": 1})sh",
       "the result has \"correct\" without \"n\""},
      {R"sh({"metrics": {"accuracy": 1}, "correct": 3, "n": 2})sh", "\"correct\" is 3 of n = 2"},
      {R"sh({"metrics": {"accuracy": 1}, "per_example": 7})sh",
       "\"per_example\" of the result is no file name"},
      {R"sh({"metrics": {"accuracy": 1}, "per_example": "gone.npy"})sh", "\"per_example\": "},
  };
  for (const auto& [text, reason] : cases) {
    script("cat > \"$1\" <<'END'\n" + std::string(text) + "\nEND\n");
    EXPECT_EQ(failure().substr(0, std::string(reason).size()), reason) << text;
  }
}

TEST_F(Evaluating, F03_AHangEndsAtTheTimeoutWithAllItsChildren) {
  const fs::path pids = here / "pids";
  script("sleep 1000 & echo $! > " + pids.native() + "; (sleep 1000; true) & echo $! >> " +
         pids.native() + "; wait");
  options.timeout = 0.5;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(failure(), "it ran longer than 0.5 s and was ended (--timeout)");
  EXPECT_LT(seconds_since(start), 5);
  std::ifstream list(pids);
  int found = 0;
  for (pid_t child; list >> child; ++found) EXPECT_TRUE(gone(child)) << child;
  EXPECT_EQ(found, 2);
}

TEST_F(Evaluating, F03_ADeafHangIsKilledAfterTheGrace) {
  script("trap '' TERM; echo deaf; while true; do sleep 0.05; done");
  options.timeout = 0.3;
  const auto start = std::chrono::steady_clock::now();
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "it ran longer than 0.3 s and was ended (--timeout)");
  EXPECT_GE(seconds_since(start), options.timeout + options.grace - 0.05);
  EXPECT_LT(seconds_since(start), 5);
  EXPECT_EQ(text_of(score.log), "deaf\n");
}

TEST_F(Evaluating, F03_SigtermComesFirstSoThatAProgramCanTidyUp) {
  script("trap 'echo tidied; exit 0' TERM; while true; do sleep 0.05; done");
  options.timeout = 1;
  options.grace = 10;
  const auto start = std::chrono::steady_clock::now();
  const ExternalScore score = run();
  // A shell may first tell that its own child was terminated.
  EXPECT_NE(text_of(score.log).find("tidied\n"), std::string::npos) << text_of(score.log);
  EXPECT_LT(seconds_since(start), 5);
  EXPECT_NE(score.failure, "");
}

TEST_F(Evaluating, F03_ChildrenDoNotOutliveTheirEvaluator) {
  const fs::path pid = here / "pid";
  script("sleep 1000 & echo $! > " + pid.native() +
         "; echo '{\"metrics\": {\"accuracy\": 1}}' > \"$1\"");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(failure(), "");
  EXPECT_LT(seconds_since(start), 5);  // the sleeper holds the pipes open: nobody waits for it
  pid_t child = 0;
  std::ifstream(pid) >> child;
  ASSERT_GT(child, 0);
  EXPECT_TRUE(gone(child));
}

TEST_F(Evaluating, F03_AGigabyteOfOutputIsReadAndCutInTheLog) {
  script(R"sh(yes "a line of forty characters, more or less" | head -c 1000000000
echo '{"metrics": {"accuracy": 1}}' > "$1")sh");
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  EXPECT_LT(fs::file_size(score.log), Child::kLogLimit + 100);
  EXPECT_TRUE(text_of(score.log).ends_with("\n[cut here: more than 16 MiB of output]\n"));
}

TEST_F(Evaluating, F03_ALineWithoutEndOnStdoutIsBounded) {
  options.result_on_stdout = true;
  options.command = {"sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x"};
  EXPECT_NE(failure().find("the last line of its output:1:1"), std::string::npos);
}

TEST_F(Evaluating, F03_AnotherNumberOfExamplesIsAFailure) {
  script(R"sh(echo '{"metrics": {"accuracy": 0.5}, "n": 4, "correct": 2}' > "$1")sh");
  ExternalEvaluator evaluator(options);
  EXPECT_EQ(evaluator.score(model).failure, "");
  folder_.put("eval.sh",
              R"sh(echo '{"metrics": {"accuracy": 0.5}, "n": 5, "correct": 2}' > "$1")sh");
  EXPECT_EQ(evaluator.score(model).failure,
            "it scored 5 examples, earlier models 4: score all of them on the same set");
  folder_.put("eval.sh", R"sh(echo '{"metrics": {"accuracy": 0.5}}' > "$1")sh");
  EXPECT_EQ(evaluator.score(model).failure, "");  // not telling is allowed
}

TEST_F(Evaluating, F03_AnArrayOfAnotherLengthThanNIsAFailure) {
  const auto with = [&](const std::string& array, const std::string& members) {
    script("cp " + arrays + array + " right.npy; echo '{\"metrics\": {\"accuracy\": 0.5}, " +
           members + "\"per_example\": \"right.npy\"}' > \"$1\"");
    return failure();
  };
  EXPECT_EQ(with("bool.npy", "\"n\": 5, "), "\"per_example\" has 4 examples, n is 5");
  EXPECT_EQ(with("int64.npy", ""), "\"per_example\" holds -3, expected 0 or 1 for each example");
  EXPECT_EQ(with("float32.npy", ""), "\"per_example\" has two dimensions, expected one");
  EXPECT_EQ(with("bool.npy", "\"n\": 4, \"correct\": 1, "),
            "\"per_example\" has 3 right, \"correct\" says 1");
}

TEST_F(Evaluating, F03_LogitsThatDoNotFitAreAFailure) {
  const auto with = [&](const std::string& array) {
    script("cp " + arrays + array +
           " l.npy; echo '{\"metrics\": {\"accuracy\": 1}, \"n\": 2, \"logits\": \"l.npy\"}' > "
           "\"$1\"");
    return run();
  };
  const ExternalScore good = with("float32.npy");
  EXPECT_EQ(good.failure, "");
  EXPECT_TRUE(fs::exists(fs::path(good.log).replace_extension(".logits.npy")));
  EXPECT_EQ(with("bool.npy").failure, "\"logits\" has one dimension, expected n x classes");
  EXPECT_EQ(with("nan.npy").failure, "\"logits\" holds NaN");
  EXPECT_EQ(with("three_rows.npy").failure, "\"logits\" has 3 rows, n is 2");
}

TEST_F(Evaluating, F03_RetriesTheGivenNumberOfTimes) {
  const std::string count = (here / "runs").native();
  script("echo run >> " + count + "; test $(wc -l < " + count +
         ") -ge 3 && echo '{\"metrics\": {\"accuracy\": 1}}' > \"$1\"");
  options.retries = 1;
  EXPECT_EQ(failure(), "exit status 1");
  EXPECT_EQ(failure(), "");  // the third run
  fs::remove(here / "runs");
  options.retries = 2;
  const ExternalScore score = run();
  EXPECT_EQ(score.failure, "");
  EXPECT_EQ(score.evaluations, 3);
}

TEST_F(Evaluating, F03_APersistentProgramThatDiesIsStartedOnceMore) {
  options.serve = true;
  options.command = {"sh",
                     folder_
                         .put("serve.sh", "echo start >> " + (here / "starts").native() + R"sh(
read -r line
id=${line#*\"id\":}; id=${id%%,*}
echo "{\"id\": $id, \"metrics\": {\"accuracy\": 0.$id}}"
read -r line
echo dying >&2; exit 7)sh")
                         .native()};
  ExternalEvaluator evaluator(options);
  EXPECT_EQ(evaluator.score(model).value, 0.1);
  EXPECT_EQ(evaluator.score(model).value, 0.3);  // asked as 2, died, asked again as 3
  EXPECT_EQ(text_of(here / "starts"), "start\nstart\n");
  folder_.put("serve.sh", "echo dying >&2; exit 7");
  EXPECT_EQ(ExternalEvaluator(options).score(model).failure,
            "it ended without a reply, exit status 7: dying");
}

TEST_F(Evaluating, F03_APersistentProgramThatHangsIsEndedAndReplaced) {
  options.serve = true;
  options.timeout = 0.3;
  options.command = {"sh", folder_.put("serve.sh", "read -r line; sleep 1000").native()};
  ExternalEvaluator evaluator(options);
  EXPECT_EQ(evaluator.score(model).failure, "it ran longer than 0.3 s and was ended (--timeout)");
  folder_.put("serve.sh", "read -r line; echo '{\"id\": 2, \"error\": \"no such tensor\"}'");
  EXPECT_EQ(evaluator.score(model).failure, "it replied with an error: no such tensor");
}

TEST_F(Evaluating, F03_ControlCharactersOfItsOutputAreEscaped) {
  script(R"sh(printf 'bad \033]0;title\007' >&2; exit 3)sh");
  EXPECT_EQ(failure(), "exit status 3: bad \\x1b]0;title\\x07");
}

}  // namespace
}  // namespace stockpot
