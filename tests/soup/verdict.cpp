#include "stockpot/soup/verdict.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "tables.h"

namespace stockpot {
namespace {

using Sentences = std::vector<std::string>;

struct Searched {
  SearchResult result;
  Sentences sentences;
};

Searched search(const std::vector<std::string>& names, const SoupScore& score,
                SearchOptions options = {}, std::vector<std::string> keys = {}) {
  if (keys.empty()) keys = names;
  Scorebook book({names, keys, score});
  SearchResult result = search_soup(names, book, options);
  Sentences sentences = verdict(result, options.rule, keys, book, 0);
  return {std::move(result), std::move(sentences)};
}

bool says(const Sentences& sentences, const std::string& part) {
  return std::ranges::any_of(sentences, [&](const std::string& sentence) {
    return sentence.find(part) != std::string::npos;
  });
}

std::string all(const Sentences& sentences) { return join(sentences, "\n"); }

TEST(Verdict, OnThePapersModelsNamesGainNoiseAndDuplicates) {
  if (!PaperTable::there()) GTEST_SKIP() << "no golden data at " << PaperTable::golden();
  const PaperTable table;
  SearchOptions options;
  options.rule.accept = Accept::strict;
  options.later_first = true;
  const auto [result, sentences] = search(
      table.names,
      [&](const SoupRequest& request) {
        Evaluation evaluation = table.look_up(request);
        // All seven accuracies of two of the models are equal.
        const std::size_t i = request.members().front();
        evaluation.metrics = Json::object(
            {{"a", static_cast<std::int64_t>(i == 5 ? 4 : i)}, {"b", 1}, {"c", evaluation.value}});
        return evaluation;
      },
      options);
  EXPECT_TRUE(says(sentences,
                   "5 of 72 models: 83.98 % on held-out data (95 %: 83.53 to 84.42); the best "
                   "single model, model_43, has 83.05 %, the soup 241 more right of 26,000."))
      << all(sentences);
  EXPECT_TRUE(says(sentences, "3 of 4 acceptances lie below one standard error (59 examples"))
      << all(sentences);
  EXPECT_TRUE(says(sentences, "model_4, model_5 give the same answers")) << all(sentences);
  EXPECT_TRUE(says(sentences, "143 models and soups were scored now, 0 were known."))
      << all(sentences);
}

TEST(Verdict, SaysWhyOnlyOneModelWasKept) {
  const auto [result, sentences] = search({"a", "b", "c"}, [](const SoupRequest& request) {
    Evaluation evaluation(
        Accuracy{request.soup.empty() ? 90 : 80 + static_cast<int>(*request.added), 100});
    evaluation.geometry = Geometry{3, 1.2, 0.05};
    return evaluation;
  });
  EXPECT_TRUE(says(sentences,
                   "Only one model was kept: with each of the other 2 the soup lost at least 8 to "
                   "9 examples; the nearest was c."))
      << all(sentences);
  EXPECT_TRUE(says(sentences,
                   "1.2 of the soup's norm away from it, at 87 degrees (medians). That "
                   "is as far as models without a shared initialisation lie"))
      << all(sentences);
}

TEST(Verdict, TiesAreNoLossesAndTaskVectorsNoStrangers) {
  const auto [result, sentences] = search({"a", "b", "c"}, [](const SoupRequest& request) {
    const bool tie = !request.soup.empty() && *request.added == 1;
    Evaluation evaluation(Accuracy{request.soup.empty() || tie ? 90 : 82, 100});
    evaluation.geometry = Geometry{3, 1.2, 0.05, /*from_base=*/true};
    return evaluation;
  });
  EXPECT_FALSE(says(sentences, "without a shared initialisation")) << all(sentences);
  EXPECT_TRUE(says(sentences,
                   "Seen from the base, the candidates lie 1.2 of the soup's distance "
                   "from it away from the soup, at 87 degrees (medians)."))
      << all(sentences);
}

TEST(Verdict, CountsAcceptancesThatAPairedTestCannotTellFromLuck) {
  // The second model corrects one example, the third one twenty.
  const auto right = [](int count) {
    std::vector<bool> rows(100);
    for (int i = 0; i < count; ++i) rows[static_cast<std::size_t>(i)] = true;
    Evaluation evaluation(Accuracy{count, 100});
    evaluation.right = RightRows(rows);
    return evaluation;
  };
  const auto [result, sentences] = search({"a", "b", "c"}, [&](const SoupRequest& request) {
    if (request.soup.empty()) return right(50 - static_cast<int>(*request.added));
    return right(request.added == 1u ? 51 : 71);
  });
  const Acceptances found = acceptances(result);
  EXPECT_EQ(found.total, 2);
  EXPECT_EQ(found.tested, 2);
  EXPECT_EQ(found.below_noise, 1);
  EXPECT_TRUE(says(sentences, "1 of 2 acceptances is below noise (exact McNemar test, p > 0.05)."))
      << all(sentences);
}

// `pictures` pictures through five severities each, of which the first `right` are right.
Evaluation five_copies(int pictures, int right) {
  std::vector<bool> rows;
  for (int i = 0; i < 5 * pictures; ++i) rows.push_back(i / 5 < right);
  Evaluation evaluation(Accuracy{5 * right, 5 * pictures});
  evaluation.right = RightRows(rows);
  return evaluation;
}

Pictures five_copies_each(int pictures) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5 * pictures; ++i)
    ids.push_back(std::to_string(i / 5) + "@jpeg:" + std::to_string(1 + i % 5));
  return pictures_of(ids);
}

TEST(Verdict, CountsCopiesOfOnePictureOnce) {
  // The second model corrects three pictures, fifteen rows.
  const SoupScore score = [](const SoupRequest& request) {
    return five_copies(20, request.soup.empty() ? 10 - static_cast<int>(*request.added) : 13);
  };
  SearchOptions options;
  options.pictures = five_copies_each(20);
  const auto [result, sentences] = search({"a", "b"}, score, options);
  const LedgerEntry& entry = result.soup().ledger[1];
  EXPECT_DOUBLE_EQ(entry.test->p, 0.25);
  EXPECT_EQ(entry.to_json().find("test")->find("pictures")->as_integer(), 20);
  EXPECT_TRUE(says(sentences,
                   "1 of 1 acceptances is below noise (exact permutation test over 20 pictures, "
                   "p > 0.05)."))
      << all(sentences);
  const Interval range = wilson_interval(0.65, 19);  // as 19 independent rows
  EXPECT_TRUE(says(
      sentences, "(95 %: " + fixed(100 * range.low, 2) + " to " + fixed(100 * range.high, 2) + ")"))
      << all(sentences);
  // Without names rows are independent.
  const auto [rows, words] = search({"a", "b"}, score);
  EXPECT_LT(rows.soup().ledger[1].test->p, 0.001);
  EXPECT_EQ(rows.soup().ledger[1].to_json().find("test")->find("pictures"), nullptr);
}

TEST(Verdict, WarnsWhenRepetitionsDifferByMoreThanAGain) {
  const auto [result, sentences] = search({"a", "b"}, [](const SoupRequest& request) {
    Evaluation evaluation(request.soup.empty() ? 0.5 : 0.51);
    evaluation.deviation = 0.02;
    return evaluation;
  });
  EXPECT_TRUE(says(sentences,
                   "Repeated evaluations differ by up to 0.02 (standard deviation), "
                   "more than the smallest accepted gain, 0.01"))
      << all(sentences);
  EXPECT_TRUE(says(sentences, "No significance is available")) << all(sentences);
}

TEST(FindDuplicates, TellsSameContentsFromSameAnswers) {
  std::vector<Candidate> candidates(5);
  const auto rows = [](int odd) {
    std::vector<bool> right(200);
    for (std::size_t i = 0; i < right.size(); ++i) right[i] = static_cast<int>(i) % odd == 0;
    Evaluation evaluation(0.5);
    evaluation.right = RightRows(right);
    return evaluation;
  };
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i] = {"m", rows(i < 3 ? 2 : 3)};
  candidates[4].alone = rows(5);
  const auto found = find_duplicates(candidates, {"x", "y", "x", "z", "w"});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].candidates, (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(found[0].same_contents);
  EXPECT_EQ(found[1].candidates, (std::vector<std::size_t>{0, 1}));
  EXPECT_FALSE(found[1].same_contents);
}

TEST(SplitHalf, FindsTheOptimismOfChoosingAmongEqualModels) {
  // Fifty models that are right by chance: the best of them is only lucky.
  constexpr int kRows = 400;
  const auto luck = [](std::uint64_t key) {
    RandomStream random(key, Purpose::test);
    std::vector<bool> rows(kRows);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = random.chance(0.8);
    const RightRows bits(rows);
    Evaluation evaluation(Accuracy{bits.count(), kRows});
    evaluation.right = bits;
    return evaluation;
  };
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back("m" + std::to_string(i));
  const auto [result, sentences] = search(names, [&](const SoupRequest& request) {
    std::uint64_t key = 0;
    for (const std::size_t i : request.members()) key = key * 51 + i + 1;
    return luck(key);
  });
  const auto optimism = split_half(result, 0);
  ASSERT_TRUE(optimism);
  EXPECT_EQ(optimism->soups, 99u);
  // About 2.5 standard deviations of 200 draws: 2.5 * sqrt(0.8 * 0.2 / 200) = 0.07.
  EXPECT_NEAR(optimism->half, 0.07, 0.025);
  EXPECT_NEAR(optimism->whole, optimism->half / 1.4142, 1e-4);
  EXPECT_EQ(split_half(result, 0)->half, optimism->half);
  EXPECT_TRUE(says(sentences, "points too good.")) << all(sentences);
  // One model that is better than all others is chosen on every half: no optimism.
  const auto [clear, words] = search({"a", "b"}, [](const SoupRequest& request) {
    std::vector<bool> rows(100);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = request.added == 0u || i % 2 == 0;
    Evaluation evaluation(Accuracy{request.added == 0u ? 100 : 50, 100});
    evaluation.right = RightRows(rows);
    return evaluation;
  });
  EXPECT_EQ(split_half(clear, 0)->half, 0);
}

TEST(SplitHalf, KeepsCopiesOfOnePictureInOneHalf) {
  // Pictures are right by chance, all copies of one alike: halves of rows would know each other.
  const auto luck = [](const SoupRequest& request) {
    std::uint64_t key = 0;
    for (const std::size_t i : request.members()) key = key * 31 + i + 1;
    RandomStream random(key, Purpose::test);
    std::vector<bool> rows;
    for (int picture = 0; picture < 100; ++picture) rows.insert(rows.end(), 5, random.chance(0.5));
    const RightRows bits(rows);
    Evaluation evaluation(Accuracy{bits.count(), bits.rows()});
    evaluation.right = bits;
    return evaluation;
  };
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("m" + std::to_string(i));
  SearchOptions options;
  const double of_rows = split_half(search(names, luck, options).result, 0)->half;
  options.pictures = five_copies_each(100);
  const double of_pictures = split_half(search(names, luck, options).result, 0)->half;
  // The best of about 59 draws lies 2.3 standard deviations of 50 pictures up: 0.16.
  EXPECT_NEAR(of_pictures, 0.16, 0.05);
  EXPECT_LT(of_rows, 0.7 * of_pictures);
  options.pictures = pictures_of(std::vector<std::string>(500, "a@jpeg:1"));
  EXPECT_FALSE(split_half(search(names, luck, options).result, 0)) << "one picture has no halves";
}

TEST(SplitHalf, NeedsToKnowWhichExamplesAreRight) {
  const auto [result, sentences] = search({"a", "b"}, [](const SoupRequest&) {
    return Evaluation(Accuracy{1, 2});
  });
  EXPECT_FALSE(split_half(result, 0));
}

}  // namespace
}  // namespace stockpot
