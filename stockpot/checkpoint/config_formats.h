// How the two libraries write a model folder: each fills a ModelFolder whose path and config
// are set. Throws FormatError naming the file and the key.
#pragma once

#include "stockpot/checkpoint/config_reader.h"
#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

inline constexpr std::string_view kConfigFile = "config.json";
// Where transformers keeps how images are prepared; version 5 also has the second one, with an
// object for each kind of input.
inline constexpr std::string_view kPreprocessorFile = "preprocessor_config.json";
inline constexpr std::string_view kProcessorFile = "processor_config.json";
inline constexpr std::int64_t kMostClasses = 1'000'000;

void read_transformers(ModelFolder& folder);
void read_timm(ModelFolder& folder);

// timm's name for a ResNet of these blocks; "" when it has none.
std::string resnet_name(bool bottleneck, const std::array<std::int64_t, 4>& depths);

// LABEL_0, LABEL_1, ...: the names that transformers gives to classes without names.
std::vector<std::string> numbered_labels(std::int64_t count);
// Whether these are such names, so that nothing is known of the classes but their order.
bool are_numbered(const std::vector<std::string>& labels);

}  // namespace stockpot
