// The words that results.json and the tables use for kinds of rows and roles of sets.
#pragma once

#include <array>
#include <string_view>

#include "stockpot/report/run_report.h"

namespace stockpot {

struct KindWords {
  RowKind kind;
  std::string_view json, plural;
};
inline constexpr std::array<KindWords, 7> kKinds = {{
    {RowKind::zero_shot, "zero_shot", "zero-shot"},
    {RowKind::lp, "lp", "linear probes"},
    {RowKind::ft, "ft", "fine-tuning"},
    {RowKind::lpft, "lpft", "LP-FT"},
    {RowKind::search, "search", "search runs"},
    {RowKind::soup, "soup", "soups"},
    {RowKind::ensemble, "ensemble", "ensembles"},
}};

struct RoleWords {
  SetRole role;
  std::string_view json, shown;
};
inline constexpr std::array<RoleWords, 3> kRoles = {{
    {SetRole::held_out, "held_out", "held-out"},
    {SetRole::id_test, "id_test", "ID test"},
    {SetRole::ood, "ood", "OOD"},
}};

constexpr const KindWords& words(RowKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
constexpr const RoleWords& words(SetRole role) { return kRoles[static_cast<std::size_t>(role)]; }
static_assert(words(RowKind::ensemble).kind == RowKind::ensemble, "kKinds must be in enum order");
static_assert(words(SetRole::ood).role == SetRole::ood, "kRoles must be in enum order");

}  // namespace stockpot
