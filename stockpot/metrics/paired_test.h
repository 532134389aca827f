// Two models on the same rows: is one of them better, or is it luck?
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "stockpot/metrics/pictures.h"
#include "stockpot/metrics/right_rows.h"

namespace stockpot {

struct PairedTest {
  std::int64_t only_first = 0, only_second = 0;  // rows that one of them gets right
  double p = 1;                                  // exact, two-sided
  std::int64_t pictures = 0;                     // that the test is over; 0: over rows
};

// Of independent rows: mcnemar(). Where rows are copies of one picture (Pictures::copies), pictures
// are what is independent, and the test is sign_flip_test() of each picture's sum over its rows of
// (first right - second right); with one row a picture that is mcnemar().
PairedTest paired_test(const RightRows& first, const RightRows& second,
                       const Pictures& pictures = {});

// The exact two-sided randomization test of paired differences (Fisher 1935, section 21): the share
// of the 2^n ways to choose signs, all as likely when neither model is better, in which the
// absolute sum is as large as it is here or larger. Signs are flipped for a whole picture, within
// which nothing needs to be independent (whole-block sign flips: Winkler et al. 2015). Counted by
// the shift algorithm (Streitberg and Roehmel 1986) in O(n * sum of |differences|), or less far
// from the middle. Below 1e-290 it is 0. {2, 1, -1} -> 0.75; no differences -> 1.
double sign_flip_test(std::span<const std::int64_t> differences);

// "exact McNemar test", "exact permutation test over 468 pictures".
std::string name_of(const PairedTest& test);

}  // namespace stockpot
