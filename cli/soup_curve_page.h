// Accuracy against the number of models: as JSON, as a table, as a page.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/pipeline/number_of_models.h"

namespace stockpot::cli {

struct SoupCurveStudy {
  std::vector<std::string> models;  // paths
  struct Set {
    std::string name;
    SetRole role = SetRole::ood;
  };
  std::vector<Set> sets;
  std::vector<std::size_t> sizes;  // from small to large
  std::size_t repeats = 0;
  std::uint64_t seed = 0;
  std::vector<SubsetSoup> soups;
};

Json to_json(const SoupCurveStudy& study);
std::string soup_curve_text(const SoupCurveStudy& study, std::size_t width);
std::string soup_curve_page(const SoupCurveStudy& study);

}  // namespace stockpot::cli
