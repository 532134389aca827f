#include "stockpot/soup/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "../base/in_child.h"
#include "../base/message_of.h"
#include "../base/temporary_folder.h"
#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "tables.h"

namespace stockpot {
namespace {

using Names = std::vector<std::string>;

const Json kHeader = Json::object({{"ledger", 1}});

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Names names_of(const SearchResult& result) {
  Names names;
  for (const std::size_t i : result.soup().ingredients) names.push_back(result.candidates[i].name);
  return names;
}

Scorebook::Options book_of(const Names& names, SoupScore evaluator, LedgerFile* file = nullptr) {
  return {names, names, std::move(evaluator), file};
}

// main.py: strict, and of equal models the later-listed one first.
SearchOptions reference_rule() {
  SearchOptions options;
  options.rule.accept = Accept::strict;
  options.later_first = true;
  return options;
}

const Names kFive = {"model_43", "model_44", "model_32", "model_47", "model_50"};

TEST(PaperReplay, FindsTheFiveIngredientsInTheirOrderByTheReferenceRule) {
  if (!PaperTable::there()) GTEST_SKIP() << "no golden data at " << PaperTable::golden();
  const PaperTable table;
  ASSERT_EQ(table.names.size(), 72u);
  Scorebook book(book_of(table.names, [&](const SoupRequest& r) { return table.look_up(r); }));
  const SearchResult result = search_soup(table.names, book, reference_rule());
  EXPECT_EQ(names_of(result), kFive);
  EXPECT_EQ(result.soup().held_out.counts, (Accuracy{21834, 26000}));
  const auto& ledger = result.soup().ledger;
  ASSERT_EQ(ledger.size(), 72u);
  EXPECT_EQ(ledger[1].reason, "+150 of 26,000");
  EXPECT_EQ(ledger[6].reason, "-6 of 26,000");
  EXPECT_EQ(ledger[17].reason, "+41 of 26,000");
  EXPECT_EQ(ledger[58].reason, "-407 of 26,000");
  EXPECT_EQ(ledger[68].name, "model_5");  // equal to model_4, listed later
  EXPECT_EQ(ledger[69].name, "model_4");
  EXPECT_EQ(ledger[71].name, "model_0");
}

TEST(PaperReplay, D09_KilledAtEveryStepItEndsWithTheSameIngredientsAndLedger) {
  if (!PaperTable::there()) GTEST_SKIP() << "no golden data at " << PaperTable::golden();
  const PaperTable table;
  const TemporaryFolder folder;
  const auto search = [&](const fs::path& file, int die_at) {
    LedgerFile ledger(file, kHeader);
    int asked = 0;
    Scorebook book(book_of(
        table.names,
        [&](const SoupRequest& request) {
          if (asked++ == die_at) _exit(9);
          return table.look_up(request);
        },
        &ledger));
    const SearchResult result = search_soup(table.names, book, reference_rule());
    return std::pair(names_of(result), asked);
  };
  const fs::path whole = folder.path() / "whole.jsonl";
  ASSERT_EQ(search(whole, -1).first, kFive);
  // One evaluation and the next one's death, over and over.
  const fs::path file = folder.path() / "killed.jsonl";
  for (int step = 0; step < 72 + 71; ++step)
    ASSERT_EQ(in_child([&] { return search(file, 1).second - 1; }), step < 72 + 70 ? 9 : 0) << step;
  EXPECT_EQ(search(file, 0), std::pair(kFive, 0));  // nothing is left to ask for
  EXPECT_EQ(text_of(file), text_of(whole));
}

// A value for each set of members, the same whenever asked.
Evaluation random_score(std::uint64_t seed, const SoupRequest& request) {
  std::uint64_t key = 0;
  for (const std::size_t i : request.members()) key |= std::uint64_t{1} << i;
  return Accuracy{RandomStream(seed, Purpose::test, 0, key).between(0, 50), 50};
}

const Names kTen = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

TEST(Search, TakesTheBestOfItsWalks) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Scorebook book(book_of(kTen, [&](const SoupRequest& r) { return random_score(seed, r); }));
    SearchOptions options;
    options.restarts = 5;
    options.prune = seed % 2 == 0;
    const SearchResult result = search_soup(kTen, book, options);
    EXPECT_EQ(result.walks.size(), options.prune ? 7u : 6u);
    for (const Walk& walk : result.walks)
      EXPECT_LE(walk.held_out.value, result.soup().held_out.value);
    // The score is that of the ingredients.
    SoupRequest again;
    again.soup = result.soup().ingredients;
    EXPECT_EQ(random_score(seed, again).value, result.soup().held_out.value);
    EXPECT_EQ(result.walks[0].name, "by score");
    EXPECT_EQ(result.walks[5].name, "random order 5");
  }
}

TEST(Search, ScoresNoSoupTwice) {
  std::map<std::vector<std::size_t>, int> asked;
  Scorebook book(book_of(kTen, [&](const SoupRequest& request) {
    auto key = request.members();
    std::ranges::sort(key);
    EXPECT_EQ(++asked[key], 1);
    return random_score(3, request);
  }));
  SearchOptions options;
  options.restarts = 20;
  options.prune = true;
  search_soup(kTen, book, options);
  EXPECT_EQ(book.counts().evaluated, static_cast<std::int64_t>(asked.size()));
  EXPECT_GT(book.counts().reused, 0);
}

TEST(Search, WalksInTheGivenOrderOrInARandomOneThatTheSeedDecides) {
  const auto order = [&](WalkOrder kind, std::uint64_t seed) {
    Scorebook book(book_of(kTen, [&](const SoupRequest& r) { return random_score(1, r); }));
    SearchOptions options;
    options.order = kind;
    options.seed = seed;
    Names names;
    const SearchResult result = search_soup(kTen, book, options);
    for (const LedgerEntry& entry : result.soup().ledger) names.push_back(entry.name);
    return names;
  };
  EXPECT_EQ(order(WalkOrder::given, 0), kTen);
  EXPECT_EQ(order(WalkOrder::random, 5), order(WalkOrder::random, 5));
  EXPECT_NE(order(WalkOrder::random, 5), order(WalkOrder::random, 6));
  Names sorted = order(WalkOrder::random, 5);
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, kTen);
}

TEST(Search, PrunesFromTheSoupOfAll) {
  // Each member costs one, but "c" and "f" give five.
  Scorebook book(book_of(kTen, [](const SoupRequest& request) {
    std::int64_t correct = 50;
    for (const std::size_t i : request.members()) correct += i == 2 || i == 5 ? 5 : -1;
    return Evaluation(Accuracy{correct, 100});
  }));
  SearchOptions options;
  options.from_all = true;
  const SearchResult result = search_soup(kTen, book, options);
  EXPECT_EQ(names_of(result), (Names{"c", "f"}));
  EXPECT_EQ(result.soup().held_out.counts, (Accuracy{60, 100}));
  EXPECT_EQ(result.soup().name, "pruning");
}

TEST(Search, F03_GoesOnWithoutWhatCouldNotBeScored) {
  Scorebook book(book_of({"a", "b", "c"}, [](const SoupRequest& request) -> Evaluation {
    Evaluation evaluation(Accuracy{8 + static_cast<std::int64_t>(request.members().size()), 20});
    if (request.added == 1u) {
      evaluation = Evaluation();
      evaluation.failure = "exit status 1";
    }
    return evaluation;
  }));
  const SearchResult result = search_soup({"a", "b", "c"}, book, {});
  EXPECT_EQ(names_of(result), (Names{"a", "c"}));
  EXPECT_EQ(result.soup().ledger[2].name, "b");
  EXPECT_EQ(result.soup().ledger[2].reason, "left out: it has no score by itself: exit status 1");
  EXPECT_EQ(book.counts().failed, 1);
}

TEST(Search, EndsWhenNothingCanBeScored) {
  Scorebook book(book_of({"a", "b"}, [](const SoupRequest&) {
    Evaluation evaluation;
    evaluation.failure = "exit status 1";
    return evaluation;
  }));
  EXPECT_EQ(message_of<RunError>([&] {
              search_soup({"a", "b"}, book, {});
            }),
            "none of the 2 models could be scored; the first one: exit status 1");
}

TEST(Scorebook, RetriesFailuresOnlyWhenAskedTo) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "ledger.jsonl";
  int asked = 0;
  const auto search = [&](bool retry) {
    LedgerFile ledger(file, kHeader);
    Scorebook::Options options = book_of(
        {"a", "b"},
        [&](const SoupRequest& request) -> Evaluation {
          ++asked;
          if (request.members().size() == 1) return Accuracy{1, 2};
          return {};
        },
        &ledger);
    options.retry_failed = retry;
    Scorebook book(options);
    search_soup({"a", "b"}, book, {});
  };
  search(false);
  EXPECT_EQ(asked, 3);
  search(false);
  EXPECT_EQ(asked, 3);
  search(true);
  EXPECT_EQ(asked, 4);
}

TEST(Scorebook, TakesAStoppedScoreOnlyWhereItStillRejects) {
  int asked = 0;
  Scorebook book(book_of({"a", "b"}, [&](const SoupRequest& request) {
    ++asked;
    Evaluation evaluation(Accuracy{60, 100});
    evaluation.stopped = request.stop != nullptr;
    return evaluation;
  }));
  SoupRequest request;
  request.soup = {0};
  request.added = 1;
  const auto ask = [&](double before) {
    const StopRule stop{{}, before};
    request.stop = &stop;
    const bool stopped = book.score(request).stopped;
    book.record({});
    return stopped;
  };
  EXPECT_TRUE(ask(0.7));
  EXPECT_TRUE(ask(0.65));  // at most 0.6: enough
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(ask(0.6));  // a tie would be accepted: it has to be looked at
  EXPECT_EQ(asked, 2);
  request.stop = nullptr;
  EXPECT_FALSE(book.score(request).stopped);
  EXPECT_EQ(asked, 3);
}

TEST(Scorebook, RefusesLinesThatItNeverWrote) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "ledger.jsonl";
  {
    LedgerFile ledger(file, kHeader);
    ledger.append(Json::object({{"key", "x"}, {"evaluation", Json::object({{"value", "high"}})}}));
  }
  LedgerFile ledger(file, kHeader);
  const std::string message = message_of<FormatError>([&] { Scorebook(book_of({}, {}, &ledger)); });
  EXPECT_NE(message.find("ledger.jsonl: line 2 is no evaluation: "), std::string::npos) << message;
}

}  // namespace
}  // namespace stockpot
