// Compiled with -mavx2 (cmake/Rooms.cmake). Includes nothing of the standard library but C
// headers: an inline function of a common header compiled here could end up in the program and
// fail on older processors.
#define STOCKPOT_XXH3_FORM avx2
#include "stockpot/checkpoint/xxh3_form.h"
