#include "stockpot/metrics/pictures.h"

#include <gtest/gtest.h>

namespace stockpot {
namespace {

using Ids = std::vector<std::string>;

TEST(PictureOf, IsTheIdWithoutTheCorruptionBehindIt) {
  EXPECT_EQ(picture_of("a/1.png@jpeg:3"), "a/1.png");
  EXPECT_EQ(picture_of("a/1.png@gaussian_noise:5"), "a/1.png");
  EXPECT_EQ(picture_of("me@home.org/1.png@contrast:1"), "me@home.org/1.png");
  for (const char* id :
       {"a/1.png", "a/b@2x.png", "@", "@:3", "a@jpeg:6", "a@JPEG:1", "a@jpeg3", ""})
    EXPECT_EQ(picture_of(id), id);
}

TEST(Pictures, HaveCopiesWhereOneHasTwoRowsAndSomeRowIsCorrupted) {
  EXPECT_FALSE(pictures_of({}).copies);
  EXPECT_FALSE(pictures_of(Ids{"a", "b", "a"}).copies) << "equal names, other pictures";
  const Pictures once = pictures_of(Ids{"a@jpeg:1", "b@jpeg:1"});
  EXPECT_TRUE(once.corrupted);
  EXPECT_FALSE(once.copies);
  EXPECT_TRUE(pictures_of(Ids{"a", "a@jpeg:1"}).copies);
  EXPECT_TRUE(pictures_of(Ids{"a@jpeg:1", "b@jpeg:1", "a@contrast:1"}).copies);
}

TEST(Pictures, AreNumberedInTheOrderOfTheirFirstRows) {
  EXPECT_EQ(pictures_of(Ids{"z@jpeg:1", "a", "z@jpeg:2", "b", "a@jpeg:1"}).numbers(),
            (std::vector<std::size_t>{0, 1, 0, 2, 1}));
}

}  // namespace
}  // namespace stockpot
