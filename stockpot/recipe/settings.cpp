#include "stockpot/recipe/settings.h"

#include <algorithm>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/reader.h"
#include "stockpot/recipe/setting.h"

namespace stockpot {
namespace {

// Sets one row; a map goes to its members. `at_member` is called with the name of each
// member, so that a reader can say where it stands.
void set_row(const Setting& row, TrainSettings& settings, const Json& value) {
  if (!value.is_object() || row.members.empty()) {
    row.set(settings, value);
    return;
  }
  row.clear(settings);
  for (const auto& [name, part] : value.members()) {
    const Setting* member = find_setting(row.members, name);
    if (!member)
      throw UsageError("has an " + unknown_key(name, row.key.name, names_of(row.members)));
    try {
      member->set(settings, part);
    } catch (const UsageError& error) {
      throw UsageError(name + " " + error.what());
    }
  }
  check_member_count(row, value.members().size());
}

// The same for YAML: problems are reported where the members stand.
void read_row(const Setting& row, const YamlNode& node, const std::string& what,
              TrainSettings& settings, Problems& problems) {
  if (node.kind != YamlNode::Kind::map || row.members.empty()) {
    try {
      row.set(settings, json_value(node));
    } catch (const UsageError& error) {
      problems.add(node, what + ": " + row.key.name + " " + error.what());
    }
    return;
  }
  const std::string name = what + "." + row.key.name;
  check_keys(node, name, names_of(row.members), problems);
  row.clear(settings);
  for (const auto& [key, value] : node.members)
    if (const Setting* member = find_setting(row.members, key.text)) try {
        member->set(settings, json_value(value));
      } catch (const UsageError& error) {
        problems.add(value, name + "." + key.text + " " + error.what());
      }
  try {
    check_member_count(row, node.members.size());
  } catch (const UsageError& error) {
    problems.add(node, name + " " + error.what());
  }
}

std::string unknown_setting(const std::string& name) {
  const std::vector<std::string> known = names_of(settings_table());
  const std::string near = nearest(name, known);
  return "unknown setting '" + printable(name) + "'" +
         (near.empty() ? "; known settings: " + join(known, ", ")
                       : "; did you mean '" + near + "'?");
}

}  // namespace

const Setting* find_setting(const std::vector<Setting>& table, const std::string& name) {
  for (const Setting& setting : table)
    if (setting.key.name == name) return &setting;
  return nullptr;
}

std::vector<std::string> names_of(const std::vector<Setting>& table) {
  std::vector<std::string> names;
  for (const Setting& setting : table) names.push_back(setting.key.name);
  return names;
}

void check_member_count(const Setting& setting, std::size_t count) {
  if (setting.one_member && count != 1)
    throw UsageError("needs exactly one of " + join(names_of(setting.members), ", "));
}

void TrainSettings::set(const std::string& key, const Json& value) {
  const Setting* row = find_setting(settings_table(), key);
  if (!row) throw UsageError(unknown_setting(key));
  try {
    set_row(*row, *this, value);
  } catch (const UsageError& error) {
    throw UsageError(key + " " + error.what());
  }
}

std::vector<std::pair<std::string, Json>> every_setting(const TrainSettings& settings) {
  std::vector<std::pair<std::string, Json>> values;
  for (const Setting& setting : settings_table())
    values.emplace_back(setting.key.name, setting.get(settings));
  return values;
}

std::vector<std::pair<std::string, Json>> TrainSettings::all() const {
  static const TrainSettings defaults;
  std::vector<std::pair<std::string, Json>> values;
  for (const Setting& setting : settings_table()) {
    Json value = setting.get(*this);
    if (setting.since_first || !(value == setting.get(defaults)))
      values.emplace_back(setting.key.name, std::move(value));
  }
  return values;
}

std::vector<std::string> TrainSettings::conflicts() const {
  std::vector<std::string> found;
  if (schedule == "step" && milestones.empty())
    found.push_back("schedule step needs milestones, for instance milestones: [6, 9]");
  if (nesterov && ((optimizer != "sgd" && optimizer != "sam") || momentum == 0))
    found.push_back("nesterov needs optimizer sgd or sam with a momentum above 0");
  if (gradual_unfreeze > 0 && trained == "head")
    found.push_back("gradual_unfreeze has nothing to unfreeze with train: head");
  if (swad.on && swad.start > epochs)
    found.push_back("swad looks for a least loss of " + std::to_string(swad.start) +
                    " epochs in a run of " + std::to_string(epochs) + ": lower swad.start");
  if (augment.starts_with("rand") && randaugment.on)
    found.push_back("augment " + augment + " is RandAugment already: leave out randaugment");
  return found;
}

Augmentation TrainSettings::augmentation() const {
  Augmentation all = augment == "custom" ? custom_augmentation : augmentation_preset(augment);
  if (randaugment.on) {
    all.rand_operations = static_cast<int>(randaugment.operations);
    all.rand_magnitude = randaugment.magnitude;
    all.rand_std = randaugment.deviation;
    all.rand_max = randaugment.largest;
    all.rand_probability = randaugment.probability;
    all.rand_increasing = randaugment.increasing;
  }
  all.erase = erase;
  return all;
}

bool takes_map(const std::string& setting) {
  const Setting* row = find_setting(settings_table(), setting);
  return row && !row->members.empty();
}

void read_settings(const YamlNode& node, const std::string& what, TrainSettings& settings,
                   const std::vector<std::string>& except, Problems& problems) {
  if (node.kind != YamlNode::Kind::map) {
    problems.add(node, what + " should be a map, found " + std::string(node.kind_name()));
    return;
  }
  for (const auto& [key, value] : node.members) {
    if (std::ranges::find(except, key.text) != except.end()) continue;
    if (const Setting* row = find_setting(settings_table(), key.text))
      read_row(*row, value, what, settings, problems);
    else
      problems.add(value, what + ": " + unknown_setting(key.text));
  }
}

namespace {

Json member_schema(const Setting& setting) {
  Keys keys;
  for (const Setting& member : setting.members) keys.push_back(member.key);
  return schema_of(keys);
}

Json setting_schema(const Setting& setting) {
  Key bare = setting.key;
  bare.help.clear();
  Json schema = schema_of(bare);
  if (!setting.members.empty())
    schema =
        schema.is_null() ? member_schema(setting) : schema_any_of({schema, member_schema(setting)});
  schema.set("description", setting.key.help);
  schema.set("default", setting.get(TrainSettings{}));
  return schema;
}

}  // namespace

Json settings_definitions() {
  Json definitions = Json::object();
  for (const Setting& setting : settings_table())
    definitions.set(setting.key.name, setting_schema(setting));
  return definitions;
}

Json settings_properties() {
  Json properties = Json::object();
  for (const Setting& setting : settings_table())
    properties.set(setting.key.name, schema_reference("setting/" + setting.key.name));
  return properties;
}

Json settings_schema() {
  return Json::object(
      {{"type", "object"}, {"properties", settings_properties()}, {"additionalProperties", false}});
}

}  // namespace stockpot
