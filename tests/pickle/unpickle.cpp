#include "stockpot/pickle/unpickle.h"

#include <gtest/gtest.h>

#include "tests/pickle/pickles.h"

namespace stockpot {
namespace {

// The value of a pickle with these opcodes, as describe() tells it.
std::string described(const std::string& opcodes) {
  const std::string pickle = pickled(opcodes);
  return unpickle(bytes_of(pickle), "p").root().describe();
}

TEST(Unpickle, ReadsNumbersAndTexts) {
  EXPECT_EQ(described("K\x07"), "7");
  EXPECT_EQ(described("J\xff\xff\xff\xff"), "-1");
  EXPECT_EQ(described("M\x01\x02"), "513");
  EXPECT_EQ(described("\x8a\x01\xff"), "-1");
  EXPECT_EQ(described("\x8a\x02\xff\x00"s), "255");
  EXPECT_EQ(described("\x8a\x00"s), "0");
  EXPECT_EQ(described("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"), "an int");
  EXPECT_EQ(described("I01\n"), "True");
  EXPECT_EQ(described("L-12L\n"), "-12");
  EXPECT_EQ(described("G\x3f\xe0\0\0\0\0\0\0"s), "0.5");
  EXPECT_EQ(described(text("h\x1b!")), "h\\x1b!");
  EXPECT_EQ(described("U\x02hi"), "hi");
  EXPECT_EQ(described("\x8c\x02hi"), "hi");
  EXPECT_EQ(described("C\x02hi"), "bytes");
  EXPECT_EQ(described("N"), "None");
}

TEST(Unpickle, ReadsContainersAndTheMemo) {
  const std::string pickle =
      pickled("}q\x00("s + text("a") + "]q\x01(K\x01K\x02" + "e" + text("b") + "h\x01" + text("c") +
              "K\x01K\x02\x86" + text("a") + "\x8f(K\x05\x90" + "u");
  const Pickle read = unpickle(bytes_of(pickle), "p");
  const PickleValue root = read.root();
  ASSERT_EQ(root.size(), 4u);
  EXPECT_EQ(root.find("b")->id(), root.value(0).id());  // one list, two names
  EXPECT_EQ(root.find("b")->item(1).integer(), 2);
  EXPECT_EQ(root.find("c")->size(), 2u);
  EXPECT_EQ(root.find("a")->kind(), PickleKind::set);  // the last of equal keys
  EXPECT_FALSE(root.find("d"));
  EXPECT_EQ(read.consumed(), pickle.size());
}

TEST(Unpickle, ReadsFramesAndMemoizeOfProtocol4) {
  const std::string body = "]\x94K\x01" + "a."s;
  const std::string pickle = "\x80\x04\x95" + le(body.size(), 8) + body;
  EXPECT_EQ(unpickle(bytes_of(pickle), "p").root().describe(), "a list of 1");
  EXPECT_PRED2(says, pickle_error("\x80\x04\x95" + le(100, 8) + body),
               "byte 2: FRAME: a frame of 100 bytes leads past the end of the pickle");
}

TEST(Unpickle, OrderedDictsBecomeDicts) {
  const std::string dict = global("collections", "OrderedDict");
  EXPECT_EQ(described(dict + ")R" + text("k") + "K\x01s}b"), "a dict of 1");
  EXPECT_EQ(described(dict + "]](K\x01K\x02" + "ea\x85R"), "a dict of 1");  // Python 2
  EXPECT_EQ(described(global("collections", "Counter") + "}" + text("k") + "K\x01s\x85R"),
            "a dict of 1");
}

TEST(Unpickle, SubclassesOfListAndDictStayInert) {
  const std::string pickle =
      pickled(global("box", "Box") + ")\x81" + text("k") + "K\x01s" + "K\x02" + "a" + "}b");
  const Pickle read = unpickle(bytes_of(pickle), "p");
  EXPECT_EQ(read.root().describe(), "a box.Box");
  EXPECT_EQ(read.root().find("k")->integer(), 1);
  EXPECT_EQ(read.globals(), std::vector<std::string>{"box.Box"});
}

TEST(Attacks, B02_OpcodesThatTorchDoesNotWriteAreTypedErrors) {
  const std::pair<const char*, std::string> cases[] = {{"INST", "(imodule\nname\n"},
                                                       {"OBJ", "(cos\nsystem\no"},
                                                       {"EXT1", "\x82\x01"},
                                                       {"EXT2", "\x83\x01\x01"},
                                                       {"EXT4", "\x84\x01\x01\x01\x01"},
                                                       {"PERSID", "Pabc\n"},
                                                       {"GET", "g0\n"},
                                                       {"NEXT_BUFFER", "\x97"},
                                                       {"READONLY_BUFFER", "\x98"},
                                                       {"STRING", "S'a'\n"},
                                                       {"DUP", "2"}};
  for (const auto& [name, opcodes] : cases)
    EXPECT_PRED2(says, pickle_error(pickled("N0" + opcodes)),
                 (name == std::string("INST") || name == std::string("OBJ") ? ""s : "byte 4: "s) +
                     name + ": an opcode that torch.save does not write; refused");
  EXPECT_PRED2(says, pickle_error(pickled("\xfe")),
               "p: byte 2: 0xfe: this byte is no opcode of a pickle");
}

TEST(Attacks, B02_GlobalsFromTheStackNeedTwoStrings) {
  EXPECT_EQ(described(text("os") + text("system") + "\x93"), "os.system");
  EXPECT_PRED2(says, pickle_error(pickled("K\x01" + text("system") + "\x93")),
               "STACK_GLOBAL: expected a str as name, found an int");
}

TEST(Attacks, B02_BuildAndReduceNeedTheirTypes) {
  EXPECT_PRED2(says, pickle_error(pickled("]}b")), "BUILD: expected an object, found a list");
  EXPECT_PRED2(says, pickle_error(pickled("}}b")), "BUILD: expected an object, found a dict");
  EXPECT_PRED2(says, pickle_error(pickled(global("torch", "Size") + ")R}b")),
               "BUILD: expected an object, found a torch.Size");
  EXPECT_PRED2(says, pickle_error(pickled("K\x01)R")),
               "REDUCE: expected a class or function, found an int");
  EXPECT_PRED2(says, pickle_error(pickled(global("a", "b") + "]R")),
               "REDUCE: expected a tuple of arguments, found a list");
  EXPECT_PRED2(says, pickle_error(pickled(text("a") + ")\x81")),
               "NEWOBJ: expected a class, found a str");
  EXPECT_PRED2(says, pickle_error(pickled(text("a") + "Q")),
               "BINPERSID: expected a tuple as persistent id, found a str");
}

std::string repeated(const std::string& part, std::size_t count) {
  std::string all;
  all.reserve(part.size() * count);
  for (std::size_t i = 0; i < count; ++i) all += part;
  return all;
}

TEST(Attacks, B03_DeepNestingAndMarkFloodsAreRefused) {
  constexpr std::size_t kMany = 3'000'000;
  EXPECT_PRED2(says, pickle_error(pickled(")" + repeated("\x85", kMany))),
               "byte 1003: TUPLE1: values are nested deeper than 1000");
  EXPECT_PRED2(says, pickle_error(pickled(repeated("]", kMany) + repeated("a", kMany - 1))),
               "EMPTY_LIST: more than a million values on the stack");
  EXPECT_PRED2(says, pickle_error(pickled(repeated("]", 2000) + repeated("a", 1999))),
               "APPEND: values are nested deeper than 1000");
  EXPECT_PRED2(says, pickle_error(pickled(repeated("}N", 2000) + "N" + repeated("s", 2000))),
               "SETITEM: values are nested deeper than 1000");
  EXPECT_PRED2(says, pickle_error(pickled(repeated("(", kMany))),
               "MARK: more than 10,000 open marks");
}

TEST(Attacks, B03_FloodsOfSmallValuesEndAtTheMemoryLimit) {
  // A list that takes 20 million lists.
  EXPECT_PRED2(says, pickle_error(pickled("]" + repeated("]a", 20'000'000))),
               "the values of the pickle take more than 160 MB");
}

TEST(Attacks, B04_SharedValuesAreAcceptedAsShared) {
  std::string laughs = "K\x01";
  for (char level = 0; level < 30; ++level)
    laughs += "q"s + level + "0(" + repeated("h"s + level, 10) + "t";
  const std::string pickle = pickled(laughs);
  const Pickle read = unpickle(bytes_of(pickle), "p");
  EXPECT_EQ(read.root().size(), 10u);
  EXPECT_EQ(read.root().item(0).id(), read.root().item(9).id());
}

TEST(Attacks, B05_AListMayHoldItself) {
  const std::string pickle = pickled("]q\x00h\x00"s + "a");
  const Pickle read = unpickle(bytes_of(pickle), "p");
  EXPECT_EQ(read.root().item(0).id(), read.root().id());
}

TEST(Attacks, B06_LengthsBeyondTheInputAreRefusedBeforeAllocating) {
  EXPECT_PRED2(says, pickle_error(pickled("X\xff\xff\xff\xff" + "ab"s)),
               "byte 2: BINUNICODE: needs 4294967295 bytes, 3 are left (truncated?)");
  EXPECT_PRED2(says, pickle_error(pickled("\x8a\xff" + "ab"s)), "LONG1: needs 255 bytes");
  EXPECT_PRED2(says, pickle_error(pickled("\x8b\xff\xff\xff\xff")),
               "LONG4: an integer of negative length");
  EXPECT_PRED2(says, pickle_error(pickled("\x8d" + le(~std::uint64_t{0}, 8))),
               "BINUNICODE8: a text of 18446744073709551615 bytes; the limit is 4 GB");
  EXPECT_PRED2(says, pickle_error(pickled("cos\nsystem")), "GLOBAL: a line that does not end");
  EXPECT_PRED2(says, pickle_error("\x80\x02N"), "the pickle ends without STOP");
  EXPECT_PRED2(says, pickle_error("\x80\x06N."), "PROTO: pickle protocol 6, expected 1 to 5");
}

TEST(Attacks, B07_UnsetMemoEntriesAndStackUnderflowsAreRefused) {
  EXPECT_PRED2(says, pickle_error(pickled("h\x05")), "BINGET: memo entry 5 was never set");
  EXPECT_PRED2(says, pickle_error(pickled("j" + le(std::uint64_t{1} << 31, 4))),
               "LONG_BINGET: memo entry 2147483648 was never set");
  EXPECT_PRED2(says, pickle_error(pickled("Nr" + le(std::uint64_t{1} << 31, 4))),
               "LONG_BINPUT: memo entry 2147483648 in a pickle of 9 bytes");
  // Every opcode that takes something from the stack, on an empty one and above a mark.
  for (const std::string opcode :
       {"0", "1",    "Q",    "R",    "a",    "b",    "e",    "q\x02", "s",    "t",
        "u", "\x81", "\x85", "\x86", "\x87", "\x90", "\x91", "\x92",  "\x93", "\x94"}) {
    EXPECT_PRED2(says, pickle_error(pickled(opcode)), "(stack underflow)");
    if (opcode != "0" && opcode != "1" && opcode != "t" && opcode != "\x91") {
      EXPECT_PRED2(says, pickle_error(pickled("(" + opcode)), "(stack underflow)");
    }
  }
  EXPECT_PRED2(says, pickle_error(pickled("")), "STOP: 0 values are left at the end");
  EXPECT_PRED2(says, pickle_error(pickled("NN")), "STOP: 2 values are left at the end");
  EXPECT_PRED2(says, pickle_error(pickled("N(")), "STOP: 1 values are left at the end");
}

TEST(Attacks, B08_ItemsGoOnlyIntoWhatTakesThem) {
  const std::string tensor = global("torch._utils", "_rebuild_tensor_v2") + ")R";
  EXPECT_PRED2(says, pickle_error(pickled("]NNs")), "SETITEM: expected a dict, found a list");
  EXPECT_PRED2(says, pickle_error(pickled(tensor + "NNs")),
               "SETITEM: expected a dict, found a torch._utils._rebuild_tensor_v2");
  EXPECT_PRED2(says, pickle_error(pickled("](NNu")), "SETITEMS: expected a dict");
  EXPECT_PRED2(says, pickle_error(pickled("}(NNNu")), "SETITEMS: a key without a value");
  EXPECT_PRED2(says, pickle_error(pickled("}Na")), "APPEND: expected a list, found a dict");
  EXPECT_PRED2(says, pickle_error(pickled(tensor + "(Ne")), "APPENDS: expected a list");
  EXPECT_PRED2(says, pickle_error(pickled(")Na")), "APPEND: expected a list, found a tuple");
  EXPECT_PRED2(says, pickle_error(pickled("](N\x90")), "ADDITEMS: expected a set");
  EXPECT_PRED2(says, pickle_error(pickled(tensor + "}b")), "BUILD: expected an object");
}

TEST(Attacks, EveryTruncationOfAPickleIsRefused) {
  const std::string pickle =
      pickled("}q\x00("s + text("a") + global("m", "C") + ")\x81}b" + text("b") + "K\x01\x85u");
  EXPECT_EQ(pickle_error(pickle), "");
  for (std::size_t size = 0; size < pickle.size(); ++size)
    EXPECT_NE(pickle_error(pickle.substr(0, size)), "") << size;
}

}  // namespace
}  // namespace stockpot
