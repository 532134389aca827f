#include "stockpot/model/runtime.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

TEST(ParseDevice, KnowsTheCpu) { EXPECT_TRUE(parse_device("cpu").is_cpu()); }

TEST(ParseDevice, NamesTheDevicesThatThereAre) {
  for (const char* text : {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1 ", "cuda:999999999999",
                           "cuda:512", "CPU"}) {
    try {
      parse_device(text);
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("this machine has cpu"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Runtime, DescribesLibTorch) {
  EXPECT_TRUE(torch_version().starts_with("1.") || torch_version().starts_with("2."));
  EXPECT_FALSE(blas_description().empty());
  EXPECT_EQ(blas_is_slow(), blas_description().starts_with("reference BLAS"));
  RecordProperty("torch", torch_version());
  RecordProperty("blas", blas_description());
}

TEST(Runtime, SetsTheThreads) {
  const int before = at::get_num_threads();
  set_torch_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_torch_threads(before);
}

}  // namespace
}  // namespace stockpot
