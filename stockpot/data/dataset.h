// A labelled set of images in memory: decoded once, kept as 8-bit RGB within a budget.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/data/image.h"
#include "stockpot/data/spec.h"
#include "stockpot/data/transform.h"

namespace stockpot {

struct LoadOptions {
  // The model's class names: labels are indices into them. Samples of other classes are an error,
  // but for names like LABEL_0, as many as they. Empty: those found, in byte order of their names.
  std::vector<std::string> classes;
  // Decoded bytes to keep; samples beyond it are kept encoded and decoded at each use.
  std::uint64_t memory_budget = std::uint64_t{4} << 30;
};

class ImageDataset {
 public:
  // Scans and decodes on all threads. Rows are in byte order of the class names and, within
  // a class, of the ids; several sources follow one another within a class.
  // Throws FormatError or UsageError: nothing found, an empty class folder, two samples of one
  // id, an unreadable image (unless skipped; the first in row order), an unknown class (naming
  // the nearest), a class map for a class that is not there, a split that no row has, or a
  // single class when the classes are to be found.
  static ImageDataset load(const DataSpec& spec, const LoadOptions& options);

  std::int64_t size() const;
  const std::vector<std::string>& classes() const;
  const std::vector<std::string>& groups() const;
  std::int64_t label(std::int64_t index) const;
  std::int64_t group(std::int64_t index) const;     // index into groups()
  const std::string& id(std::int64_t index) const;  // "noto/animals-nature/ant.png"
  // The decoded picture; shared, not copied, when it is within the budget.
  std::shared_ptr<const Image> image(std::int64_t index) const;
  // prepare(image, preprocessing), kept for the next call while the budget that the decoded
  // pictures left has room. Safe to call from several threads.
  std::shared_ptr<const Image> view(std::int64_t index, const Preprocessing& preprocessing) const;
  // Equal for equal pictures: hashes the size and the pixels, not the file.
  std::uint64_t content_hash(std::int64_t index) const;
  // SHA-256 of class names and, of all rows in their order, content and label: what numbers about
  // these pictures depend on. Found once; safe to call from several threads.
  const std::string& examples_hash() const;
  std::int64_t skipped() const;  // unreadable images left out
  // Throws UsageError when two rows are copies of one picture: as it is and corrupted, or corrupted
  // in two ways.
  void require_different_pictures() const;

  // The rows at these indices, sharing the pixels.
  ImageDataset subset(std::span<const std::int64_t> indices) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

// How many rows of `test` show a picture that `train` has too, pixel for pixel: a leak.
std::int64_t shared_images(const ImageDataset& train, const ImageDataset& test);

// Splits off a held-out part: round(fraction * n) rows of every class (at least one where a
// class has two or more, and never all of a class), chosen by (seed, Purpose::split). Returns
// {rest, held out}, both in the order of `set`. Throws UsageError unless 0 < fraction < 1, some
// class has two rows and no two rows are copies of one picture.
std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_indices(
    const ImageDataset& set, double fraction, std::uint64_t seed);

// The set that every choice is made on: learning rate, epoch, penalty, soup members. Its own
// type, so that a test set cannot be passed where a choice is made.
struct HeldOut {
  ImageDataset set;
};

// A set that is only ever reported on. OOD sets never select anything.
struct TestSet {
  std::string name;
  bool ood = false;
  ImageDataset set;
};

}  // namespace stockpot
