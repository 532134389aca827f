// convert and lora as users run them.
#include <gtest/gtest.h>

#include "program.h"
#include "stockpot/base/json.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

std::string fixture_path(const std::string& name) {
  return std::string(STOCKPOT_SOURCE_DIR) + "/tests/fixtures/" + name;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Convert, AFileBecomesAFileAndExistingOnesAreNotOverwritten) {
  const TemporaryFolder folder;
  const std::string in = fixture_path("checkpoint/written/every_dtype.pt");
  const Outcome first = stockpot(folder.path(), {"convert", in, "out.safetensors"});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_PRED2(has, first.out, "out.safetensors: 26 tensors");
  EXPECT_PRED2(has, first.err, "2 tied tensors are written in full");
  const Outcome again = stockpot(folder.path(), {"convert", in, "out.safetensors"});
  EXPECT_EQ(again.code, 2);
  EXPECT_PRED2(has, again.err, "out.safetensors exists already; --overwrite replaces it");
  EXPECT_EQ(stockpot(folder.path(), {"convert", in, "out.safetensors", "--overwrite"}).code, 0);
}

TEST(Convert, AFolderTakesItsCompanionsAlongInShards) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "in");
  fs::copy_file(fixture_path("merge/lora/base.safetensors"),
                folder.path() / "in/model.safetensors");
  folder.put("in/config.json", "{\"x\":  1}");
  folder.put("in/optimizer.pt", "no");
  const Outcome done = stockpot(
      folder.path(), {"convert", "in", "out", "--shard-size", "200", "--dtype", "f16", "--json"});
  ASSERT_EQ(done.code, 0) << done.err;
  const Json json = Json::parse(done.out, "stdout");
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  EXPECT_GT(json.find("files")->items().size(), 2u);
  EXPECT_EQ(json.find("left_out")->items().at(0).as_string(), "optimizer.pt (training state)");
  EXPECT_EQ(slurp(folder.path() / "out/config.json"), "{\"x\":  1}");
  EXPECT_TRUE(fs::exists(folder.path() / "out/model.safetensors.index.json"));
  EXPECT_FALSE(fs::exists(folder.path() / "out/optimizer.pt"));
  const Outcome back = stockpot(folder.path(), {"convert", "out", "one.pt"});
  EXPECT_EQ(back.code, 0) << back.err;
}

TEST(Convert, ADryRunWritesNothing) {
  const TemporaryFolder folder;
  const Outcome plan = stockpot(
      folder.path(), {"convert", fixture_path("merge/lora/base.safetensors"), "o.pt", "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_PRED2(has, plan.out, "write  o.pt: pt");
  EXPECT_EQ(folder.count(), 0u);
}

TEST(Convert, VerifyMakesTheOutputAgainFromItsManifest) {
  const TemporaryFolder folder;
  const std::string in = fixture_path("checkpoint/written/every_dtype.pt");
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"out.safetensors"},
        {"out.pt", "--dtype", "bf16"},
        {"folder", "--shard-size", "200", "--dtype", "f64"}}) {
    std::vector<std::string> arguments{"convert", in};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome made = stockpot(folder.path(), arguments);
    ASSERT_EQ(made.code, 0) << made.err;
    const Outcome verified = stockpot(folder.path(), {"verify", flags[0], "--json"});
    EXPECT_PRED2(has, verified.out, "the output is the one that was written");
    EXPECT_PRED2(has, verified.out, "every_dtype.pt is unchanged");
    EXPECT_PRED2(has, verified.out, "made again from its inputs: the same, bit for bit");
  }
  const Json manifest = Json::read(folder.path() / "out.pt.manifest.json");
  const Json& input = manifest.find("inputs")->items().at(0);
  EXPECT_EQ(input.find("role")->as_string(), "source");
  EXPECT_EQ(input.find("path")->as_string(), in);
  EXPECT_EQ(manifest.find("method")->find("options")->find("dtype")->as_string(), "bf16");
  EXPECT_NE(input.find("hash")->as_string(), manifest.find("output")->find("hash")->as_string());
  EXPECT_TRUE(fs::exists(folder.path() / "folder/stockpot.json"));
}

TEST(Convert, VerifyTellsWhenTheInputOfAConversionWasChanged) {
  const TemporaryFolder folder;
  const std::string base = fixture_path("merge/lora/base.safetensors");
  fs::copy_file(base, folder.path() / "in.safetensors");
  ASSERT_EQ(stockpot(folder.path(), {"convert", "in.safetensors", "out.pt"}).code, 0);
  fs::copy_file(fixture_path("merge/lora/merged_a.safetensors"), folder.path() / "in.safetensors",
                fs::copy_options::overwrite_existing);
  const Outcome verified = stockpot(folder.path(), {"verify", "out.pt", "--json"});
  EXPECT_EQ(verified.code, 3);
  EXPECT_PRED2(has, verified.out, "in.safetensors was changed");
}

TEST(Convert, BadRequestsAreUsageErrors) {
  const TemporaryFolder folder;
  const std::string in = fixture_path("merge/lora/base.safetensors");
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{"o.pt", "--format", "safetensors"},
        {"o.pt", "--shard-size", "1GB"},
        {"o", "--shard-size", "many"}}) {
    std::vector<std::string> arguments{"convert", in};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(stockpot(folder.path(), arguments).code, 2) << flags[1];
  }
  EXPECT_EQ(folder.count(), 0u);
}

TEST(LoraCommand, MergesAndAveragesAdapters) {
  const TemporaryFolder folder;
  const std::string base = fixture_path("merge/lora/base.safetensors");
  const std::string a = fixture_path("merge/lora/a"), b = fixture_path("merge/lora/b");
  const Outcome merged = stockpot(folder.path(), {"lora", "merge", base, a, "-o", "m.safetensors"});
  EXPECT_EQ(merged.code, 0) << merged.err;
  EXPECT_PRED2(has, merged.err, "3 tensors changed, 2 tensors replaced");
  const Outcome verified = stockpot(folder.path(), {"verify", "m.safetensors"});
  EXPECT_EQ(verified.code, 0) << verified.out;
  EXPECT_NE(verified.out.find("the output is the one that was written"), std::string::npos);
  const Outcome soup = stockpot(folder.path(), {"lora", "soup", a, b, "-o", "soup", "--rank", "2"});
  EXPECT_EQ(soup.code, 0) << soup.err;
  EXPECT_PRED2(has, soup.out, "largest relative error");
  EXPECT_TRUE(fs::exists(folder.path() / "soup/adapter_config.json"));
  EXPECT_TRUE(fs::exists(folder.path() / "soup/adapter_model.safetensors"));
  EXPECT_EQ(stockpot(folder.path(), {"lora", "merge", base, "soup", "-o", "n.pt"}).code, 0);
  EXPECT_EQ(stockpot(folder.path(),
                     {"lora", "merge", base, fixture_path("merge/lora/dora"), "-o", "d.pt"})
                .code,
            3);
  EXPECT_EQ(stockpot(folder.path(), {"lora", "soup", a, b, "-o", "x", "--weights", "1"}).code, 2);
}

}  // namespace
}  // namespace stockpot
