// Random damage to good files: case A23 of the catalogue of attacks. Under the sanitizers this
// finds reads out of bounds; everywhere it checks that what opens also survives a round trip.
#include <gtest/gtest.h>

#include "stockpot/base/random.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

// Changes, inserts, removes or repeats a few bytes, mostly ones that mean something in JSON.
std::string damaged(std::string text, RandomStream& random) {
  constexpr std::string_view kPieces[] = {"\"", "{",  "}", "[",    "]",  ",",   ":",  "0",    "9",
                                          "-",  "\\", "u", "null", "1e", "\\u", "\0", "\xff", " "};
  for (std::uint64_t i = 0, edits = 1 + random.below(3); i < edits && !text.empty(); ++i) {
    const std::size_t place = random.below(text.size());
    switch (random.below(4)) {
      case 0:
        text[place] = static_cast<char>(random.next());
        break;
      case 1:
        text.insert(place, kPieces[random.below(std::size(kPieces))]);
        break;
      case 2:
        text.erase(place, 1 + random.below(4));
        break;
      default:
        text.insert(place, text.substr(random.below(text.size()), random.below(40)));
    }
  }
  return text;
}

TEST(Attacks, A23_RandomDamageIsRefusedOrHarmless) {
  const std::string good =
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("a\n":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},)"
      R"("z":{"dtype":"U8","shape":[0,7],"data_offsets":[20,20],"x":[1,{"y":null}]}})";
  const TemporaryFolder folder;
  RandomStream random(23, Purpose::test);
  int opened = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::string header = damaged(good, random);
    // A new file each time: some file systems write truncated ones to the disk at once.
    fs::remove(folder.path() / "model.safetensors");
    const bool whole = random.chance(0.1);
    const fs::path path = folder.put(
        "model.safetensors", whole ? damaged(raw_file(good, 20), random) : raw_file(header, 20));
    try {
      const SafetensorsFile file(path);
      for (const TensorView& tensor : file.tensors()) float_values(tensor);
      if (++opened % 16 != 0) continue;  // writing waits for the disk
      write_safetensors(folder.path() / "again", file.tensors(), file.metadata());
      const SafetensorsFile again(folder.path() / "again");
      ASSERT_EQ(again.metadata(), file.metadata());
      ASSERT_EQ(again.tensors().size(), file.tensors().size());
      for (const TensorView& tensor : file.tensors())
        ASSERT_EQ(again.find(tensor.name)->shape, tensor.shape) << header;
    } catch (const FormatError&) {
    }
  }
  EXPECT_GT(opened, 50);
}

}  // namespace
}  // namespace stockpot
