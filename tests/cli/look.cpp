// inspect, diff, doctor and verify as a user runs them.
#include <gtest/gtest.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

TEST(Look, DiffOfAModelWithItselfIsEqualBitForBit) {
  SmallWorld world;
  const Outcome outcome = stockpot(world.path(), {"diff", "model", "model", "--exit-code", "-q"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "equal, bit for bit")) << outcome.out;
}

TEST(Look, DoctorNamesADuplicate) {
  SmallWorld world;
  std::filesystem::copy(world / "model", world / "copy");
  const Outcome outcome = stockpot(world.path(), {"doctor", "model", "copy", "-q"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(contains(outcome.out, "model and copy are the same model")) << outcome.out;
}

TEST(Look, DoctorOfOneModelIsAUsageError) {
  SmallWorld world;
  EXPECT_EQ(stockpot(world.path(), {"doctor", "model"}).code, 2);
}

TEST(Look, VerifyPrintsOneJsonDocument) {
  SmallWorld world;
  const Outcome outcome = stockpot(world.path(), {"verify", "model", "--json", "-q"});
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_TRUE(Json::parse(outcome.out, "stdout").find("whole")->as_bool());
}

}  // namespace
}  // namespace stockpot
