// The tables of the sections that are plain maps.
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

constexpr double kDay = 86400;

Json path_schema() { return Json::object({{"type", "string"}}); }

// The section's keys, or nothing at all.
Json optional_section(const Keys& keys) { return schema_any_of({schema_null(), schema_of(keys)}); }

// Methods of any name are variants.
Json methods_schema() {
  Json schema = schema_of(methods_keys());
  schema.set("additionalProperties", schema_reference("method"));
  return schema;
}

}  // namespace

const Keys& root_keys() {
  static const Keys keys = {
      other_key(
          "version",
          [] {
            return Json::object({{"const", 1}});
          },
          "of this format"),
      other_key("base", path_schema, "a recipe below this one: its keys count unless named here"),
      text_key("title", "the report's heading"),
      other_key(
          "model",
          [] {
            return schema_any_of({path_schema(), schema_of(model_keys())});
          },
          "the pretrained model"),
      other_key(
          "data", [] { return schema_of(data_keys()); }, "what is trained and tested on"),
      other_key("methods", methods_schema, "what to run"),
      other_key(
          "train", [] { return settings_schema(); }, "settings of all fine-tuning"),
      other_key(
          "search", [] { return optional_section(search_keys()); },
          "the runs that soups are made of"),
      other_key(
          "soup", [] { return optional_section(soup_keys()); }, "how soups are made"),
      boolean_key("diagnose", "how far features moved, in the report; where there is LP-FT"),
      other_key(
          "run", [] { return optional_section(run_keys()); }, "seeds and machine"),
      other_key(
          "checkpoint", [] { return optional_section(checkpoint_keys()); },
          "what interrupted training continues from"),
      other_key(
          "on_failure", [] { return optional_section(on_failure_keys()); }, "of a training run"),
      other_key(
          "heartbeat", [] { return optional_section(heartbeat_keys()); },
          "by which workers know each other to be alive"),
  };
  return keys;
}

const Keys& model_keys() {
  static const Keys keys = {path_key("from", "folder of the pretrained model")};
  return keys;
}

const Keys& soup_keys() {
  static const Keys keys = {
      word_key("accept", {"ties", "strict"},
               "a model enters the greedy soup when it does no harm (the paper), or only when it "
               "helps (its code)"),
      boolean_key("include_init", "the linear probe is a candidate, too"),
  };
  return keys;
}

const Keys& run_keys() {
  static const Keys keys = {
      integer_key("seed", 0, 9.3e18, "of training"),
      integer_key("seeds", 1, 1000, "FT and LP-FT are repeated with seed, seed+1, ..."),
      text_key("device", "cpu, cuda or cuda:N"),
      integer_key("threads", 0, 4096, "0: the machine's cores"),
      boolean_key("bf16", "bf16 autocast (CUDA only)"),
      integer_key("jobs", 1, 1024, "runs at a time"),
      text_key("feature_cache", "folder of the linear probe's features; default: in the run's"),
  };
  return keys;
}

const Keys& checkpoint_keys() {
  static const Keys keys = {
      duration_key("every", 1, 30 * kDay, "time between checkpoints"),
      integer_key("keep", 1, 100, "the last ones are kept"),
  };
  return keys;
}

const Keys& on_failure_keys() {
  static const Keys keys = {integer_key("retries", 0, 100, "before a run is given up")};
  return keys;
}

const Keys& heartbeat_keys() {
  static const Keys keys = {
      duration_key("every", 1, kDay, "time between signs of life"),
      duration_key("stale_after", 2, 7 * kDay, "silence after which a run may be taken over"),
  };
  return keys;
}

}  // namespace stockpot
