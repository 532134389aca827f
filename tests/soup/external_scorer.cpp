#include "stockpot/soup/external_scorer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "../base/message_of.h"
#include "checkpoints.h"
#include "stockpot/base/error.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/evaluator/ram_folder.h"
#include "stockpot/soup/search.h"
#include "stockpot/soup/table_scorer.h"

namespace stockpot {
namespace {

class Scoring : public ::testing::Test {
 protected:
  Scoring() {
    evaluator.folder = here / "evaluations";
    evaluator.retries = 0;
    scorer.source = files.file(0);
    scorer.place = {here / "candidates", false};
  }

  // An evaluator of these lines: $1 is the result, $2 the model.
  void script(const std::string& lines, const std::string& model = "{model_file}") {
    evaluator.command = {"sh", files.folder().put("eval.sh", lines).native(), "{result_json}",
                         model};
  }

  SearchResult search(int count = 4) {
    models = files.open(count);
    ExternalEvaluator program(evaluator);
    choose_form(program, models.front(), scorer);
    plan = plan_soup(models, scorer.container);
    SoupMixer mixer(plan);
    ExternalScorer score(mixer, program, scorer);
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) names.push_back("m" + std::to_string(i));
    Scorebook book({names, names, [&](const SoupRequest& r) { return score(r); }});
    return search_soup(names, book, {});
  }

  SmallModels files{4, 40};
  const fs::path here = files.folder().path();
  std::vector<Checkpoint> models;
  MergePlan plan;
  EvaluatorOptions evaluator;
  ExternalScorerOptions scorer;
};

TEST_F(Scoring, TellsAProgramWhereEachSoupLies) {
  // The candidate's hash is of the file that the program sees.
  script("cp \"$2\" " + here.native() +
         "/seen-$(basename \"$STOCKPOT_CANDIDATE\" | tr ' ' -).safetensors\n"
         "echo '{\"metrics\": {\"accuracy\": 0.5}, \"n\": 10, \"correct\": 5}' > \"$1\"");
  const SearchResult result = search();
  EXPECT_EQ(result.soup().ingredients.size(), 4u);
  for (const LedgerEntry& entry : result.soup().ledger) {
    if (entry.before.failed()) continue;
    const fs::path seen = here / ("seen-soup-of-" + std::to_string(entry.rank - 1) + "-with-" +
                                  entry.name + ".safetensors");
    EXPECT_EQ(content_hash(Checkpoint::open(seen)), entry.after.hash);
    EXPECT_TRUE(entry.after.geometry);
    EXPECT_EQ(entry.after.counts, (Accuracy{5, 10}));
  }
}

TEST_F(Scoring, LeavesOneCandidateAtATimeAndNothingInTheEnd) {
  script("test $(ls -A " + scorer.place.folder.native() +
         " | wc -l) = 1 && echo '{\"metrics\": {\"accuracy\": 0.5}}' > \"$1\"");
  for (const Candidate& candidate : search().candidates) EXPECT_EQ(candidate.alone.failure, "");
  EXPECT_TRUE(fs::is_empty(scorer.place.folder));
}

TEST_F(Scoring, GivesAFolderWithTheFilesOfTheFirstModel) {
  const fs::path folder = here / "folder";
  fs::create_directories(folder);
  fs::copy(files.file(0), folder / "model.safetensors");
  std::ofstream(folder / "config.json") << "{}";
  scorer.source = folder;
  script(
      "test -f \"$2/config.json\" && test -f \"$2/model.safetensors\" && "
      "echo '{\"metrics\": {\"accuracy\": 0.5}}' > \"$1\"",
      "{model_dir}");
  for (const Candidate& candidate : search().candidates) EXPECT_EQ(candidate.alone.failure, "");
}

TEST_F(Scoring, F03_EveryFailureIsToldAndTheSearchGoesOn) {
  script(
      "case \"$STOCKPOT_CANDIDATE\" in *m2*) echo no >&2; exit 3;; esac\n"
      "echo '{\"metrics\": {\"accuracy\": 0.5}}' > \"$1\"");
  const SearchResult result = search();
  EXPECT_EQ(result.soup().ingredients, (std::vector<std::size_t>{0, 1, 3}));
  EXPECT_EQ(result.candidates[2].alone.failure, "exit status 3: no");
}

TEST_F(Scoring, F03_OnFailureStopEndsTheSearch) {
  script("echo no >&2; exit 3");
  scorer.stop_on_failure = true;
  const std::string message = message_of<RunError>([&] { search(); });
  EXPECT_TRUE(message.starts_with("m0 could not be scored: exit status 3: no (log: ")) << message;
}

TEST_F(Scoring, CountsDecideOnlyWhenTheyAreTheMetric) {
  const auto counts_with = [&](const std::string& metric) {
    script("echo '{\"metrics\": {\"accuracy\": " + metric +
           "}, \"n\": 8000, \"correct\": 6643}' > \"$1\"");
    return search(2).candidates[0].alone.counts.has_value();
  };
  EXPECT_TRUE(counts_with("0.830375"));
  EXPECT_TRUE(counts_with("0.8304"));
  EXPECT_TRUE(counts_with("83.04"));
  EXPECT_FALSE(counts_with("0.79"));  // F1, say
}

TEST_F(Scoring, CandidatesLieInMemoryWhereThereIsRoom) {
  const CandidatePlace given = candidate_place(1, here, "/elsewhere");
  EXPECT_EQ(given.folder, here);
  EXPECT_FALSE(given.in_memory);
  const CandidatePlace huge = candidate_place(std::uint64_t{1} << 60, {}, here);
  EXPECT_EQ(huge.folder, here);
  const CandidatePlace small = candidate_place(1, {}, here);
  EXPECT_EQ(small.in_memory, !ram_folder(1 << 25).empty());
}

TEST(TableScorer, LooksSoupsUpInAnyOrder) {
  TableScorer table({"a", "b", "c"});
  EXPECT_TRUE(table.add({"b", "a"}, Accuracy{1, 2}));
  EXPECT_FALSE(table.add({"a", "b"}, Accuracy{2, 2}));
  EXPECT_FALSE(table.add({"d"}, Accuracy{2, 2}));
  SoupRequest request;
  request.soup = {0};
  request.added = 1;
  EXPECT_EQ(table(request).counts, (Accuracy{1, 2}));
  request.added = 2;
  EXPECT_EQ(table(request).failure, "the table has no row for a+c");
}

}  // namespace
}  // namespace stockpot
