#include "stockpot/kernels/gemm.h"

#include <algorithm>

#include "support.h"

namespace stockpot {
namespace {

using namespace test;

struct Size {
  std::int64_t m, n, k;
};

Floats product(const Size& s, const MatrixView& a, const MatrixView& b, std::int64_t rows_a_time,
               const Start& start, Floats c) {
  Floats packed(static_cast<std::size_t>(s.k * packed_columns(s.n)));
  pack(s.k, s.n, b, packed.data());
  for (std::int64_t i = 0; i < s.m; i += rows_a_time)
    multiply(std::min(rows_a_time, s.m - i), s.n, s.k, {a.data + i * a.row, a.row, a.column},
             packed.data(), c.data() + i * s.n, s.n, start);
  return c;
}

TEST(Gemm, EqualsSumsInDoubleForAnySizeAndOrientation) {
  for (const Size& s :
       {Size{1, 1, 1}, Size{65, 65, 32}, Size{7, 17, 300}, Size{13, 100, 513}, Size{9, 48, 256}})
    for (const bool turn_a : {false, true})
      for (const bool turn_b : {false, true}) {
        const Floats x = random_floats(s.m * s.k, 1), y = random_floats(s.k * s.n, 2);
        const Floats bias = random_floats(s.n, 3), before = random_floats(s.m * s.n, 4);
        const MatrixView a = turn_a ? MatrixView{x.data(), 1, s.m} : MatrixView{x.data(), s.k, 1};
        const MatrixView b = turn_b ? MatrixView{y.data(), 1, s.k} : MatrixView{y.data(), s.n, 1};
        Doubles expected(before.begin(), before.end());
        for (std::int64_t i = 0; i < s.m; ++i)
          for (std::int64_t j = 0; j < s.n; ++j) {
            double& sum = expected[static_cast<std::size_t>(i * s.n + j)];
            sum += bias[static_cast<std::size_t>(j)];
            for (std::int64_t p = 0; p < s.k; ++p)
              sum += static_cast<double>(a.data[i * a.row + p * a.column]) *
                     b.data[p * b.row + j * b.column];
          }
        expect_near(product(s, a, b, s.m, {bias.data(), true}, before), expected, 3e-5);
      }
}

TEST(Gemm, InFloat64EqualsSums) {
  for (const Size& s : {Size{1, 1, 1}, Size{7, 17, 300}, Size{13, 100, 513}}) {
    const Floats x = random_floats(s.m * s.k, 1), y = random_floats(s.k * s.n, 2);
    const Doubles a(x.begin(), x.end()), b(y.begin(), y.end());
    Doubles packed(static_cast<std::size_t>(s.k * packed_columns<double>(s.n)));
    Doubles c(static_cast<std::size_t>(s.m * s.n));
    pack(s.k, s.n, {b.data(), s.n, 1}, packed.data());
    multiply(s.m, s.n, s.k, {a.data(), s.k, 1}, packed.data(), c.data(), s.n);
    for (std::int64_t i = 0; i < s.m; ++i)
      for (std::int64_t j = 0; j < s.n; ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < s.k; ++p)
          sum +=
              a[static_cast<std::size_t>(i * s.k + p)] * b[static_cast<std::size_t>(p * s.n + j)];
        ASSERT_NEAR(c[static_cast<std::size_t>(i * s.n + j)], sum, 1e-12) << i << " " << j;
      }
  }
}

TEST(Gemm, HasTheSameBitsHoweverTheRowsAreSplit) {
  const Size s{65, 50, 300};
  const Floats x = random_floats(s.m * s.k, 1), y = random_floats(s.k * s.n, 2);
  const MatrixView a{x.data(), s.k, 1}, b{y.data(), s.n, 1};
  const Floats whole = product(s, a, b, s.m, {}, Floats(65 * 50));
  for (const std::int64_t rows : {1, 7, 33})
    EXPECT_EQ(product(s, a, b, rows, {}, Floats(65 * 50)), whole) << rows;
}

TEST(Gemm, IgnoresWhatTheResultHeldUnlessItAccumulates) {
  const Size s{3, 5, 2};
  const Floats x = random_floats(6, 1), y = random_floats(10, 2);
  const MatrixView a{x.data(), 2, 1}, b{y.data(), 5, 1};
  EXPECT_EQ(product(s, a, b, 3, {}, Floats(15, NAN)), product(s, a, b, 3, {}, Floats(15)));
}

}  // namespace
}  // namespace stockpot
