#include "stockpot/checkpoint/model_notes.h"

#include <gtest/gtest.h>

#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

TEST(NotesOfModels, AreSaidOnceForAllThatHaveThem) {
  Checkpoint first = Checkpoint::open(fixture("rounding.safetensors"));
  Checkpoint second = first, third = first;
  const std::string path = first.path().string();
  first.add_note("of all");
  second.add_note("of this one");
  second.add_note("of all");
  third.add_note("of all");
  third.add_note("\x1b[31m");
  const Checkpoint* models[] = {&first, &second, &third};
  EXPECT_EQ(notes_of_models(models),
            (std::vector<std::string>{path + " and 2 more: of all", path + ": of this one",
                                      path + ": \\x1b[31m"}));
  EXPECT_TRUE(notes_of_models({}).empty());
}

}  // namespace
}  // namespace stockpot
