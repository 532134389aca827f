#include "stockpot/train/divergence.h"

#include <cmath>

#include "stockpot/base/text.h"

namespace stockpot {

std::string Divergence::message() const {
  std::string images;
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < batch.size() && i < kShown; ++i)
    images += (i > 0 ? ", " : "") + printable(batch[i]);
  if (batch.size() > kShown) images += " ...";
  return "epoch " + std::to_string(epoch) + ", step " + std::to_string(step) + " of " +
         std::to_string(steps) + ": " +
         (std::isfinite(loss)
              ? "the gradient is not finite (the loss is " + significant(loss, 4) + ")"
              : std::string("the loss is not finite")) +
         " at learning rate " + shortest(learning_rate) + ", in the batch of " +
         std::to_string(batch.size()) + " images " + images + "; " + advice;
}

Json Divergence::to_json() const {
  Json ids = Json::array();
  for (const std::string& id : batch) ids.push(id);
  const auto number = [](double value) {
    return std::isfinite(value) ? Json(value) : Json(shortest(value));
  };
  return Json::object({{"schema_version", 1},
                       {"epoch", epoch},
                       {"step", step},
                       {"steps", steps},
                       {"learning_rate", learning_rate},
                       {"loss", number(loss)},
                       {"gradient_norm", number(gradient_norm)},
                       {"batch", std::move(ids)},
                       {"advice", advice}});
}

}  // namespace stockpot
