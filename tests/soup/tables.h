// Evaluators that look scores up: for searches without models.
#pragma once

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "../base/shared_folder.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/soup/search.h"

namespace stockpot {

// The paper's 72 models: held-out counts alone, and of the soups that its greedy walk asked for.
struct PaperTable {
  std::vector<std::string> names;                           // model_0 .. model_71
  std::map<std::vector<std::size_t>, std::int64_t> counts;  // by sorted members, of 26,000

  static std::filesystem::path golden() { return shared_folder() / "spec" / "golden"; }
  static bool there() { return std::filesystem::exists(golden() / "greedy_trace.json"); }

  PaperTable() {
    for (const std::string& line :
         split(read_file(golden() / "individual_model_results.jsonl"), '\n')) {
      if (trim(line).empty()) continue;
      const Json row = Json::parse(line, "individual_model_results.jsonl");
      counts[{names.size()}] = std::llround(row.find("ImageNet2p")->as_number() * 26000);
      names.push_back(row.find("model_name")->as_string());
    }
    const Json trace = Json::read(golden() / "greedy_trace.json");
    std::vector<std::size_t> soup{trace.find("start")->find("model")->as_unsigned()};
    for (const Json& step : trace.find("steps")->items()) {
      std::vector<std::size_t> with = soup;
      with.push_back(step.find("candidate")->as_unsigned());
      std::vector<std::size_t> key = with;
      std::sort(key.begin(), key.end());
      counts[key] = step.find("correct")->as_integer();
      if (step.find("accepted")->as_bool()) soup = with;
    }
  }

  Evaluation look_up(const SoupRequest& request) const {
    std::vector<std::size_t> key = request.members();
    std::sort(key.begin(), key.end());
    return Accuracy{counts.at(key), 26000};
  }
};

}  // namespace stockpot
