#include "stockpot/pipeline/data_sets.h"

#include <chrono>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

ImageDataset load_named(const std::string& name, const DataSpec& spec,
                        const std::vector<std::string>& classes, const Recipe& recipe) {
  LoadOptions options;
  options.classes = classes;
  options.memory_budget = recipe.data_memory;
  try {
    return ImageDataset::load(spec, options);
  } catch (const UsageError& error) {
    throw UsageError(name + ": " + error.what());
  } catch (const FormatError& error) {
    throw FormatError(name + ": " + error.what());
  }
}

void note_skipped(const std::string& name, const ImageDataset& set,
                  std::vector<std::string>& notes) {
  if (set.skipped() > 0)
    notes.push_back(name + ": " + std::to_string(set.skipped()) + " unreadable pictures left out");
}

// The training and the held-out set; the part that is split off as ID test set, if any.
std::optional<ImageDataset> load_training_sets(const Recipe& recipe, DataSets& data,
                                               Progress& progress) {
  progress.status("reading the training set");
  data.train = load_named("data.train", recipe.train, {}, recipe);
  const std::vector<std::string> classes = data.train.classes();
  if (classes.size() < 2)
    throw UsageError("data.train has one class only ('" + printable(classes.front()) +
                     "'): a classifier needs two or more");
  // Parts are split off one after the other: the ID test set first, then the held-out set.
  const auto split_off = [&](const SplitOff& split) {
    const auto [rest, part] = split_indices(data.train, split.fraction, split.seed);
    const ImageDataset taken = data.train.subset(part);
    data.train = data.train.subset(rest);
    return taken;
  };
  std::optional<ImageDataset> id_part;
  if (recipe.id_test_split.fraction > 0) id_part = split_off(recipe.id_test_split);
  if (recipe.held_out)
    data.held_out.set = load_named("data.val", *recipe.held_out, classes, recipe);
  else
    data.held_out.set = split_off(recipe.held_out_split);
  note_skipped("data.train", data.train, data.notes);
  note_skipped("data.val", data.held_out.set, data.notes);
  if (data.held_out.set.size() == 0) throw UsageError("data.val holds no pictures");
  return id_part;
}

void load_test_sets(const Recipe& recipe, const std::optional<ImageDataset>& id_part,
                    DataSets& data, Progress& progress) {
  const auto add_test = [&](const std::string& name, bool ood, const DataSpec& spec) {
    progress.status("reading " + name);
    const std::string key = ood ? "data.test.ood." + name : "data.test.id";
    data.tests.push_back({name, ood, load_named(key, spec, data.train.classes(), recipe)});
    note_skipped(key, data.tests.back().set, data.notes);
    if (const std::int64_t shared = shared_images(data.train, data.tests.back().set); shared > 0)
      data.notes.push_back(name + ": " + std::to_string(shared) + " of " +
                           std::to_string(data.tests.back().set.size()) +
                           " pictures are also in the training set");
    if (const std::int64_t shared = shared_images(data.tests.back().set, data.held_out.set);
        shared > 0 && !recipe.held_out_is_ood)
      data.notes.push_back(
          "val: " + std::to_string(shared) + " of " + std::to_string(data.held_out.set.size()) +
          " pictures are also in " + name +
          (ood ? ", an OOD set: choices have seen them" : ": choices have seen them"));
  };
  if (id_part) data.tests.push_back({"id", false, *id_part});
  if (recipe.id_test) add_test("id", false, *recipe.id_test);
  for (const auto& [name, spec] : recipe.ood) add_test(name, true, spec);
  if (const std::int64_t shared = shared_images(data.train, data.held_out.set); shared > 0)
    data.notes.push_back("val: " + std::to_string(shared) + " of " +
                         std::to_string(data.held_out.set.size()) +
                         " pictures are also in the training set");
}

std::string pictures_of(const DataSets& data) {
  return "data: " + grouped(data.train.size()) + " training and " +
         grouped(data.held_out.set.size()) + " held-out pictures of " +
         std::to_string(data.train.classes().size()) + " classes";
}

}  // namespace

std::int64_t DataSets::test_rows() const {
  std::int64_t rows = 0;
  for (const TestSet& test : tests) rows += test.set.size();
  return rows;
}

DataSets load_data(const Recipe& recipe, Progress& progress) {
  const auto start = std::chrono::steady_clock::now();
  DataSets data;
  const std::optional<ImageDataset> id_part = load_training_sets(recipe, data, progress);
  load_test_sets(recipe, id_part, data, progress);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  progress.say(pictures_of(data) + ", " + std::to_string(data.tests.size()) + " test sets with " +
               grouped(data.test_rows()) + " (read in " + fixed(seconds, 1) + " s)");
  for (const std::string& note : data.notes) progress.say("note: " + note);
  return data;
}

DataSets load_training_data(const Recipe& recipe, Progress& progress) {
  DataSets data;
  load_training_sets(recipe, data, progress);
  progress.say(pictures_of(data));
  return data;
}

}  // namespace stockpot
