// The tests, or, started by them as "--rank SCENARIO", one rank of a World.
#include <gtest/gtest.h>

#include "tests/parallel/ranks.h"

int main(int argc, char** argv) {
  if (argc > 2 && std::string(argv[1]) == "--rank")
    return stockpot::rank_main(std::vector<std::string>(argv + 2, argv + argc));
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
