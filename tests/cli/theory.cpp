// theory as a user runs it.
#include <gtest/gtest.h>

#include <algorithm>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

TEST(Theory, PrintsTablesAndWhatTheyShow) {
  TemporaryFolder here;
  const Outcome outcome =
      stockpot(here.path(), {"theory", "--preset", "eps", "--seeds", "2", "--dim", "24"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "(d = 24, m = 12, k = 4")) << outcome.out;
  EXPECT_TRUE(contains(outcome.out, "What this shows"));
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(fs::is_empty(here.path()));
}

TEST(Theory, WritesTheSameResultsForAnyNumberOfThreads) {
  TemporaryFolder here;
  const std::vector<std::string> command = {"theory",     "--preset", "dimension", "--dim", "16,32",
                                            "--features", "2",        "--seeds",   "3"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), command.begin(), command.end());
    return stockpot(here.path(), more);
  };
  const Outcome one = with({"--threads", "1", "-o", "a"}),
                four = with({"--threads", "4", "-o", "b"});
  ASSERT_EQ(one.code, 0) << one.err;
  ASSERT_EQ(four.code, 0) << four.err;
  for (const char* name : {"results.json", "results.csv", "theory.html"})
    EXPECT_EQ(slurp(here.path() / "a" / name), slurp(here.path() / "b" / name)) << name;
  EXPECT_EQ(with({"--json"}).out, slurp(here.path() / "a" / "results.json"));
  EXPECT_EQ(Json::read(here.path() / "a" / "results.json").find("schema_version")->as_integer(), 1);
}

TEST(Theory, PageLoadsNothingAndRunsNothing) {
  TemporaryFolder here;
  const Outcome outcome = stockpot(
      here.path(), {"theory", "--dim", "20", "--features", "2", "--seeds", "1", "-o", "out"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string page = slurp(here.path() / "out" / "theory.html");
  for (const char* part : {"<script", "http://", "https://", "src=", "url("})
    EXPECT_FALSE(contains(page, part)) << part;
  EXPECT_TRUE(contains(page, "default-src 'none'"));
  std::size_t figures = 0;
  for (std::size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++figures;
  EXPECT_EQ(figures, 6U) << "toy, eps, alignment, dimension, and two along time";
}

TEST(Theory, ResultsAreReplacedOnlyWhenAsked) {
  TemporaryFolder here;
  const std::vector<std::string> command = {"theory", "--preset", "toy", "-o", "out"};
  EXPECT_EQ(stockpot(here.path(), command).code, 0);
  const Outcome again = stockpot(here.path(), command);
  EXPECT_EQ(again.code, 2);
  EXPECT_TRUE(contains(again.err, "results.json exists; --overwrite")) << again.err;
  std::vector<std::string> overwrite = command;
  overwrite.emplace_back("--overwrite");
  EXPECT_EQ(stockpot(here.path(), overwrite).code, 0);
}

TEST(Theory, RequestsThatMakeNoSenseNameTheFlag) {
  TemporaryFolder here;
  const std::vector<std::vector<std::string>> requests = {
      {"--eps", "2"},       {"--eps", "nan"},       {"--eps", "-0.1"},     {"--phi", "1.5"},
      {"--phi", "inf"},     {"--dim", "0"},         {"--dim", "99999999"}, {"--features", "0"},
      {"--features", "61"}, {"--subspace", "60"},   {"--subspace", "0"},   {"--subspace", "-1"},
      {"--examples", "3"},  {"--examples", "0"},    {"--sigma", "nan"},    {"--sigma", "-1"},
      {"--seeds", "0"},     {"--seeds", "1000000"}, {"--eps", "x"},        {"--preset", "most"},
      {"--dim", "1e3"}};
  for (std::vector<std::string> request : requests) {
    const std::string flag = request.front(), value = request.back();
    request.insert(request.begin(), "theory");
    const Outcome outcome = stockpot(here.path(), request);
    EXPECT_EQ(outcome.code, 2) << flag << " " << value;
    EXPECT_TRUE(contains(outcome.err, flag)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  const Outcome several = stockpot(here.path(), {"theory", "--preset", "time", "--eps", "0.1,0.2"});
  EXPECT_EQ(several.code, 2);
  EXPECT_TRUE(contains(several.err, "--eps has 2 values")) << several.err;
  const Outcome both = stockpot(here.path(), {"theory", "--phi", "0.5", "--sigma", "2"});
  EXPECT_EQ(both.code, 2);
  EXPECT_TRUE(contains(both.err, "--sigma")) << both.err;
}

TEST(Theory, PlaceThatCannotBeWrittenIsAWriteError) {
  TemporaryFolder here;
  const Outcome outcome =
      stockpot(here.path(), {"theory", "--preset", "toy", "-o", "/proc/no-such-place"});
  EXPECT_EQ(outcome.code, 74);
  EXPECT_TRUE(contains(outcome.err, "/proc/no-such-place")) << outcome.err;
}

}  // namespace
}  // namespace stockpot
