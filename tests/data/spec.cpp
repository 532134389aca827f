#include "stockpot/data/spec.h"

#include <gtest/gtest.h>

#include "stockpot/base/error.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

std::string problem(const std::string& text) {
  return message<UsageError>([&] { parse_source(text); });
}

TEST(ParseSource, ReadsAPathAlone) {
  const SourceSpec source = parse_source("data/noto.tar.gz");
  EXPECT_EQ(source.path, "data/noto.tar.gz");
  EXPECT_EQ(source.kind, SourceSpec::Kind::detect);
  EXPECT_EQ(source.split, "");
}

TEST(ParseSource, ReadsEveryKey) {
  const SourceSpec source = parse_source("t.csv,split=train,splits=s.csv,group=day,root=/img");
  EXPECT_EQ(source.path, "t.csv");
  EXPECT_EQ(source.split, "train");
  EXPECT_EQ(source.splits, "s.csv");
  EXPECT_EQ(source.group, "day");
  EXPECT_EQ(source.root, "/img");
}

TEST(ParseSource, LeavesCommasInPathsAndValues) {
  const SourceSpec source = parse_source("a, b/c=d,group=red, green,split=val");
  EXPECT_EQ(source.path, "a, b/c=d");
  EXPECT_EQ(source.group, "red, green");
  EXPECT_EQ(source.split, "val");
}

TEST(ParseSource, SaysWhatIsWrong) {
  EXPECT_TRUE(contains(problem("x,splt=train"), "unknown key 'splt'"));
  EXPECT_TRUE(contains(problem("x,splt=train"), "did you mean 'split'?"));
  EXPECT_TRUE(contains(problem("x,split="), "split is empty"));
  EXPECT_TRUE(contains(problem("x,split=a,split=b"), "split is given twice"));
  EXPECT_TRUE(contains(problem(",split=a"), "begins with its path"));
  EXPECT_TRUE(contains(problem(""), "begins with its path"));
}

}  // namespace
}  // namespace stockpot
