#include "stockpot/compare/verify.h"

#include <gtest/gtest.h>

#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/checkpoint/content_hash.h"
#include "tests/compare/trained.h"

namespace stockpot {
namespace {

VerifyReport check(const fs::path& path, VerifyOptions options = {}) {
  Silent silent;
  return verify(path, options, silent);
}

TEST(Verify, FindsAWholeFileWholeAndHashesIt) {
  const Kitchen kitchen;
  const fs::path file = kitchen.write("a", scratch(1));
  const VerifyReport report = check(file, {.sha256 = true});
  EXPECT_TRUE(report.whole());
  EXPECT_EQ(report.hash, content_hash(Checkpoint::open(file)));
  EXPECT_EQ(report.files[0].sha256, sha256(read_file(file)));
}

TEST(Verify, F02_NamesTensorsWithValuesThatAreNotFinite) {
  const Kitchen kitchen;
  Tensors tensors = scratch(1);
  tensors[3] = make_tensor("norm.weight", Dtype::f16, {2},
                           std::vector<float>{1, std::numeric_limits<float>::infinity()});
  const VerifyReport report = check(kitchen.write("a", tensors));
  EXPECT_FALSE(report.whole());
  EXPECT_PRED2(contains, verify_text(report, 100),
               "finite: values are NaN or Inf in 'norm.weight' (1 of 2)");
}

TEST(Verify, ComparesTheOutputAndTheInputsWithTheManifest) {
  const Kitchen kitchen;
  const fs::path input = kitchen.write("in", scratch(1)), output = kitchen.write("out", scratch(2));
  const fs::path manifest = output.native() + ".manifest.json";
  const Json entry =
      Json::object({{"path", input.native()}, {"hash", content_hash(Checkpoint::open(input))}});
  const Json good =
      Json::object({{"schema_version", 1},
                    {"inputs", Json(Json::Array{entry})},
                    {"output", Json::object({{"hash", content_hash(Checkpoint::open(output))}})}});
  write_file(manifest, good.dump());
  EXPECT_TRUE(check(manifest).whole()) << verify_text(check(manifest), 100);
  kitchen.write("in", scratch(3));
  EXPECT_PRED2(contains, verify_text(check(output), 1000), "was changed: its hash is");
  kitchen.write("out", scratch(3));
  EXPECT_PRED2(contains, verify_text(check(output), 1000), "the output was changed");
}

TEST(Verify, MakesTheOutputAgainAndTakesTheHashesOfTheInputsFromThere) {
  const Kitchen kitchen;
  const fs::path input = kitchen.write("in", scratch(1)), output = kitchen.write("out", scratch(2));
  const std::string hash = content_hash(Checkpoint::open(output));
  const Json entry = Json::object({{"path", input.native()}, {"hash", "known"}});
  Json manifest = Json::object({{"schema_version", 1},
                                {"command", Json(Json::Array{"average"})},
                                {"inputs", Json(Json::Array{entry})},
                                {"output", Json::object({{"hash", hash}})}});
  const fs::path file = output.native() + ".manifest.json";
  write_file(file, manifest.dump());
  VerifyOptions options;
  MadeAgain again{hash, {{input.native(), "known"}}};
  options.make_again = [&](const Json&, const fs::path&, Progress&) { return again; };
  const std::string good = verify_text(check(output, options), 1000);
  EXPECT_PRED2(contains, good, "in.safetensors is unchanged");
  EXPECT_PRED2(contains, good, "made again from its inputs: the same, bit for bit");
  again.output = "other";
  const VerifyReport report = check(output, options);
  EXPECT_FALSE(report.whole());
  EXPECT_PRED2(contains, verify_text(report, 1000),
               "made again from its inputs, its hash is other");
  options.make_again = [&](const Json&, const fs::path&, Progress&) -> MadeAgain {
    throw FormatError(input, "has gone bad");
  };
  EXPECT_PRED2(contains, verify_text(check(output, options), 1000), "cannot be made again: ");
  // Then the input is read for its hash, which is another one.
  EXPECT_PRED2(contains, verify_text(check(output, options), 1000),
               "was changed: its hash is xxh3");
}

}  // namespace
}  // namespace stockpot
