#include "stockpot/landscape/words.h"

#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/compare/finding.h"

namespace stockpot::landscape {

std::string percent_text(double share) {
  return std::isfinite(share) ? fixed(100 * share, 2) : "-";
}

std::string points_text(double share) {
  if (!std::isfinite(share)) return "-";
  return (share < 0 ? "" : "+") + fixed(100 * share, 2);
}

std::string number_text(double value) { return std::isfinite(value) ? fixed(value, 3) : "-"; }

std::string degrees_text(double degrees) {
  return std::isfinite(degrees) ? fixed(degrees, 1) : "-";
}

std::vector<std::string> model_names(std::vector<std::filesystem::path> paths) {
  for (std::filesystem::path& path : paths) {
    path = path.lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "model/"
    if (path.filename() == "model" && path.parent_path().has_filename()) path = path.parent_path();
  }
  return short_names(paths);
}

}  // namespace stockpot::landscape
