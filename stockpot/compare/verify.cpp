#include "stockpot/compare/verify.h"

#include <algorithm>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/architecture.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/compare/verify_manifest.h"
#include "stockpot/merge/finite.h"
#include "stockpot/pickle/zip.h"

namespace stockpot {
namespace {

void add(VerifyReport& report, Severity severity, const char* check, std::string text,
         std::vector<std::string> tensors = {}) {
  report.findings.push_back({severity, check, std::move(text), "", {}, std::move(tensors)});
}

void read_everything(const Checkpoint& model, VerifyReport& report, Progress& progress) {
  std::vector<HashedTensor> hashed;
  std::vector<std::string> names, shown;
  std::uint64_t done = 0;
  for (const TensorView& tensor : model.tensors()) {
    hashed.push_back(hash_tensor(tensor));
    const std::int64_t bad = count_not_finite(tensor);
    done += tensor.bytes.size();
    progress.status("read " + human_bytes(done) + " of " + human_bytes(report.bytes));
    if (bad == 0) continue;
    names.push_back(tensor.name);
    if (shown.size() < 3)
      shown.push_back(in_quotes(tensor.name) + " (" + grouped(bad) + " of " +
                      grouped(element_count(tensor.shape)) + ")");
  }
  report.hash = model_hash(std::move(hashed));
  if (names.empty()) return add(report, Severity::note, "finite", "every value is finite");
  std::string text = "values are NaN or Inf in " + join(shown, ", ");
  if (names.size() > shown.size())
    text += " and " + std::to_string(names.size() - shown.size()) + " more tensors";
  add(report, Severity::failure, "finite", std::move(text), std::move(names));
}

void check_structure(const Checkpoint& model, VerifyReport& report) {
  const bool sharded = model.files().size() > 1;
  add(report, Severity::note, "structure",
      grouped(report.tensors) + " tensors, " + human_bytes(report.bytes) +
          (sharded ? ", in " + std::to_string(model.files().size()) + " shards as the index says"
                   : ""));
  for (const std::string& note : model.notes())
    add(report, Severity::warning, "structure", printable(note));
}

// Only for a folder whose config.json names an architecture that is known.
void check_architecture(const Checkpoint& model, VerifyReport& report) {
  std::error_code ignored;
  if (!fs::is_directory(model.path(), ignored) ||
      !fs::exists(model.path() / "config.json", ignored))
    return;
  std::optional<ModelFolder> folder;
  try {
    folder = ModelFolder::open(model.path());
  } catch (const FormatError& error) {
    return add(report, Severity::note, "config",
               std::string("not compared with the tensors: ") + error.what());
  }
  try {
    check_tensors(model.tensors(), *folder, static_cast<std::int64_t>(folder->labels.size()),
                  model.path());
    add(report, Severity::note, "config",
        "the tensors are those of config.json: " +
            printable(describe_architecture(folder->architecture)));
  } catch (const FormatError& error) {
    add(report, Severity::failure, "config", error.what());
  }
}

bool is_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte('P') && bytes[1] == std::byte('K');
}

void check_checksums(const Checkpoint& model, VerifyReport& report, Progress& progress) {
  std::int64_t records = 0;
  bool any = false, failed = false;
  for (const fs::path& file : model.files()) {
    const MappedFile map(file);
    if (!is_zip(map.bytes())) continue;
    any = true;
    progress.status("checksums of " + printable(file.filename().native()));
    try {
      const ZipArchive archive = parse_zip(map.bytes(), file);
      for (const ZipEntry& entry : archive.entries()) {
        if (entry.compressed) continue;  // source texts of TorchScript, which nobody here reads
        release_pages(archive.checked_bytes(entry));
        ++records;
      }
    } catch (const FormatError& error) {
      failed = true;
      add(report, Severity::failure, "checksums", error.what());
    }
  }
  if (any && !failed)
    add(report, Severity::note, "checksums", grouped(records) + " records have their CRC-32");
}

}  // namespace

bool VerifyReport::whole() const {
  return std::ranges::none_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::failure; });
}

VerifyReport verify(const fs::path& path, const VerifyOptions& options, Progress& progress) {
  VerifyReport report;
  report.path = checkpoint_of(path);
  const Checkpoint model = Checkpoint::open(report.path);
  report.tensors = static_cast<std::int64_t>(model.tensors().size());
  report.bytes = model.bytes();
  check_structure(model, report);
  check_architecture(model, report);
  read_everything(model, report, progress);
  check_checksums(model, report, progress);
  check_manifest(options, report, progress);
  for (const fs::path& file : model.files()) {
    VerifiedFile entry{file, fs::file_size(file), ""};
    if (options.sha256) {
      progress.status("SHA-256 of " + printable(file.filename().native()));
      entry.sha256 = sha256_of_file(file);
    }
    report.files.push_back(std::move(entry));
  }
  return report;
}

}  // namespace stockpot
