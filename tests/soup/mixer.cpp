#include "stockpot/soup/mixer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "../base/message_of.h"
#include "checkpoints.h"
#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/merge/average.h"

namespace stockpot {
namespace {

using Bytes = std::vector<std::vector<std::byte>>;

SoupRequest soup(std::vector<std::size_t> members) {
  SoupRequest request;
  request.soup = std::move(members);
  return request;
}
SoupRequest with(std::vector<std::size_t> members, std::size_t added) {
  SoupRequest request = soup(std::move(members));
  request.added = added;
  return request;
}
SoupRequest without(std::vector<std::size_t> members, std::size_t removed) {
  SoupRequest request = soup(std::move(members));
  request.removed = removed;
  return request;
}

Bytes bytes_of(SoupMixer& mixer, const SoupRequest& request) {
  SoupMixer::Mix mix;
  Bytes bytes;
  for (OwnedTensor& tensor : mixer.mixed(request, mix)) bytes.push_back(std::move(tensor.bytes));
  return bytes;
}

class Quiet : public Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

// What `average` makes of these files.
Bytes averaged(const SmallModels& files, const std::vector<int>& which,
               std::string* hash = nullptr) {
  std::vector<Checkpoint> models;
  for (const int i : which) models.push_back(Checkpoint::open(files.file(i)));
  const MergePlan plan = plan_soup(models, Container::safetensors);
  Bytes bytes;
  for (const PlannedTensor& tensor : plan.tensors)
    bytes.emplace_back(stockpot::bytes_of(tensor.output));
  Quiet quiet;
  const auto method = average_method();
  const MergeOutcome outcome = run_merge(
      plan, *method,
      [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> piece) {
        std::ranges::copy(piece, bytes[tensor].begin() + static_cast<std::ptrdiff_t>(first));
      },
      {}, quiet);
  if (hash != nullptr) *hash = outcome.output_hash;
  return bytes;
}

class Mixing : public ::testing::Test {
 protected:
  SmallModels files{5};
  std::vector<Checkpoint> models = files.open(5);
  MergePlan plan = plan_soup(models, Container::safetensors);
  SoupMixer mixer{plan};
};

TEST_F(Mixing, MakesTheBytesThatAverageMakes) {
  EXPECT_EQ(bytes_of(mixer, with({2, 0}, 4)), averaged(files, {0, 2, 4}));
  EXPECT_EQ(bytes_of(mixer, with({}, 3)), averaged(files, {3}));
  EXPECT_EQ(bytes_of(mixer, without({0, 1, 2, 3, 4}, 2)), averaged(files, {0, 1, 3, 4}));
  EXPECT_EQ(bytes_of(mixer, soup({1, 3})), averaged(files, {1, 3}));
}

TEST_F(Mixing, TellsTheContentHashOfWhatItMade) {
  std::string hash;
  averaged(files, {1, 2}, &hash);
  EXPECT_EQ(mixer.mix(with({1}, 2), [](auto&&...) {}).hash, hash);
  EXPECT_EQ(mixer.mix(with({}, 2), [](auto&&...) {}).hash, content_hash(models[2]));
}

TEST_F(Mixing, GoesForthAndBackBitForBit) {
  const Bytes two = bytes_of(mixer, with({0}, 1)), four = bytes_of(mixer, with({0, 1, 2}, 3));
  EXPECT_EQ(bytes_of(mixer, soup({0, 1})), two);  // 2 was taken out again
  EXPECT_EQ(bytes_of(mixer, without({0, 1, 4}, 4)), two);
  EXPECT_EQ(bytes_of(mixer, soup({3, 2, 1, 0})), four);
  EXPECT_EQ(bytes_of(mixer, with({0}, 1)), two);
}

TEST_F(Mixing, DoesNotDependOnThreads) {
  const int before = threads();
  set_threads(1);
  const Bytes one = bytes_of(mixer, with({0, 1}, 2));
  const auto alone = mixer.mix(with({0, 1}, 2), [](auto&&...) {});
  set_threads(7);
  EXPECT_EQ(bytes_of(mixer, with({0, 1}, 2)), one);
  const auto many = mixer.mix(with({0, 1}, 2), [](auto&&...) {});
  set_threads(before);
  EXPECT_EQ(alone.hash, many.hash);
  EXPECT_EQ(alone.geometry->distance, many.geometry->distance);
  EXPECT_EQ(alone.geometry->cosine, many.geometry->cosine);
}

TEST_F(Mixing, ReadsACandidateOnceAndWhatIsKeptOnceMore) {
  for (std::size_t candidate = 1; candidate < 5; ++candidate)
    mixer.mix(with({0}, candidate), [](auto&&...) {});
  EXPECT_EQ(mixer.reads(), 1 + 4);
  mixer.mix(with({0, 4}, 2), [](auto&&...) {});
  EXPECT_EQ(mixer.reads(), 1 + 4 + 2);
}

TEST_F(Mixing, TakesTheLargestCounterOfTheMembersOnly) {
  const auto counter = [&](const SoupRequest& request) {
    SoupMixer::Mix mix;
    for (const OwnedTensor& tensor : mixer.mixed(request, mix))
      if (tensor.name == "bn.num_batches_tracked") return static_cast<int>(tensor.bytes[0]);
    return -1;
  };
  EXPECT_EQ(counter(with({0}, 2)), 3);
  EXPECT_EQ(counter(without({0, 2, 4}, 4)), 3);
  EXPECT_EQ(counter(soup({1, 0})), 2);
}

TEST(Mixer, TellsDistanceAndAngle) {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& name, std::vector<float> values) {
    const OwnedTensor tensor = make_tensor("w", Dtype::f32, {2}, values);
    const std::vector<TensorView> views{tensor.view()};
    write_safetensors(folder.path() / name, views);
    return Checkpoint::open(folder.path() / name);
  };
  std::vector<Checkpoint> models;
  models.push_back(write("a", {1, 5}));
  models.push_back(write("b", {5, 1}));
  const Checkpoint base = write("base", {1, 1});
  const MergePlan plan = plan_soup(models, Container::safetensors);
  const auto seen_from_zero = *SoupMixer(plan).mix(with({0}, 1), [](auto&&...) {}).geometry;
  EXPECT_NEAR(seen_from_zero.distance, std::sqrt(32.0), 1e-12);
  EXPECT_NEAR(seen_from_zero.relative, std::sqrt(32.0 / 26), 1e-12);
  EXPECT_NEAR(seen_from_zero.cosine, 10.0 / 26, 1e-12);
  const auto seen_from_base = *SoupMixer(plan, &base).mix(with({0}, 1), [](auto&&...) {}).geometry;
  EXPECT_NEAR(seen_from_base.angle(), 90, 1e-6);
  EXPECT_NEAR(seen_from_base.relative, std::sqrt(2.0), 1e-12);
  // What is taken out is compared with what is left.
  const auto removed = *SoupMixer(plan, &base).mix(without({0, 1}, 1), [](auto&&...) {}).geometry;
  EXPECT_EQ(removed.distance, seen_from_base.distance);
  EXPECT_FALSE(SoupMixer(plan).mix(with({}, 1), [](auto&&...) {}).geometry);
}

TEST(Mixer, RefusesModelsThatDoNotFitBeforeAnyWork) {
  const SmallModels files(2);
  const auto write = [&](const std::string& name, Shape shape) {
    const auto count = static_cast<std::size_t>(element_count(shape));
    const OwnedTensor tensor =
        make_tensor("head.weight", Dtype::f32, std::move(shape), std::vector<float>(count));
    const std::vector<TensorView> views{tensor.view()};
    write_safetensors(files.folder().path() / name, views);
    return Checkpoint::open(files.folder().path() / name);
  };
  std::vector<Checkpoint> models;
  models.push_back(write("ten.safetensors", {10, 4}));
  models.push_back(write("eleven.safetensors", {11, 4}));
  EXPECT_NE(message_of<FormatError>([&] {
              plan_soup(models, Container::safetensors);
            }).find("tensor 'head.weight' is F32 [11, 4], in "),
            std::string::npos);
  models.back() = Checkpoint::open(files.file(0));
  EXPECT_NE(message_of<FormatError>([&] {
              plan_soup(models, Container::safetensors);
            }).find(" is missing"),
            std::string::npos);
}

TEST(Mixer, F02_NamesTheModelAndTensorWithNan) {
  const TemporaryFolder folder;
  std::vector<Checkpoint> models;
  for (const float value : {1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    const OwnedTensor tensor = make_tensor("w", Dtype::f32, {2}, std::vector<float>{0, value});
    const std::vector<TensorView> views{tensor.view()};
    const auto path = folder.path() / ("m" + std::to_string(models.size()));
    write_safetensors(path, views);
    models.push_back(Checkpoint::open(path));
  }
  const MergePlan plan = plan_soup(models, Container::safetensors);
  SoupMixer mixer(plan);
  EXPECT_EQ(message_of<FormatError>([&] { mixer.mix(with({0}, 1), [](auto&&...) {}); }),
            (folder.path() / "m1").native() + ": tensor 'w' holds values that are NaN or Inf");
}

}  // namespace
}  // namespace stockpot
