#include "stockpot/soup/ledger_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <sstream>

#include "../base/in_child.h"
#include "../base/message_of.h"
#include "../base/temporary_folder.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

const Json kHeader = Json::object({{"ledger", 1}, {"evaluator", Json::object({{"metric", "/a"}})}});

Json line(int i) { return Json::object({{"number", i}, {"name", "soup \"x\"\nof 2"}}); }

class Ledgers : public ::testing::Test {
 protected:
  std::string text() const {
    std::ifstream stream(file);
    std::ostringstream all;
    all << stream.rdbuf();
    return all.str();
  }
  void write(const std::string& contents) const { folder.put("ledger.jsonl", contents); }
  std::string message() const {
    return message_of<FormatError>([&] { LedgerFile(file, kHeader); });
  }

  TemporaryFolder folder;
  fs::path file = folder.path() / "ledger.jsonl";
};

TEST_F(Ledgers, GiveBackWhatWasWritten) {
  {
    LedgerFile ledger(file, kHeader);
    EXPECT_TRUE(ledger.lines().empty());
    ledger.append(line(1));
    ledger.append(line(2));
  }
  const std::string before = text();
  LedgerFile again(file, kHeader);
  EXPECT_EQ(again.lines(), (std::vector<Json>{line(1), line(2)}));
  EXPECT_FALSE(again.warning());
  EXPECT_EQ(text(), before);
  again.append(line(3));
  EXPECT_EQ(text(), before + sealed_line(line(3)) + "\n");
}

TEST_F(Ledgers, D12_ATornLastLineIsDroppedWithAWarningWhereverItWasTorn) {
  { LedgerFile(file, kHeader).append(line(1)); }
  const std::string whole = text();
  const std::string last = sealed_line(line(2));
  for (std::size_t kept = 1; kept <= last.size(); ++kept) {
    write(whole + last.substr(0, kept));
    LedgerFile ledger(file, kHeader);
    EXPECT_EQ(ledger.lines(), (std::vector<Json>{line(1)}));
    ASSERT_TRUE(ledger.warning());
    EXPECT_EQ(*ledger.warning(),
              file.native() + ": dropped line 3, which was not written to its end");
    ledger.append(line(2));
    EXPECT_EQ(text(), whole + last + "\n");
  }
}

TEST_F(Ledgers, ATornHeaderIsWrittenAgain) {
  write("{\"ledger");
  const LedgerFile ledger(file, kHeader);
  EXPECT_EQ(text(), sealed_line(kHeader) + "\n");
}

TEST_F(Ledgers, ADamagedLineIsAnErrorNamingIt) {
  {
    LedgerFile ledger(file, kHeader);
    for (int i = 1; i <= 3; ++i) ledger.append(line(i));
  }
  std::string contents = text();
  const std::size_t at = contents.find("\"number\":2") + 9;
  contents[at] = '7';  // still JSON
  write(contents);
  EXPECT_EQ(message(), file.native() +
                           ": line 3 is damaged (its checksum does not fit); restore the file, or "
                           "remove it to score everything again");
  contents[at] = '\0';
  write(contents);
  EXPECT_NE(message().find("line 3 is damaged"), std::string::npos);
  write(sealed_line(kHeader) + "\n\n" + sealed_line(line(1)) + "\n");
  EXPECT_NE(message().find("line 2 is damaged (too short)"), std::string::npos);
  write(sealed_line(kHeader) + "\n" + std::string(100, '\0') + "\n");
  EXPECT_NE(message().find("line 2 is damaged"), std::string::npos);
}

TEST_F(Ledgers, OfAnotherEvaluatorAreRefusedNamingTheDifference) {
  { LedgerFile(file, kHeader).append(line(1)); }
  Json other = kHeader;
  other.set("evaluator", Json::object({{"metric", "/b"}}));
  EXPECT_EQ(message_of<UsageError>([&] { LedgerFile(file, other); }),
            file.native() +
                " was begun otherwise: evaluator.metric is \"/a\" there, \"/b\" here; name another "
                "output, or --rescore to begin anew");
  const LedgerFile anew(file, other, /*anew=*/true);
  EXPECT_TRUE(anew.lines().empty());
  EXPECT_EQ(text(), sealed_line(other) + "\n");
}

TEST_F(Ledgers, AreWrittenByOneProcessAtATime) {
  const LedgerFile ledger(file, kHeader);
  EXPECT_EQ(message_of<BusyError>([&] { LedgerFile(file, kHeader); }),
            file.native() + ": another search is writing it");
}

TEST_F(Ledgers, E02_AFullDiskLeavesWhatWasThere) {
  const int code = in_child([&] {
    LedgerFile ledger(file, kHeader);
    ledger.append(line(1));
    struct rlimit limit = {fs::file_size(file) + 10, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    try {
      ledger.append(line(2));
    } catch (const WriteError&) {
      return 74;
    }
    return 0;
  });
  EXPECT_EQ(code, 74);
  const LedgerFile ledger(file, kHeader);
  EXPECT_EQ(ledger.lines(), (std::vector<Json>{line(1)}));
  EXPECT_FALSE(ledger.warning());
}

TEST(DifferenceBetween, NamesTheFirstPlace) {
  const auto parse = [](const char* text) { return Json::parse(text, "x"); };
  EXPECT_EQ(difference_between(parse(R"({"a":1})"), parse(R"({"a":1})")), "");
  EXPECT_EQ(difference_between(parse(R"({"a":{"b":1}})"), parse(R"({"a":{"c":1}})")),
            "a.b is 1 there, nothing here");
  EXPECT_EQ(difference_between(parse(R"({"a":1})"), parse(R"({"a":1,"d":2})")),
            "d is nothing there, 2 here");
}

}  // namespace
}  // namespace stockpot
