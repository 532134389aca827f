// The page and the document of verify.h.
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/compare/finding_text.h"
#include "stockpot/compare/verify.h"

namespace stockpot {

Json to_json(const VerifyReport& report) {
  Json files = Json::array(), findings = Json::array();
  for (const VerifiedFile& file : report.files)
    files.push(Json::object({{"path", file.path.native()},
                             {"bytes", file.bytes},
                             {"sha256", file.sha256.empty() ? Json() : Json(file.sha256)}}));
  for (const Finding& finding : report.findings) findings.push(to_json(finding));
  return Json::object({
      {"schema_version", 1},
      {"path", report.path.native()},
      {"whole", report.whole()},
      {"tensors", report.tensors},
      {"bytes", report.bytes},
      {"hash", report.hash},
      {"findings", std::move(findings)},
      {"files", std::move(files)},
  });
}

std::string verify_text(const VerifyReport& report, std::size_t width) {
  std::string text =
      printable(report.path.native()) + (report.whole() ? ": whole\n\n" : ": NOT whole\n\n");
  for (const Finding& finding : report.findings)
    text += finding_line(finding.severity == Severity::note ? "ok" : word_of(finding.severity),
                         finding.check + ": " + finding.text, width);
  text += finding_line("hash", report.hash, width);
  for (const VerifiedFile& file : report.files)
    if (!file.sha256.empty())
      text += "  " + file.sha256 + "  " + printable(file.path.filename().native()) + "\n";
  return text;
}

}  // namespace stockpot
