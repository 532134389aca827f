#include "stockpot/train/epoch_report.h"

#include <limits>
#include <string>

#include "stockpot/base/error.h"

namespace stockpot {

Json EpochReport::to_json() const {
  return Json::object({{"epoch", epoch},
                       {"epochs", epochs},
                       {"step", step},
                       {"train_loss", train_loss},
                       {"train_accuracy", train_accuracy},
                       {"held_out_correct", held_out.correct},
                       {"held_out_total", held_out.total},
                       {"held_out_accuracy", held_out.value()},
                       {"held_out_loss", held_out_loss},
                       {"learning_rate", learning_rate},
                       {"seconds", seconds},
                       {"seconds_left", seconds_left},
                       {"images_per_second", images_per_second},
                       {"data_share", data_share}});
}

EpochReport EpochReport::from_json(const Json& json) {
  const auto need = [&](const char* key) -> const Json& {
    if (const Json* value = json.find(key)) return *value;
    throw FormatError(std::string("the report of an epoch has no '") + key + "'");
  };
  const auto number = [&](const char* key) {
    const Json& value = need(key);
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.as_number();
  };
  EpochReport report;
  report.epoch = static_cast<int>(need("epoch").as_integer());
  report.epochs = static_cast<int>(need("epochs").as_integer());
  if (const Json* step = json.find("step")) report.step = step->as_integer();
  report.train_loss = number("train_loss");
  report.train_accuracy = number("train_accuracy");
  report.held_out = {need("held_out_correct").as_integer(), need("held_out_total").as_integer()};
  report.held_out_loss = number("held_out_loss");
  report.learning_rate = number("learning_rate");
  report.seconds = number("seconds");
  report.seconds_left = number("seconds_left");
  report.images_per_second = number("images_per_second");
  // States of before it was measured have none.
  if (json.find("data_share") != nullptr) report.data_share = number("data_share");
  return report;
}

}  // namespace stockpot
