// What `stockpot soup learned` was asked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/write_commands.h"

namespace stockpot::cli {

struct LearnedArgs {
  std::vector<std::filesystem::path> models;
  std::filesystem::path output;
  OutputFlags written;

  fs::path recipe;                           // its held-out set; or:
  std::vector<std::string> held_out, train;  // sources; train only to look for overlap
  std::string rows = "global", form = "softmax", learner = "adamw";
  bool no_temperature = false;
  std::optional<double> learning_rate;
  std::int64_t epochs = 5, batch = 256, iterations = 30;
  std::uint64_t seed = 0;
  double save_every = 20;

  std::string start = "uniform";              // greedy, ensemble
  std::filesystem::path greedy;               // a folder of `soup greedy`
  std::vector<std::filesystem::path> chosen;  // or its ingredients
  std::filesystem::path logits;               // a folder of `eval --logits`

  std::string batchnorm = "mixed", keep = "auto", mapped = "0";
};

}  // namespace stockpot::cli
