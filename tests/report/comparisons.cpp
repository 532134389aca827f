#include "stockpot/report/comparisons.h"

#include <gtest/gtest.h>

#include "sample.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

ReportedModel model(const std::string& method, RowKind kind, std::int64_t seed, std::int64_t id,
                    std::int64_t art, std::int64_t photo) {
  ReportedModel made;
  made.name = made.method = method;
  made.kind = kind;
  made.seed = seed;
  made.scores["id"].accuracy = {id, 100};
  made.scores["art"].accuracy = {art, 100};
  made.scores["photo"].accuracy = {photo, 100};
  return made;
}

RunReport two_seeds() {
  RunReport report;
  report.sets = {{"id", SetRole::held_out, 100, 0},
                 {"art", SetRole::ood, 100, 0},
                 {"photo", SetRole::ood, 100, 0}};
  report.models = {model("lp", RowKind::lp, 0, 70, 40, 50),
                   model("ft-live", RowKind::ft, 0, 80, 30, 40),
                   model("ft-live", RowKind::ft, 1, 82, 34, 40),
                   model("ft-frozen", RowKind::ft, 0, 79, 41, 43),
                   model("ft-frozen", RowKind::ft, 1, 79, 41, 43),
                   model("l2sp-live", RowKind::ft, 0, 80, 35, 40),
                   model("l2sp-live", RowKind::ft, 1, 80, 35, 40),
                   model("lpft-frozen", RowKind::lpft, 0, 81, 45, 50),
                   model("lpft-frozen", RowKind::lpft, 1, 85, 45, 52)};
  return report;
}

// The first so many of 100 pictures are right.
std::optional<RightOnSet> right_of(const ReportedModel& model, const std::string& set) {
  RightRows right(100);
  for (std::int64_t i = 0; i < model.scores.at(set).accuracy.correct; ++i) right.set(i);
  return RightOnSet{right, set};
}

TEST(Comparisons, PutFtAndLpftBesideLpAndTheOthersBesideTheFtThatHeldOutDataChooses) {
  std::vector<std::string> pairs;
  for (const MethodComparison& one : compare_methods(two_seeds(), right_of))
    pairs.push_back(one.first + " - " + one.second);
  EXPECT_EQ(pairs,
            (std::vector<std::string>{"ft-live - lp", "ft-frozen - lp", "ft-frozen - ft-live",
                                      "l2sp-live - ft-live", "lpft-frozen - lp",
                                      "lpft-frozen - ft-live", "lpft-frozen - ft-frozen"}));
}

TEST(Comparisons, PairSeedsAndPictures) {
  const MethodComparison one = compare_methods(two_seeds(), right_of)[5];
  EXPECT_EQ(one.seeds, (std::vector<std::int64_t>{0, 1}));
  ASSERT_EQ(one.sets.size(), 4u);
  const SetComparison& art = one.sets[1];
  EXPECT_EQ(art.set, "art");
  EXPECT_NEAR(art.difference, (0.15 + 0.11) / 2, 1e-12);
  // Two differences, 0.15 and 0.11: error 0.02; t of one degree is 6.314 and 12.706.
  EXPECT_NEAR(art.seeds90->high - art.difference, 6.313752 * 0.02, 1e-6);
  EXPECT_NEAR(art.seeds95->high - art.difference, 12.706205 * 0.02, 1e-6);
  ASSERT_EQ(art.mcnemar.size(), 2u);
  EXPECT_NEAR(art.mcnemar[0], mcnemar(15, 0), 1e-15);
  EXPECT_TRUE(art.pictures95->low > 0.05 && art.pictures95->high < 0.21);
  const SetComparison& mean = one.sets[3];
  EXPECT_EQ(mean.set, "");
  EXPECT_NEAR(mean.difference, (0.15 + 0.11 + 0.10 + 0.12) / 4, 1e-12);
  EXPECT_TRUE(mean.pictures95);
  EXPECT_TRUE(mean.mcnemar.empty());
}

// The OOD sets show so many of the same pictures, from the `first`-th on, corrupted otherwise.
RightOf copies(std::size_t first) {
  return [first](const ReportedModel& model, const std::string& set) {
    std::optional<RightOnSet> right = right_of(model, set);
    for (std::size_t i = 0; i < 100; ++i)
      right->shown.of_rows.push_back(i + (set == "photo" ? first : 0));
    right->shown.corrupted = set == "photo";
    return right;
  };
}

TEST(Comparisons, DrawCopiesOfTheSamePicturesTogether) {
  RunReport report = two_seeds();
  // On both sets the first 20 pictures make the difference: the mean over the sets is no surer.
  for (ReportedModel& model : report.models)
    for (const char* set : {"art", "photo"})
      model.scores[set].accuracy.correct = model.kind == RowKind::lpft ? 50 : 30;
  const auto mean_of = [&](const RightOf& right) { return compare_methods(report, right)[5].sets; };
  const std::vector<SetComparison> same = mean_of(copies(0)), others = mean_of(copies(100));
  EXPECT_EQ(same[3].pictures95->low, same[1].pictures95->low);
  EXPECT_EQ(same[3].pictures95->high, same[1].pictures95->high);
  EXPECT_LT(others[3].pictures95->high - others[3].pictures95->low,
            same[3].pictures95->high - same[3].pictures95->low);
}

TEST(Comparisons, OfCopiesWithinASetCountPictures) {
  // 100 rows, of 100, 50 and 10 pictures: the fewer, the less sure.
  const auto of_pictures = [](std::size_t pictures) {
    return [pictures](const ReportedModel& model, const std::string& set) {
      std::optional<RightOnSet> right = right_of(model, set);
      for (std::size_t i = 0; i < 100; ++i) right->shown.of_rows.push_back(i * pictures / 100);
      right->shown.corrupted = true;
      right->shown.copies = pictures < 100;
      return right;
    };
  };
  double narrower = 0, surer = 0;
  for (const std::size_t pictures : {100, 50, 10}) {
    const SetComparison art = compare_methods(two_seeds(), of_pictures(pictures))[5].sets[1];
    ASSERT_TRUE(art.pictures95);
    EXPECT_GT(art.pictures95->high - art.pictures95->low, narrower) << pictures;
    EXPECT_GT(art.mcnemar[0], surer) << pictures;
    narrower = art.pictures95->high - art.pictures95->low;
    surer = art.mcnemar[0];
  }
}

TEST(Comparisons, OfSetsThatShareSomePicturesHaveNoPictureIntervalOfTheMean) {
  const MethodComparison some = compare_methods(two_seeds(), copies(50))[5];
  EXPECT_TRUE(some.sets[1].pictures95 && some.sets[2].pictures95);
  EXPECT_FALSE(some.sets[3].pictures95);
}

TEST(Comparisons, WithoutPredictionsOrWithOtherPicturesHaveSeedsOnly) {
  const auto none = [](const ReportedModel&, const std::string&) {
    return std::optional<RightOnSet>();
  };
  const auto other = [](const ReportedModel& model, const std::string& set) {
    std::optional<RightOnSet> right = right_of(model, set);
    right->rows += model.method;
    return right;
  };
  for (const RightOf& right : {RightOf(none), RightOf(other)})
    for (const MethodComparison& one : compare_methods(two_seeds(), right))
      for (const SetComparison& set : one.sets) {
        EXPECT_FALSE(set.pictures95);
        EXPECT_TRUE(set.mcnemar.empty());
        EXPECT_TRUE(set.seeds95);
      }
}

TEST(Comparisons, NeedACommonSeed) {
  const RunReport report = two_seeds();
  const Side first{"a", {&report.models[1]}, {}}, second{"b", {&report.models[4]}, {}};
  EXPECT_THROW(compare_sides(first, second, report.sets), UsageError);
}

TEST(Comparisons, AreReadBackAndShown) {
  RunReport report = sample_of_three_seeds();
  report.comparisons = compare_methods(two_seeds(), right_of);
  report.mechanism = Mechanism{{"It moved <far>."},
                               {{"Title", {"model", "mean"}, {{"FT", "1.5"}}, 1, "a note"}},
                               Json::object({{"features", 512}})};
  report.out_of_protocol = "Out of protocol: chosen on OOD data.";
  const Json json = to_json(report);
  const RunReport read = report_from_json(Json::parse(json.dump(2), "results.json"));
  EXPECT_EQ(to_json(read), json);
  const std::string page = html_report(read);
  EXPECT_EQ(page, html_report(report));
  for (const char* part : {"id=\"comparisons\"", "lpft-frozen - ft-live", "id=\"mechanism\"",
                           "It moved &lt;far&gt;.", "Out of protocol: chosen on OOD data."})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_NE(terminal_table(read, 100, false).find("Out of protocol"), std::string::npos);
  EXPECT_NE(markdown_table(read).find("Out of protocol"), std::string::npos);
  EXPECT_NE(markdown_table(read).find("+13.0"), std::string::npos);
  EXPECT_NE(csv_table(read).find(",no\n"), std::string::npos);
}

}  // namespace
}  // namespace stockpot
