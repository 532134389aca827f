#include "stockpot/checkpoint/xxh3.h"

#define STOCKPOT_XXH3_FORM baseline
#include "stockpot/checkpoint/xxh3_form.h"

namespace stockpot::xxh3 {

const Functions& functions() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  return has_avx2 ? avx2 : baseline;
#else
  return baseline;
#endif
}

}  // namespace stockpot::xxh3
