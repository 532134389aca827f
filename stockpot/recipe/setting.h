// The rows of the table of settings. Private to the room.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/recipe/keys.h"
#include "stockpot/recipe/settings.h"

namespace stockpot {

// One setting, or one member of a setting that may be written as a map.
struct Setting {
  Key key;
  std::function<Json(const TrainSettings&)> get;
  // Throws UsageError "should be ..., found ...".
  std::function<void(TrainSettings&, const Json&)> set;
  bool since_first = false;  // known since version 0.1: see TrainSettings::all

  // The form as a map, where there is one: `clear` forgets the setting, then every member is
  // set.
  std::vector<Setting> members = {};
  std::function<void(TrainSettings&)> clear = {};
  bool one_member = false;  // the members exclude each other
};

const std::vector<Setting>& settings_table();
// The row called `name`; nullptr where there is none.
const Setting* find_setting(const std::vector<Setting>& table, const std::string& name);
std::vector<std::string> names_of(const std::vector<Setting>& table);
// Throws UsageError when a map with `count` members breaks `one_member`.
void check_member_count(const Setting& setting, std::size_t count);

// The rows about pictures, in their own file.
Setting augment_setting();
Setting randaugment_setting();

// Checks of a value against a row's range and words; each throws UsageError.
double number_in(const Json& value, const Key& key);
std::int64_t integer_in(const Json& value, const Key& key);
std::string word_among(const Json& value, const std::vector<std::string>& words);
bool boolean_of(const Json& value);
// A list of numbers, or one number.
std::vector<double> numbers_in(const Json& value, double low, double high);

// A field of TrainSettings, or a field of a field.
template <class Field>
auto at(Field TrainSettings::*field) {
  return [=](auto& settings) -> auto& { return settings.*field; };
}
template <class Part, class Field>
auto at(Part TrainSettings::*part, Field Part::*field) {
  return [=](auto& settings) -> auto& { return settings.*part.*field; };
}

// A row whose value is one field, read by `read`.
template <class Field, class Read>
Setting field_setting(Key key, Field field, Read read) {
  Setting setting;
  setting.get = [field](const TrainSettings& s) { return Json(field(s)); };
  setting.set = [field, read](TrainSettings& s, const Json& value) { field(s) = read(value); };
  setting.key = std::move(key);
  return setting;
}

template <class Field>
Setting real_setting(const Key& key, Field field) {
  return field_setting(key, field, [key](const Json& value) { return number_in(value, key); });
}
template <class Field>
Setting whole_setting(const Key& key, Field field) {
  return field_setting(key, field, [key](const Json& value) { return integer_in(value, key); });
}
template <class Field>
Setting word_setting(const Key& key, Field field) {
  return field_setting(key, field,
                       [key](const Json& value) { return word_among(value, key.words); });
}
template <class Field>
Setting switch_setting(const Key& key, Field field) {
  return field_setting(key, field, boolean_of);
}

}  // namespace stockpot
