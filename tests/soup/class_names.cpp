#include "stockpot/soup/class_names.h"

#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "../base/temporary_folder.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

class Classes : public ::testing::Test {
 protected:
  fs::path model(const std::string& name, const std::string& config) {
    fs::create_directories(folder.path() / name);
    if (!config.empty()) folder.put(name + "/config.json", config);
    return folder.path() / name;
  }
  std::string message(const std::vector<fs::path>& models) {
    return message_of<FormatError>([&] { require_same_classes(models); });
  }
  TemporaryFolder folder;
};

TEST_F(Classes, ThatAreTheSamePass) {
  const fs::path a = model("a", R"({"id2label": {"0": "cat", "1": "dog"}})");
  const fs::path b = model("b", R"({"id2label": {"1": "dog", "0": "cat"}})");
  const fs::path c = model("c", R"({"label_names": ["cat", "dog"]})");
  const fs::path d = model("d", R"({"pretrained_cfg": {"label_names": ["cat", "dog"]}})");
  require_same_classes({a, b, c, d, model("none", ""), model("other", R"({"x": 1})")});
}

TEST_F(Classes, F05_InAnotherOrderAreRefused) {
  const fs::path a = model("a", R"({"id2label": {"0": "cat", "1": "dog", "2": "cow"}})");
  const fs::path b = model("b", R"({"id2label": {"0": "cat", "1": "cow", "2": "dog"}})");
  EXPECT_EQ(message({model("none", ""), a, b}),
            b.native() + ": class 1 is 'cow', in " + a.native() +
                " it is 'dog': the same classes in another order, which their mean would mix up");
}

TEST_F(Classes, F05_ThatAreOthersAreRefused) {
  const fs::path a = model("a", R"({"id2label": {"0": "cat", "1": "dog"}})");
  const fs::path b = model("b", R"({"id2label": {"0": "cat"}})");
  EXPECT_EQ(message({a, b}), b.native() + ": has 1 classes, " + a.native() + " has 2");
  const fs::path c = model("c", R"({"id2label": {"0": "cat", "1": "\u001b[31m"}})");
  EXPECT_EQ(message({a, c}),
            c.native() + ": class 1 is '\\x1b[31m', in " + a.native() + " it is 'dog'");
}

TEST_F(Classes, OfSingleFilesAreNotKnown) {
  const fs::path a = model("a", R"({"id2label": {"0": "cat"}})");
  require_same_classes({a, folder.put("a/x.safetensors", "")});
}

}  // namespace
}  // namespace stockpot
