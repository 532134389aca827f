#include "stockpot/checkpoint/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stockpot/checkpoint/checkpoint.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

// Reads a file of the reference writer and writes the same tensors, in another order.
std::string written_again(const SafetensorsFile& file) {
  std::vector<TensorView> tensors = file.tensors();
  std::reverse(tensors.begin(), tensors.end());
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "out", tensors, file.metadata());
  return read_file(folder.path() / "out");
}

TEST(WriteSafetensors, IsByteForByteTheReference) {
  for (const char* name : {"every_dtype.safetensors", "no_metadata.safetensors",
                           "empty.safetensors", "float8.safetensors", "rounding.safetensors"})
    EXPECT_EQ(written_again(SafetensorsFile(fixture(name))), read_file(fixture(name))) << name;
}

TEST(SafetensorsFile, ReadsNamesShapesAndMetadataOfTheReference) {
  const SafetensorsFile file(fixture("every_dtype.safetensors"));
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(file.tensors().size(), 43u);
  EXPECT_EQ(file.find("scalar")->shape, Shape{});
  EXPECT_EQ(file.find("nothing at all")->shape, (Shape{2, 0, 3}));
  EXPECT_NE(file.find("gew\u00f6hnlich \u2764 \U0001f372"), nullptr);
  EXPECT_NE(file.find("quote \" backslash \\ slash / tab \t line \n bell \a delete \x7f"), nullptr);
  EXPECT_EQ(file.find("scala"), nullptr);
  EXPECT_EQ(file.find("b.bfloat16")->dtype, Dtype::bf16);
  EXPECT_TRUE(file.notes().empty());
}

// 640 bytes make the length field 80 02 00 ..., which is how a pickle of protocol 2 begins.
TEST(SafetensorsFile, AHeaderWhoseLengthLooksLikeAPickleIsStillAHeader) {
  for (std::size_t length = 0x180; length <= 0x580; length += 0x100) {
    std::string header = entry("F32", "[1]", "[0,4]");
    header.resize(length, ' ');
    const TemporaryFolder folder;
    const Checkpoint model = Checkpoint::open(folder.put("a.safetensors", raw_file(header, 4)));
    EXPECT_EQ(model.format(), CheckpointFormat::safetensors) << length;
    EXPECT_EQ(model.tensors().size(), 1u) << length;
  }
}

// The reference writes them in the random order of a hash map: ours are sorted.
TEST(WriteSafetensors, SortsSeveralMetadataKeys) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  const std::map<std::string, std::string> metadata{
      {"z", "1"}, {"format", "pt"}, {"a\"\n", "\x1f"}};
  write_safetensors(path, {}, metadata);
  EXPECT_PRED2(contains, read_file(path),
               R"({"__metadata__":{"a\"\n":"\u001f","format":"pt","z":"1"}})");
  EXPECT_EQ(SafetensorsFile(path).metadata(), metadata);
}

TEST(WriteSafetensors, RefusesWhatItCouldNotReadBack) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  const OwnedTensor tensor = make_tensor("a", Dtype::f32, {2}, std::vector<float>{1, 2});
  const TensorView good = tensor.view();
  const auto refusal = [&](std::vector<TensorView> tensors) {
    return message_of<FormatError>([&] { write_safetensors(path, tensors); });
  };
  TensorView other_type = good;
  other_type.dtype = Dtype::f16;
  EXPECT_PRED2(contains, refusal({good, good}), "two tensors are named 'a'");
  EXPECT_PRED2(contains, refusal({other_type}), "needs 4 bytes, has 8");
  for (const std::string& name :
       {std::string("__metadata__"), std::string("\xff"), std::string("a\0b", 3)}) {
    TensorView named = good;
    named.name = name;
    EXPECT_PRED2(contains, refusal({named}), "cannot be written under this name");
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace stockpot
