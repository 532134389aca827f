// Processes as ranks, the same as in tests/parallel.
#include "tests/parallel/ranks.cpp"
