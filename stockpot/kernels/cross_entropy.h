// Cross entropy of softmax(logits) against a label, or against a label smoothed over all
// classes: target = (1 - smoothing) * one-hot + smoothing / classes.
#pragma once

#include <cstdint>

namespace stockpot {

// loss[r] of each row of logits (rows x classes), and, unless `gradient` is null,
// gradient = d loss[r] / d logits * weight; gradient may be logits. Labels are in
// 0..classes-1. weight 1 / rows gives the gradient of the mean.
void cross_entropy(std::int64_t rows, std::int64_t classes, const float* logits,
                   const std::int64_t* labels, float smoothing, float weight, float* loss,
                   float* gradient);

}  // namespace stockpot
