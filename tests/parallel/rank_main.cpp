// What a rank of the tests does; its first argument names it. Errors become the exit codes of
// the command line.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "ranks.h"
#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/random.h"
#include "stockpot/parallel/world.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

void expect(bool claim, const std::string& what) {
  if (!claim) throw std::logic_error("wrong: " + what);
}

// STOCKPOT_TEST_TIMEOUT is in seconds.
World join() {
  WorldOptions options;
  if (const char* seconds = std::getenv("STOCKPOT_TEST_TIMEOUT"))
    options.timeout = std::chrono::seconds(std::atoi(seconds));
  else
    options.timeout = std::chrono::seconds(30);
  return World::join(launch_variables(), options);
}

void ready() {
  if (const char* file = std::getenv("STOCKPOT_TEST_READY")) std::ofstream(file) << "ready\n";
}

// What `rank` brings: numbers of very different sizes, so that the order of a sum shows.
std::vector<float> numbers_of(int rank, std::int64_t count) {
  RandomStream random(7, Purpose::test, static_cast<std::uint64_t>(rank));
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& number : numbers)
    number = static_cast<float>(random.uniform(-1, 1)) * static_cast<float>(1 << random.below(20));
  return numbers;
}

at::Tensor tensor_of(const std::vector<float>& numbers) {
  const at::Tensor tensor = at::empty({static_cast<std::int64_t>(numbers.size())});
  std::copy(numbers.begin(), numbers.end(), tensor.data_ptr<float>());
  return tensor;
}

std::vector<float> floats(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel()};
}

void sum() {
  World world = join();
  // Shorter than the ranks, not a multiple of anything, and more than two buckets.
  for (const std::int64_t count : {std::int64_t{1}, std::int64_t{1001}, std::int64_t{2500001}}) {
    std::vector<float> wanted = numbers_of(0, count);
    for (int rank = 1; rank < world.size(); ++rank) {
      const std::vector<float> more = numbers_of(rank, count);
      for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] += more[i];
    }
    const at::Tensor ordered = tensor_of(numbers_of(world.rank(), count));
    world.all_reduce(ordered, SumOrder::rank);
    expect(floats(ordered) == wanted, "the sum in rank order");

    const at::Tensor fast = tensor_of(numbers_of(world.rank(), count));
    world.all_reduce(fast);
    const std::vector<float> sums = floats(fast);
    for (std::size_t i = 0; i < sums.size(); ++i)
      expect(std::abs(sums[i] - wanted[i]) <= 0.5F, "the fast sum");
    world.agree("fast sum", sha256(std::as_bytes(std::span(sums))));
  }
}

void talk() {
  World world = join();
  const std::string mine = "I am " + std::string(static_cast<std::size_t>(world.rank()), 'r');
  const std::vector<std::string> texts = world.gather(mine);
  expect(static_cast<int>(texts.size()) == world.size(), "as many texts as ranks");
  for (int rank = 0; rank < world.size(); ++rank)
    expect(texts[static_cast<std::size_t>(rank)] ==
               "I am " + std::string(static_cast<std::size_t>(rank), 'r'),
           "the texts");
  expect(world.gather("") == std::vector<std::string>(texts.size()), "empty texts");
  expect(!world.any(false), "none");
  expect(world.any(world.rank() == world.size() - 1), "one of them");
  expect(world.highest(-world.rank()) == 0, "the highest number");
  world.barrier();
  world.agree("recipe", "abc");
  const at::Tensor numbers = tensor_of(numbers_of(world.rank(), 1000));
  world.broadcast(numbers);
  expect(floats(numbers) == numbers_of(0, 1000), "rank 0's numbers");
  int runs = 0;
  world.on_root([&] { ++runs; });
  expect(runs == (world.root() ? 1 : 0), "on rank 0 only");
  std::cout << "rank " << world.rank() << " of " << world.size() << "\n";
}

void disagree(const std::string& mine) {
  World world = join();
  world.agree("recipe", mine.empty() ? "hash " + std::to_string(world.rank()) : mine);
}

void fail_on_root() {
  World world = join();
  world.on_root([] { throw WriteError("model.safetensors", "write", ENOSPC); });
}

void fail_on_one() {
  World world = join();
  world.on_all([&] {
    if (world.rank() == 1) throw FormatError("photos/a.png", "truncated");
  });
}

// Steps until somebody is lost. STOCKPOT_TEST_STEPS bounds them.
void step() {
  World world = join();
  const char* bound = std::getenv("STOCKPOT_TEST_STEPS");
  const at::Tensor numbers = tensor_of(numbers_of(world.rank(), 1000000));
  const auto start = Clock::now();
  for (int i = 0; !bound || i < std::atoi(bound); ++i) {
    world.all_reduce(numbers);
    numbers.zero_();
    world.any(false);
    if (i == 2) ready();
    expect(Clock::now() - start < std::chrono::seconds(60), "it ends by itself");
  }
}

// Rank 1 leaves with an error of its own in the first attempt.
void leave() {
  World world = join();
  world.barrier();
  if (world.rank() == 1) {
    world.leave("the pictures are gone");
    throw FormatError("rank 1 stops");
  }
  world.barrier();
}

// Dies in the first attempts of a launcher that starts again.
void die_at_first() {
  const LaunchVariables variables = launch_variables();
  World world = join();
  world.barrier();
  if (variables.restart_count == 0 && world.rank() == 1) std::abort();
  world.barrier();
  world.agree("attempt", std::to_string(variables.restart_count));
  if (world.root()) std::cout << "ended in attempt " << variables.restart_count << "\n";
}

// Rank 1 does not come; the others wait for it.
void miss() {
  if (launch_variables().rank == 1) return;
  join();
}

// The best of several, in milliseconds: other programs may be busy.
template <typename Call>
double best_time(World& world, const Call& call) {
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    world.barrier();
    const auto start = Clock::now();
    call();
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  return best;
}

// Not a test: `launch -n 2 -- test_parallel --rank measure`.
void measure() {
  World world = join();
  const at::Tensor numbers = tensor_of(std::vector<float>(5000000));
  const double fast = best_time(world, [&] { world.all_reduce(numbers); });
  const double ordered = best_time(world, [&] { world.all_reduce(numbers, SumOrder::rank); });
  const double flag = best_time(world, [&] { world.any(false); });
  if (world.root())
    std::cout << world.size() << " ranks, 5 million floats: all_reduce " << fast
              << " ms, in rank order " << ordered << " ms; any " << flag << " ms\n";
}

void run(const std::vector<std::string>& scenario) {
  const std::string& name = scenario.at(0);
  if (name == "sum") return sum();
  if (name == "talk") return talk();
  if (name == "disagree") return disagree(scenario.size() > 1 ? scenario[1] : "");
  if (name == "fail_on_root") return fail_on_root();
  if (name == "fail_on_one") return fail_on_one();
  if (name == "step") return step();
  if (name == "leave") return leave();
  if (name == "die_at_first") return die_at_first();
  if (name == "miss") return miss();
  if (name == "measure") return measure();
  throw std::logic_error("no scenario " + name);
}

}  // namespace

int rank_main(const std::vector<std::string>& scenario) {
  const auto say = [](const std::exception& error, int code) {
    std::cout << error.what() << std::endl;
    return code;
  };
  try {
    run(scenario);
    return 0;
  } catch (const UsageError& error) {
    return say(error, 2);
  } catch (const FormatError& error) {
    return say(error, 3);
  } catch (const RunError& error) {
    return say(error, 4);
  } catch (const WriteError& error) {
    return say(error, 74);
  } catch (const std::exception& error) {
    return say(error, 1);
  }
}

}  // namespace stockpot
