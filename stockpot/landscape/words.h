// Numbers as the tables of this room write them; "-" stands for what is not known.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stockpot::landscape {

std::string percent_text(double share);    // "83.21"
std::string points_text(double share);     // "+1.25": hundredths of a share, with a sign
std::string number_text(double value);     // "0.732"
std::string degrees_text(double degrees);  // "56.4"

// Short names of models: the shortest ends of their paths that tell them apart, where the folder
// `model` of a run goes by the run's name.
std::vector<std::string> model_names(std::vector<std::filesystem::path> paths);

}  // namespace stockpot::landscape
