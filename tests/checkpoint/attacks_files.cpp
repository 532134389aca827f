// Files that are something else, hostile shard indices, links and devices: cases A19 to A22
// of the catalogue of attacks.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "stockpot/checkpoint/checkpoint.h"
#include "tests/base/in_child.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

std::string refusal(const fs::path& path) {
  return message_of<FormatError>([&] { Checkpoint::open(path); });
}

TEST(Attacks, A19_AFileTruncatedWhileItIsReadEndsInExitCode3) {
  const TemporaryFolder folder;
  const fs::path path =
      folder.put("model.safetensors", raw_file(entry("U8", "[1000000]", "[0,1000000]"), 1'000'000));
  const int status = in_child([&] {
    // The guard's message is expected, not of interest.
    if (freopen("/dev/null", "w", stderr) == nullptr) return 98;
    const SafetensorsFile file(path);
    if (truncate(path.c_str(), 4096) != 0) return 97;
    const auto values = float_values(file.tensors()[0]);
    return values.back() == 0 ? 0 : 96;
  });
  EXPECT_EQ(status, 3);
}

TEST(Attacks, A19_AFileReplacedWhileItIsReadKeepsItsOldContent) {
  const TemporaryFolder folder;
  const std::string header = entry("U8", "[1]", "[0,1]");
  const SafetensorsFile file(folder.put("model.safetensors", raw_file(header, 0) + "\x07"));
  fs::rename(folder.put("other", raw_file(header, 0) + "\x08"),
             folder.path() / "model.safetensors");
  EXPECT_EQ(float_values(file.tensors()[0]), std::vector<float>{7});
}

TEST(Attacks, A20_OtherKindsOfFilesAreNamed) {
  using namespace std::string_literals;
  EXPECT_PRED2(contains,
               verdict("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
               "not a safetensors file but a Git-LFS pointer");
  EXPECT_PRED2(contains, verdict("\n<!DOCTYPE HTML><html>not found</html>"), "an HTML page");
  EXPECT_PRED2(contains, verdict("<html><body>401</body></html>"), "an HTML page");
  EXPECT_PRED2(contains, verdict("PK\x03\x04\x14\0\0\0\0\0archive/data.pkl"s), "a zip archive");
  EXPECT_PRED2(contains, verdict("GGUF\x03\0\0\0\0\0\0\0"s), "a GGUF file");
  EXPECT_PRED2(contains, verdict("\x80\x02}q\x01(X\x01\0\0\0a"s), "a Python pickle");
  EXPECT_PRED2(contains, verdict("{\"model_type\": \"vit\"}"), "a JSON text");
  EXPECT_PRED2(contains, verdict("once upon a time"), "not a safetensors file?");
}

class Shards : public testing::Test {
 protected:
  // A folder with shards 1 (a) and 2 (b), and an index with this weight_map.
  std::string open_with(std::string_view weight_map) {
    put_shard("1.safetensors", "a");
    put_shard("2.safetensors", "b");
    folder_.put("model.safetensors.index.json",
                "{\"metadata\":{\"total_size\":2},\"weight_map\":" + std::string(weight_map) + "}");
    return refusal(folder_.path());
  }
  void put_shard(const std::string& name, const std::string& tensor) {
    std::string header = entry("U8", "[1]", "[0,1]");
    header.replace(2, 1, tensor);
    folder_.put(name, raw_file(header, 1));
  }
  TemporaryFolder folder_;
};

TEST_F(Shards, A21_ShardsOutsideTheFolderAreRefused) {
  for (const char* name :
       {"../../etc/passwd", "/etc/passwd", "a/b", "..", "a\\\\b", "", "1\\u0000"})
    EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","b":")" + std::string(name) + "\"}"),
                 "is not the name of a file beside the index")
        << name;
}

TEST_F(Shards, A21_AnIndexThatDoesNotFitItsShardsIsRefused) {
  EXPECT_EQ(open_with(R"({"a":"1.safetensors","b":"2.safetensors"})"), "(nothing was thrown)");
  EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","b":"3.safetensors"})"),
               "3.safetensors: ");
  EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","c":"2.safetensors"})"),
               "1 tensors are not in the shard that the index names: 'c'");
  EXPECT_PRED2(contains, open_with(R"({"a":"2.safetensors","b":"1.safetensors"})"),
               "2 tensors are not in the shard that the index names: 'a', 'b'");
  EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","b":2})"), "is not a string");
  EXPECT_PRED2(contains, open_with(R"(["1.safetensors"])"), "no object 'weight_map'");
  EXPECT_PRED2(contains, open_with("{}"), "names no tensor");
  EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","a":"2.safetensors"})"), "a");
}

TEST_F(Shards, A21_ATensorInTwoShardsIsRefused) {
  put_shard("3.safetensors", "a");
  EXPECT_PRED2(contains, open_with(R"({"a":"1.safetensors","b":"3.safetensors"})"),
               "tensor 'a' is in two shards, '1.safetensors' and '3.safetensors'");
}

TEST_F(Shards, A21_AMillionKeysAreRefusedInBoundedTime) {
  std::string map = R"({"a":"1.safetensors")";
  for (int i = 0; i < 1'000'000; ++i) map += ",\"" + std::to_string(i) + "\":\"1.safetensors\"";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_PRED2(contains, open_with(map + "}"), "1000000 tensors are not in the shard");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(Shards, ExtraTensorsAndAnotherTotalSizeAreNoted) {
  ASSERT_EQ(open_with(R"({"a":"1.safetensors"})"), "(nothing was thrown)");
  const Checkpoint one = Checkpoint::open(folder_.path());
  ASSERT_EQ(one.tensors().size(), 1u);
  ASSERT_EQ(one.notes().size(), 1u);
  EXPECT_PRED2(contains, one.notes()[0], "total_size 2, the tensors have 1");

  std::string two = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                    R"("z":{"dtype":"U8","shape":[1],"data_offsets":[1,2],"x":1}})";
  folder_.put("1.safetensors", raw_file(two, 2));
  const std::vector<std::string> notes = Checkpoint::open(folder_.path()).notes();
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_PRED2(contains, notes[0], "1 unknown fields of tensors were ignored ('x')");
  EXPECT_PRED2(contains, notes[1], "1 tensors of the shards are left out");
  EXPECT_PRED2(contains, notes[2], "total_size");
}

TEST(Attacks, A22_LinksToFilesAreFollowedOtherThingsRefused) {
  const TemporaryFolder folder;
  const fs::path blob = folder.put("blob", raw_file(entry("U8", "[1]", "[0,1]"), 1));
  const fs::path link = folder.path() / "model.safetensors";
  fs::create_symlink(blob, link);
  EXPECT_EQ(Checkpoint::open(folder.path()).tensors().size(), 1u);

  fs::remove(link);
  fs::create_symlink(link, link);
  EXPECT_PRED2(contains, refusal(folder.path()), "model.safetensors: ");
  fs::remove(link);
  ASSERT_EQ(mkfifo(link.c_str(), 0600), 0);
  EXPECT_PRED2(contains, refusal(folder.path()), "expected a regular file");
  fs::remove(link);
  fs::create_symlink("/dev/zero", link);
  EXPECT_PRED2(contains, refusal(folder.path()), "expected a regular file");
  fs::remove(link);
  fs::create_directory(link);
  EXPECT_PRED2(contains, refusal(folder.path()), "model.safetensors: ");
  EXPECT_PRED2(contains, refusal("/dev/zero"), "expected a regular file");
}

}  // namespace
}  // namespace stockpot
