// Evaluators written as shell scripts, and a model for them to look at.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "../base/temporary_folder.h"
#include "stockpot/evaluator/external.h"

namespace stockpot {

class Evaluating : public ::testing::Test {
 protected:
  Evaluating() {
    options.folder = here / "evaluations";
    options.retries = 0;
    options.grace = 0.5;
    model = {
        "soup 3 with model_4", "xxh3-128:0123", {}, folder_.put("model.safetensors", "weights")};
  }

  // An evaluator that runs these lines; $1 is the result file.
  void script(const std::string& lines) {
    options.command = {"sh", folder_.put("eval.sh", lines).native(), "{result_json}"};
  }
  ExternalScore run() { return ExternalEvaluator(options).score(model); }
  std::string failure() { return run().failure; }

  static std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  }

  TemporaryFolder folder_;
  const std::filesystem::path here = folder_.path();
  EvaluatorOptions options;
  EvaluatedModel model;
};

}  // namespace stockpot
