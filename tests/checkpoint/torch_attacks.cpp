// Hostile torch files: cases B01 to B21 of the catalogue of attacks, as far as they are not about
// one pickle or one archive alone (tests/pickle).
#include <gtest/gtest.h>

#include "tests/checkpoint/torch_builder.h"

namespace stockpot {
namespace {

TEST(Attacks, B01_CallsInAPickleAreDataAndNothingRuns) {
  const TemporaryFolder folder;
  const std::string canary = (folder.path() / "canary").native();
  // The ways of known malicious pickles, each of which would make the canary in Python.
  const std::pair<const char*, std::string> payloads[] = {
      {"os.system", global("os", "system") + text("touch " + canary) + "\x85R"},
      {"posix.system", global("posix", "system") + text("touch " + canary) + "\x85R"},
      {"builtins.eval", global("builtins", "eval") + text("open('" + canary + "', 'w')") + "\x85R"},
      {"builtins.exec", global("builtins", "exec") + text("open('" + canary + "', 'w')") + "\x85R"},
      {"builtins.getattr",
       global("builtins", "getattr") + global("os", "path") + text("join") + "\x86R"},
      {"pip.main", global("pip", "main") + "](" + text("--version") + "e\x85R"},
      {"subprocess.Popen",
       global("subprocess", "Popen") + "](" + text("touch") + text(canary) + "e\x85R"},
      {"runpy._run_code", global("runpy", "_run_code") + text("1") + "}\x86R"},
      {"timeit.main", global("timeit", "main") + "]\x85R"},
      {"webbrowser.open", global("webbrowser", "open") + text("file://" + canary) + "\x85R"},
      {"torch.hub.load", global("torch.hub", "load") + text(canary) + "\x85R"},
      {"torch.jit.unsupported_tensor_ops.execWrapper",
       global("torch.jit.unsupported_tensor_ops", "execWrapper") + text(canary) + "\x85R"},
      {"builtins.compile", text("builtins") + text("compile") + "\x93" + text("1") + "\x85R"},
      {"operator.attrgetter", global("operator", "attrgetter") + text("system") + "\x85\x81}b"},
      {"nt.system", global("nt", "system") + text("dir") + "\x85R"}};
  for (const auto& [name, payload] : payloads) {
    const std::string file = torch_zip(dict({{"w", two_floats()}, {"x", payload}}));
    const TorchContents contents = read_torch(bytes_of(file), "f");
    EXPECT_EQ(contents.tensors.size(), 1u) << name;
    EXPECT_TRUE(std::ranges::count(contents.globals, std::string(name)) == 1) << name;
    EXPECT_PRED2(says, torch_error(file, {.strict_pickle = true}),
                 "classes or functions that are not on the allow-list: ");
  }
  EXPECT_FALSE(fs::exists(canary));
}

TEST(Attacks, B01_TheUsualPlacesOfPayloadsAreInert) {
  const std::string call = global("os", "system") + text("true") + "\x85R";
  // Before the dict (and popped), as a key, as the whole file, inside a module.
  EXPECT_EQ(torch_error(torch_zip(call + "0" + dict({{"w", two_floats()}}))), "");
  EXPECT_PRED2(says, torch_error(torch_zip("}(" + call + two_floats() + "u")),
               "has the key a os.system, names of tensors are strings");
  EXPECT_PRED2(says, torch_error(torch_zip(call)), "holds no tensors but is a os.system");
  EXPECT_EQ(torch_error(torch_zip(global("__torch__", "M") + ")\x81" +
                                  dict({{"w", two_floats()}, {"x", call}}) + "b")),
            "");
}

TEST(Attacks, B04_ModulesThatLaughEndAtTheLimitOfVisits) {
  std::string opcodes = two_floats();
  for (char level = 0; level < 30; ++level) {
    opcodes += "q"s + level + "0" + global("__torch__", "M") + ")\x81}(";
    for (char i = 0; i < 10; ++i)
      opcodes += text(std::string(1, static_cast<char>('a' + i))) + "h" + level;
    opcodes += "ub";
  }
  EXPECT_PRED2(says, torch_error(torch_zip(opcodes)),
               "the entries of the pickle have more than 200,000 names");
}

TEST(Attacks, B04_LongNamesThatAreSharedAreBounded) {
  // One name of a megabyte for many entries: a few bytes each in the file.
  const std::string name = text(std::string(1'000'000, 'n'));
  std::string opcodes = name + "q\x01" + "0" + two_floats() + "q\x02" + "0}(";
  for (int i = 0; i < 100'000; ++i) opcodes += "h\x01h\x02";
  EXPECT_PRED2(says, torch_error(torch_zip(opcodes + "u")), "or more than 64 MB of them");
}

TEST(Attacks, B04_LargeDictsThatAreSharedAreLookedThroughOnce) {
  std::string opcodes = "}(";
  for (int i = 0; i < 100'000; ++i) opcodes += "K\x01K\x02";
  opcodes += "uq\x01" + "0"s + global("a", "B") + ")\x81h\x01" + "bq\x02" + "0}(";
  for (int i = 0; i < 50'000; ++i)
    opcodes += text(std::to_string(i)) + (i % 2 == 0 ? "h\x01" : "h\x02");
  const std::string entries = opcodes;
  EXPECT_EQ(torch_error(torch_zip(entries + text("net") + dict({{"w", two_floats()}}) + "u")), "");
  EXPECT_PRED2(says, torch_error(torch_zip(entries + "u")), "the top level holds no tensors");
}

TEST(Attacks, B05_AModuleThatHoldsItselfIsRefused) {
  const std::string self = global("__torch__", "M") + ")\x81q\x01}" + text("m") + "h\x01sb";
  EXPECT_PRED2(says, torch_error(torch_zip(self)),
               "modules are nested deeper than 64 (one that contains itself?)");
  const std::string dict_itself = "}q\x01(" + text("w") + two_floats() + text("d") + "h\x01u";
  EXPECT_EQ(torch_error(torch_zip(dict_itself)), "");  // nobody walks it
}

TEST(Attacks, B08_ItemsSetOnATensorAreRefused) {
  EXPECT_PRED2(says, tensor_error(two_floats() + text("a") + "K\x01s"), "f: data.pkl: byte");
  EXPECT_PRED2(says, tensor_error(two_floats() + text("a") + "K\x01s"),
               "SETITEM: expected a dict, found a torch._utils._rebuild_tensor_v2");
  EXPECT_PRED2(says, tensor_error(two_floats() + "}b"), "BUILD: expected an object, found");
}

TEST(Attacks, B09_StorageIdsAreChecked) {
  const auto id = [](const std::string& opcodes) {
    return tensor_error(tensor(opcodes, 0, {2}, {1}));
  };
  EXPECT_PRED2(says, id(text("0") + "Q"), "BINPERSID: expected a tuple as persistent id");
  EXPECT_PRED2(says, id("K\x01\x85Q"), "a persistent id is not ('storage', class, key,");
  EXPECT_PRED2(says, id(storage("FloatStorage", "../x", 2)),
               "storage '../x': a key of letters and digits was expected");
  EXPECT_PRED2(says, id(storage("FloatStorage", "7", 2)),
               "storage '7' has no record 'm/data/7' in the archive");
  EXPECT_PRED2(says, id(storage("StrangeStorage", "0", 2)), "storage '0' has the unknown class");
  EXPECT_PRED2(says, id("N"), "tensor 'w' has no storage");
  EXPECT_PRED2(
      says,
      torch_error(torch_zip(
          dict({{"a", two_floats()}, {"b", tensor(storage("IntStorage", "0", 2), 0, {2}, {1})}}))),
      "storage '0' is named as FloatStorage of 2 elements and as IntStorage of 2");
  EXPECT_PRED2(
      says,
      torch_error(torch_zip(dict(
          {{"a", two_floats()}, {"b", tensor(storage("FloatStorage", "0", 1), 0, {1}, {1})}}))),
      "storage '0' is named as FloatStorage of 2 elements and as FloatStorage of 1");
}

TEST(Attacks, B10_ViewsMustStayInTheirStorage) {
  const auto view = [](std::int64_t offset, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& strides) {
    return tensor_error(tensor(storage("FloatStorage", "0", 2), offset, shape, strides));
  };
  EXPECT_EQ(view(1, {1}, {7}), "");
  EXPECT_EQ(view(2, {0}, {1}), "");
  EXPECT_PRED2(says, tensor_error(tensor(storage("FloatStorage", "0", 3), 0, {2}, {1})),
               "storage '0' of 3 elements (FloatStorage) needs 12 bytes, its record has 8");
  EXPECT_PRED2(says, tensor_error(tensor(storage("FloatStorage", "0", 1), 0, {1}, {1})),
               "needs 4 bytes, its record has 8");
  EXPECT_PRED2(says, view(1, {2}, {1}),
               "tensor 'w' of shape [2], strides [1] and offset 1 leaves its storage '0' of 2 "
               "elements");
  EXPECT_PRED2(says, view(3, {0}, {1}), "leaves its storage");
  EXPECT_PRED2(says, view(0, {2}, {2}), "leaves its storage");
  EXPECT_PRED2(says, view(-1, {1}, {1}), "has the offset -1");
  EXPECT_PRED2(says, view(0, {2}, {-1}), "has a stride with -1");
  EXPECT_PRED2(says, view(0, {-2}, {1}), "has a size with -2");
  EXPECT_PRED2(says, view(0, {2}, {1, 1}), "has 1 sizes and 2 strides");
  EXPECT_EQ(view(0, {8}, {0}), "");
  EXPECT_PRED2(says, view(0, {9}, {0}), "is expanded from 2 stored elements, more than 4 times");
  EXPECT_PRED2(says, view(0, {std::int64_t{1} << 40}, {0}), "is expanded from 2 stored elements");
  const std::vector<std::int64_t> many(65, 1), most(64, 1);
  EXPECT_PRED2(says, view(0, many, many), "has 65 dimensions, the limit is 64");
  EXPECT_EQ(view(0, most, most), "");
}

TEST(Attacks, B10_CopiesOfManyExpandedViewsAreBounded) {
  // 40 views that have to be copied, each 4 times its storage of 4 kB, and the same view 40 times.
  const std::string shared = storage("ByteStorage", "1", 4000);
  std::vector<std::pair<std::string, std::string>> different, same;
  for (int i = 0; i < 40; ++i) {
    different.emplace_back(std::to_string(i), tensor(shared, 0, {4, 4000 - i}, {0, 1}));
    same.emplace_back(std::to_string(i), tensor(shared, 0, {4, 4000}, {0, 1}));
  }
  const ZipMember record{"m/data/1", std::string(4000, 'x')};
  EXPECT_PRED2(says, torch_error(torch_zip(dict(different), {record})),
               "4 times the file; save them after contiguous()");
  EXPECT_EQ(torch_error(torch_zip(dict(different), {record}), {.data = false}), "");
  EXPECT_EQ(torch_error(torch_zip(dict(same), {record})), "");
}

TEST(Attacks, B11_SizesThatOverflowAreRefused) {
  const auto shape = [](const std::vector<std::int64_t>& sizes) {
    return tensor_error(tensor(storage("FloatStorage", "0", 2), 0, sizes,
                               std::vector<std::int64_t>(sizes.size(), 1)));
  };
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_PRED2(says, shape({huge, huge}), "has a size that overflows 64 bits");
  EXPECT_PRED2(says, shape({huge, 0}),
               "of shape [4611686018427387904, 0] has a size that overflows");
  EXPECT_PRED2(says, shape({0, huge}), "has a size that overflows 64 bits");
  EXPECT_EQ(shape({0, 5}), "");
  EXPECT_PRED2(says, tensor_error(tensor(storage("FloatStorage", "0", huge), 0, {1}, {1})),
               "storage '0' claims 4611686018427387904 elements, a size that overflows 64 bits");
  EXPECT_PRED2(says, tensor_error(tensor(storage("FloatStorage", "0", -1), 0, {1}, {1})),
               "storage '0' claims -1 elements");
}

TEST(Attacks, B12_CompressedRecordsAreRefusedWithAdvice) {
  std::string archive = make_zip({{.name = "m/data.pkl", .data = "xx", .method = 8, .size = 9}});
  EXPECT_PRED2(says, torch_error(archive),
               "f: the zip entry 'm/data.pkl' is compressed; torch.save stores its entries: unpack "
               "the archive and save the model again");
}

TEST(Attacks, B13_AWrongCrcOfThePickleIsRefused) {
  EXPECT_PRED2(
      says,
      torch_error(make_zip(
          {{.name = "m/data.pkl", .data = pickled(dict({{"w", two_floats()}})), .crc_change = 1},
           {.name = "m/data/0", .data = eight_bytes()}})),
      "the bytes of the zip entry 'm/data.pkl' do not have its CRC");
}

TEST(Attacks, B16_ByteOrdersAndVersions) {
  const auto with = [](const std::string& name, const std::string& value) {
    return torch_zip(
        dict({{"w", two_floats()},
              {"c", tensor(storage("ComplexFloatStorage", "1", 1), 0, {1}, {1})},
              {"b", tensor(storage("ByteStorage", "2", 2), 0, {2}, {1})}}),
        {{"m/data/1", "\1\2\3\4\5\6\7\x08"}, {"m/data/2", "ab"}, {"m/" + name, value}});
  };
  const auto bytes = [](const TensorView& view) {
    return std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  };
  const std::string big = with("byteorder", "big");
  const TorchContents contents = read_torch(bytes_of(big), "f");
  EXPECT_EQ(bytes(contents.tensors[0]), std::string("\x3f\x80\0\0\x40\0\0\0", 8));
  EXPECT_EQ(bytes(contents.tensors[1]), "\4\3\2\1\x08\7\6\5");
  EXPECT_EQ(bytes(contents.tensors[2]), "ab");
  const std::string little = with("byteorder", "little");
  EXPECT_EQ(bytes(read_torch(bytes_of(little), "f").tensors[0]), eight_bytes());
  EXPECT_PRED2(says, torch_error(with("byteorder", "middle")),
               "the record 'byteorder' says 'middle', expected 'little' or 'big'");
  EXPECT_PRED2(says, torch_error(with("byteorder", std::string(1000, 'x'))),
               "the record 'byteorder' has 1000 bytes, expected a word");
  const std::string version = with("version", "three\n");
  ASSERT_FALSE(read_torch(bytes_of(version), "f").notes.empty());
  EXPECT_EQ(read_torch(bytes_of(version), "f").notes[0],
            "the record 'version' says 'three', expected a number; it is ignored");
}

TEST(Attacks, B17_TheLegacyStreamIsCheckedPartByPart) {
  LegacyParts good;
  good.object = dict({{"w", two_floats()}});
  EXPECT_EQ(torch_error(good.file()), "");
  const auto with = [&](auto change) {
    LegacyParts parts = good;
    change(parts);
    return torch_error(parts.file());
  };
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.magic[3] ^= 1; }),
               "a Python pickle that torch.save did not write");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.protocol = "M\xea\x03"; }),
               "the torch stream has the protocol 1002, expected 1001");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.system = "}"; }),
               "does not say 'little_endian'");
  EXPECT_PRED2(
      says, with([](LegacyParts& parts) { parts.system = "}" + text("little_endian") + "\x89s"; }),
      "was written on a big-endian machine, which is not supported");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.keys = "](" + text("1") + "e"; }),
               "storage '1' is in the list of keys, but no tensor names it");
  EXPECT_PRED2(says, with([](LegacyParts& parts) {
                 parts.keys = "](" + text("0") + text("0") + "e";
                 parts.data += parts.data;
               }),
               "storage '0' is listed twice");
  EXPECT_PRED2(says, with([](LegacyParts& parts) {
                 parts.keys = "]";
                 parts.data = "";
               }),
               "storage '0' is not in the list of keys");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.keys = "K\x01"; }),
               "the storage keys are 1, expected a list");
  EXPECT_PRED2(says, with([](LegacyParts& parts) {
                 parts.data = le(std::uint64_t{1} << 60, 8) + eight_bytes();
               }),
               "storage '0' has 1152921504606846976 elements, its tensors say 2");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.data.pop_back(); }),
               "storage '0' of 8 bytes leads past the end of the file");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.data.resize(7); }),
               "storage '0' leads past the end of the file");
  EXPECT_PRED2(says, with([](LegacyParts& parts) { parts.data += "junk"; }),
               "4 bytes follow the last storage; nothing may follow it");
}

TEST(Attacks, B17_EveryTruncationOfALegacyFileIsRefused) {
  LegacyParts parts;
  parts.object = dict({{"w", two_floats()}});
  const std::string file = parts.file();
  for (std::size_t size = 2; size < file.size(); ++size)
    EXPECT_NE(torch_error(file.substr(0, size)), "") << size;
}

TEST(Attacks, B18_OtherContainersAreNamed) {
  std::string tar(1024, '\0');
  tar.replace(0, 8, "storages").replace(257, 5, "ustar");
  EXPECT_PRED2(says, torch_error(tar), "a tar archive, as torch 0.1 wrote: load it with torch");
  EXPECT_PRED2(says, torch_error("PYTORCH1 and more"),
               "a file of Caffe2's 'PYTORCH1' format, which is not supported");
  EXPECT_PRED2(says, torch_error(make_zip({{"x.npy", "\x93NUMPY"}})),
               "a NumPy archive (.npz), not a checkpoint");
  EXPECT_PRED2(says, torch_error(make_zip({{"word/document.xml", "<x/>"}})),
               "a zip archive without 'word/data.pkl': torch.save did not write this");
  EXPECT_PRED2(says, torch_error(make_zip({{"readme", "x"}})), "lies in no folder");
  EXPECT_PRED2(says, torch_error(make_zip({{"m/model.json", "{}"}})),
               "a TorchScript archive of torch 1.3 or older");
  EXPECT_PRED2(says, torch_error(make_zip({})), "an empty zip archive");
  EXPECT_PRED2(says, torch_error(pickled(dict({{"w", "K\x01"}}))),
               "a Python pickle that torch.save did not write");
  EXPECT_PRED2(says, torch_error(torch_zip(dict({{"w", two_floats()}}), {{"n/data/1", "x"}})),
               "the zip entry 'n/data/1' lies outside the archive's folder 'm/'");
}

TEST(Attacks, B18_OtherContainersAreNamedByOpenWhateverTheirEnding) {
  const TemporaryFolder folder;
  EXPECT_PRED2(contains, opening(folder.put("model.safetensors", "PYTORCH1 and more")), "PYTORCH1");
  EXPECT_PRED2(contains, opening(folder.put("model.pt", "GGUF\x03\0\0\0"s)), "a GGUF file");
  EXPECT_PRED2(contains,
               opening(folder.put("model.bin", "version https://git-lfs.github.com/spec/v1\n")),
               "a Git-LFS pointer");
}

TEST(Attacks, B19_KeysMustBeStringsAndStayUniqueWithoutTheirPrefix) {
  EXPECT_PRED2(says, torch_error(torch_zip("}(K\x01" + two_floats() + "u")),
               "the top level has the key 1, names of tensors are strings");
  EXPECT_PRED2(says,
               torch_error(torch_zip(dict({{"module.w", two_floats()}, {"w", two_floats()}}))),
               "two tensors are named 'w' (after prefixes were taken off their names)");
  const std::string both = torch_zip(dict({{"module.w", two_floats()}, {"w", two_floats()}}));
  EXPECT_EQ(torch_error(both, {.strip_prefixes = false}), "");
  EXPECT_PRED2(says, torch_error(torch_zip(dict({{"w", two_floats()}, {"w", two_floats()}}))),
               "two tensors are named 'w'");
  EXPECT_PRED2(says, torch_error(torch_zip(dict({{"a\0b"s, two_floats()}}))),
               "the tensor name 'a\\x00b' is empty, not UTF-8 or holds a NUL");
  EXPECT_PRED2(says, torch_error(torch_zip(dict({{"\xff", two_floats()}}))), "not UTF-8");
}

TEST(Attacks, B19_ADictWithoutTensorsNamesThoseThatHaveSome) {
  const std::string state = dict({{"w", two_floats()}});
  const std::string file = torch_zip(dict({{"G", state}, {"x", dict({{"D", state}})}}));
  EXPECT_PRED2(says, torch_error(file),
               "f: the top level holds no tensors but is a dict of 2; tensors are in 'G', 'x.D': "
               "choose one by its key");
  EXPECT_EQ(torch_error(file, {.state_key = "x.D"}), "");
  EXPECT_PRED2(says, torch_error(file, {.state_key = "x.E"}),
               "no entry 'x.E' in the file; tensors are in 'G', 'x.D'");
  EXPECT_PRED2(says, torch_error(torch_zip(two_floats())),
               "holds no tensors but is a torch._utils");
  EXPECT_EQ(
      torch_error(torch_zip(dict({{"a.b", dict({{"c.d", state}})}})), {.state_key = "a.b.c.d"}),
      "");
}

TEST(Attacks, B19_AWrapperNameMayBeSomethingElse) {
  // arch in 'model', the tensors in 'net'.
  const std::string file =
      torch_zip(dict({{"model", text("resnet50")}, {"net", dict({{"w", two_floats()}})}}));
  const TorchContents contents = read_torch(bytes_of(file), "f");
  EXPECT_EQ(contents.state_key, "net");
  EXPECT_EQ(contents.scalars.at("model").text, "resnet50");
}

TEST(Attacks, B20_TensorsThatCannotBeReadAreNamedWithTheirKind) {
  const std::pair<const char*, const char*> cases[] = {
      {"torch-1.13/unsupported-sparse.pt", "is rebuilt by _rebuild_sparse_tensor: sparse,"},
      {"torch-1.13/unsupported-meta.pt", "is rebuilt by _rebuild_meta_tensor_no_storage"},
      {"torch-1.13/unsupported-complex128.pt",
       "has a ComplexDoubleStorage, which is not supported"},
      {"torch-2.x/unsupported-sparse.pt", "is rebuilt by _rebuild_sparse_tensor"},
      {"torch-2.x/unsupported-quantized.pt", "is rebuilt by _rebuild_qtensor"},
      {"torch-2.x/unsupported-nested.pt", "is rebuilt by _rebuild_nested_tensor"},
      {"torch-2.x/unsupported-meta.pt", "is rebuilt by _rebuild_meta_tensor_no_storage"},
      {"torch-2.x/unsupported-complex128.pt", "has a ComplexDoubleStorage"},
      {"torch-2.x/unsupported-conj.pt", "has 'conj' set"}};
  for (const auto& [file, problem] : cases)
    EXPECT_PRED2(contains, opening(torch_fixture(file)),
                 std::string(": tensor 'layer.weight' ") + problem);
  const std::string unknown =
      global("torch._utils", "_rebuild_tensor_v3") + "(" + storage("UntypedStorage", "0", 8);
  EXPECT_PRED2(says, tensor_error(unknown + "t" + "R"), "is rebuilt from 1 arguments");
}

TEST(Attacks, B21_GarbageBehindAPayloadRefusesTheWholeFile) {
  const TemporaryFolder folder;
  const std::string canary = (folder.path() / "canary").native();
  const std::string call = global("os", "system") + text("touch " + canary) + "\x85R0";
  EXPECT_PRED2(says, torch_error(torch_zip(call + "\xfe garbage")),
               ": 0xfe: this byte is no opcode of a pickle");
  const std::string after = pickled(call + dict({{"w", two_floats()}})) + "garbage";
  EXPECT_PRED2(says, torch_error(make_zip({{"m/data.pkl", after}, {"m/data/0", eight_bytes()}})),
               "7 bytes follow the end of the pickle in data.pkl; nothing may");
  LegacyParts legacy;
  legacy.object = call + "\xfe";
  EXPECT_PRED2(says, torch_error(legacy.file()), "0xfe: this byte is no opcode of a pickle");
  EXPECT_FALSE(fs::exists(canary));
}

// Damaged files end in an error or in tensors whose bytes can all be read.
TEST(Attacks, B22_FlippedBytesOfRealFilesNeverCrash) {
  std::uint64_t touched = 0, accepted = 0;
  for (const char* name :
       {"torch-2.x/tied.pt", "torch-1.13/views.th", "torch-2.x/lightning.ckpt"}) {
    const std::string file = read_file(torch_fixture(name));
    for (std::size_t at = 0; at < file.size(); ++at) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      try {
        const TorchContents contents = read_torch(bytes_of(damaged), name);
        ++accepted;
        for (const TensorView& view : contents.tensors)
          for (const std::byte byte : view.bytes) touched += std::to_integer<unsigned>(byte);
      } catch (const FormatError&) {
      }
    }
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_GT(touched, 0u);
}

}  // namespace
}  // namespace stockpot
