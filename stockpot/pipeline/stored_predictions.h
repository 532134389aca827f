// Logits on disk, and whether they are those that somebody is about to take them for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stockpot/base/file.h"
#include "stockpot/data/dataset.h"
#include "stockpot/metrics/predictions.h"

namespace stockpot {

// What a store does not say of itself, as older versions and other programs write them: a reason
// not to take it, or none.
enum class Unsaid : std::uint8_t { refused, accepted };

// Why `found` are not logits of the rows, classes, labels and groups of `wanted`, nor of its
// pictures, model and arithmetic where `wanted` names them: "holds logits of another model (...,
// expected ...)", to be read behind the name of their file; "" when they are. `wanted` needs no
// logits.
std::string difference(const Predictions& found, const Predictions& wanted,
                       Unsaid unsaid = Unsaid::refused);

// What a logits store holds, when it is there and without a difference. Else nothing, and `why`
// says so when it is given. Throws FormatError for a file that is no logits store.
std::optional<Predictions> stored_predictions(const fs::path& file, const Predictions& wanted,
                                              std::string* why = nullptr);

// The same for any model's on the very pictures, labels and groups of this set.
std::optional<Predictions> stored_predictions(const fs::path& file, const ImageDataset& set);

// Writes it, and the folder around it. Throws WriteError.
void store_predictions(const fs::path& file, const Predictions& predictions);

}  // namespace stockpot
