// scripts/ablation_tables.py on results.json as the program writes it.
#include <gtest/gtest.h>

#include <cstdio>

#include "../base/temporary_folder.h"
#include "sample.h"
#include "stockpot/base/file.h"
#include "stockpot/report/comparisons.h"

namespace stockpot {
namespace {

RunReport ablation(double more) {
  RunReport report = sample_of_three_seeds();
  for (ReportedModel& model : report.models) {
    if (model.kind == RowKind::ft) model.name = "FT (BN live)";
    if (model.kind == RowKind::lpft) model.name = "LP-FT (BN frozen)";
    // Equal scores would be a repetition, which the script counts once.
    model.scores["art"].accuracy.correct += static_cast<std::int64_t>(more);
  }
  report.comparisons = compare_methods(
      report, [](const ReportedModel&, const std::string&) { return std::nullopt; });
  // Two seeds; ID moved 2 and 4 times the typical distance, and 1.5 and 0.5 times as far as OOD.
  const auto seed = [](const std::string& spread, const std::string& ratio) {
    const auto moved = [&](const std::string& value) {
      return R"({"movement": [{"model": "FT", "to_first": 1, "cka": 0.5, "over_spread": )" + value +
             R"(, "id_ratio": )" + ratio + "}]}";
    };
    return R"({"models": [{"name": "LP", "role": "before"},
                          {"name": "FT", "role": "after", "head": {}}],
               "inputs": {"identity": {"model_sha256": ["00"]}},
               "sets": [)" +
           moved(spread) + ", " + moved("1") + "]}";
  };
  Json numbers = Json::parse(seed("2", "1.5"), "test");
  numbers.set("later_seeds", Json::parse("[" + seed("4", "0.5") + "]", "test"));
  report.mechanism = Mechanism{{}, {}, numbers};
  return report;
}

std::string output_of(const std::string& command, int& status) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
  status = pclose(pipe);
  return text;
}

TEST(AblationTables, AreMadeOfWhatTheProgramWrites) {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) {
    const fs::path run = folder.path() / ("shift" + std::to_string(i));
    fs::create_directories(run);
    write_file(run / "results.json", to_json(ablation(5 * i)).dump());
  }
  int status = 0;
  const std::string text =
      output_of("python3 '" STOCKPOT_SOURCE_DIR "/scripts/ablation_tables.py' '" +
                    folder.path().string() + "' 2>&1",
                status);
  EXPECT_EQ(status, 0) << text;
  for (const char* part :
       {"## Each model on its shifts", "| LP-FT (BN frozen) | 48.0 | 48.1 | 48.2 | 48.1 | 96.8 |",
        "## The runs", "| shift1 | FT | 3.00 | 1.00 | 1.00 | 1 of 2 | 1.00 | 0.50 | - |"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}

}  // namespace
}  // namespace stockpot
