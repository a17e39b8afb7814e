// Tests of core/npz: round trips, numpy's files both ways, and files that are damaged or lie.
#include "core/npz.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/io.h"
#include "core/rng.h"
#include "core/zip.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::run_numpy;
using testing::TempFolder;
using testing::write_bytes;

Npz example() {
  Tensor weights(Shape{2, 3, 4});
  for (int64_t i = 0; i < weights.size(); ++i) weights[i] = float(i) / 7;
  return {{"weights", NpyArray::from(weights)},
          {"steps", NpyArray::from(std::vector<int64_t>{-5, 0, int64_t(1) << 60})},
          {"scalar", NpyArray::from(Tensor(Shape{}, 2.5f))},
          {"empty", NpyArray::from(Tensor(Shape{0, 3}))},
          {"none", NpyArray::from(std::vector<int64_t>{})},
          {"meta", NpyArray::from_text("{\"model\": \"resnet8\"}")},
          {"blank", NpyArray::from_text("")},
          {"layer/0/zeros", NpyArray::from(Tensor(Shape{100, 100}, 0.0f))}};
}

void expect_equal(const Npz& a, const Npz& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, array] : a) {
    ASSERT_TRUE(b.count(name)) << name;
    EXPECT_EQ(array.dtype, b.at(name).dtype) << name;
    EXPECT_EQ(array.shape, b.at(name).shape) << name;
    EXPECT_EQ(array.bytes, b.at(name).bytes) << name;
  }
}

// An .npz whose only entry "a.npy" is the given header text and data.
void write_raw(const std::string& path, const std::string& header, const std::string& data, int version = 1) {
  std::string npy = "\x93NUMPY";
  npy += char(version);
  npy += '\0';
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte) npy += char(header.size() >> (8 * byte) & 0xff);
  npy += header + data;
  write_zip(path, {{"a.npy", std::vector<uint8_t>(npy.begin(), npy.end())}}, Compression::kDeflated);
}

std::string header_error(const std::string& header, const std::string& data = std::string(24, 'x'), int version = 1) {
  const TempFolder folder;
  write_raw(folder / "a.npz", header, data, version);
  const std::string message = error_of([&] { read_npz(folder / "a.npz"); });
  EXPECT_TRUE(message.empty() || message.find(folder / "a.npz: entry 'a.npy'") == 0) << message;
  return message;
}

TEST(Npz, ReadsBackWhatWasWritten) {
  const TempFolder folder;
  for (Compression compression : {Compression::kStored, Compression::kDeflated}) {
    write_npz(folder / "a.npz", example(), compression);
    expect_equal(example(), read_npz(folder / "a.npz"));
    const std::vector<uint8_t> first = read_file(folder / "a.npz");
    write_npz(folder / "a.npz", example(), compression);
    EXPECT_EQ(first, read_file(folder / "a.npz")) << "equal arrays must give equal files";
  }
  write_npz(folder / "nothing.npz", {});
  EXPECT_TRUE(read_npz(folder / "nothing.npz").empty());
}

TEST(Npz, ConvertsElements) {
  const Npz npz = example();
  EXPECT_EQ(npz.at("weights").to_float("w").shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(npz.at("weights").to_float("w")[7], 1.0f);
  EXPECT_EQ(npz.at("steps").to_int64("s"), (std::vector<int64_t>{-5, 0, int64_t(1) << 60}));
  EXPECT_EQ(npz.at("scalar").to_float("s")[0], 2.5f);
  EXPECT_EQ(npz.at("meta").to_text(), "{\"model\": \"resnet8\"}");
  EXPECT_EQ(npz.at("blank").to_text(), "");
  EXPECT_EQ(npz.at("meta").size(), 1);
  EXPECT_EQ((NpyArray{"|i1", {2}, {0xff, 0x7f}}).to_int64("a"), (std::vector<int64_t>{-1, 127}));
  EXPECT_EQ((NpyArray{"|u1", {2}, {0xff, 0x7f}}).to_float("a")[0], 255.0f);
  EXPECT_EQ((NpyArray{"<u2", {1}, {0xff, 0xff}}).to_int64("a")[0], 65535);
  EXPECT_EQ((NpyArray{"|b1", {2}, {0, 1}}).to_int64("a"), (std::vector<int64_t>{0, 1}));
}

TEST(Npz, RefusesConversionsOfAnotherKind) {
  EXPECT_EQ(error_of([] { example().at("weights").to_int64("y_train"); }), "y_train: expected integers, got dtype '<f4'");
  EXPECT_EQ(error_of([] { example().at("meta").to_float("x"); }), "x: expected numbers, got dtype '|S20'");
  EXPECT_NE(error_of([] { NpyArray{"|u1", {1, 1, 1, 1, 1}, {0}}.to_float("x"); }).find("rank 5"), std::string::npos);
  EXPECT_NE(error_of([] { NpyArray{"<f4", {3}, {0}}.to_float("x"); }).find("need 12 bytes, there are 1"), std::string::npos);
  const TempFolder folder;
  EXPECT_NE(error_of([&] {
              write_npz(folder / "a.npz", {{"bad", NpyArray{"<f4", {3}, {0}}}});
            }).find("array 'bad'"),
            std::string::npos);
  EXPECT_FALSE(file_exists(folder / "a.npz"));
}

TEST(Npz, NumpyReadsOurFiles) {
  const TempFolder folder;
  for (Compression compression : {Compression::kStored, Compression::kDeflated}) {
    write_npz(folder / "a.npz", example(), compression);
    const std::string output = run_numpy("z = np.load('" + (folder / "a.npz") + R"(')
w = z['weights']
assert w.dtype == np.float32 and w.shape == (2, 3, 4)
assert np.array_equal(w.ravel(), np.arange(24, dtype=np.float32) / np.float32(7))
assert z['steps'].dtype == np.int64 and z['steps'].tolist() == [-5, 0, 1 << 60]
assert z['scalar'].shape == () and z['scalar'] == 2.5
assert z['empty'].shape == (0, 3) and z['none'].shape == (0,)
assert z['meta'].item() == b'{"model": "resnet8"}' and z['blank'].item() == b''
assert z['layer/0/zeros'].shape == (100, 100) and len(z.files) == 8
print('good'))");
    if (output == "no numpy") GTEST_SKIP() << output;
    EXPECT_EQ(output, "good\n");
  }
}

TEST(Npz, ReadsNumpysFiles) {
  const TempFolder folder;
  const std::string output = run_numpy("import io, zipfile\nfolder = '" + folder.path() + R"('
arrays = dict(f4=np.arange(6, dtype='f4').reshape(1, 2, 3), f8=np.array([0.1, -3]), u1=np.arange(256, dtype='u1'),
              i8=np.array(-7), i2=np.array([[-300]], 'i2'), s=np.array([b'ab', b'c']), u=np.array('text'),
              b=np.array([True, False]), e=np.zeros((0, 4), 'f4'))
np.savez(folder + '/stored.npz', **arrays)
np.savez_compressed(folder + '/deflated.npz', **arrays)
class Pipe(io.RawIOBase):  # not seekable: zipfile then writes data descriptors
    def __init__(self, f): self.f = f
    def writable(self): return True
    def write(self, b): return self.f.write(b)
with open(folder + '/streamed.npz', 'wb') as f, zipfile.ZipFile(Pipe(f), 'w', zipfile.ZIP_DEFLATED) as z:
    for name, array in arrays.items():
        with z.open(name + '.npy', 'w') as entry: np.lib.format.write_array(entry, array, version=(2, 0))
np.savez(folder + '/fortran.npz', a=np.asfortranarray(np.arange(24, dtype='i2').reshape(2, 3, 4)))
np.savez(folder + '/big.npz', a=np.ones(3, '>f4'))
np.savez(folder + '/object.npz', a=np.array([{}, 1], dtype=object))
np.savez(folder + '/record.npz', a=np.zeros(2, [('x', 'f4')]))
np.savez(folder + '/complex.npz', a=np.ones(2, 'c8')))");
  if (output == "no numpy") GTEST_SKIP() << output;
  ASSERT_EQ(output, "");
  for (const char* file : {"stored.npz", "deflated.npz", "streamed.npz"}) {
    const Npz npz = read_npz(folder / file);
    ASSERT_EQ(npz.size(), 9u) << file;
    EXPECT_EQ(npz.at("f4").shape, (std::vector<int64_t>{1, 2, 3})) << file;
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(npz.at("f4").to_float("f4")[i], float(i)) << file;
    EXPECT_EQ(npz.at("f8").to_float("f8")[0], 0.1f) << file;
    EXPECT_EQ(npz.at("u1").to_int64("u1")[200], 200) << file;
    EXPECT_EQ(npz.at("i8").to_int64("i8"), std::vector<int64_t>{-7}) << file;
    EXPECT_EQ(npz.at("i2").to_int64("i2"), std::vector<int64_t>{-300}) << file;
    EXPECT_EQ(npz.at("b").to_int64("b"), (std::vector<int64_t>{1, 0})) << file;
    EXPECT_EQ(npz.at("s").dtype, "|S2") << file;
    EXPECT_EQ(npz.at("u").dtype, "<U4") << file;
    EXPECT_EQ(npz.at("e").size(), 0) << file;
  }
  const std::vector<int64_t> transposed = read_npz(folder / "fortran.npz").at("a").to_int64("a");
  for (int64_t i = 0; i < 24; ++i) EXPECT_EQ(transposed[size_t(i)], i);
  const std::pair<const char*, const char*> refused[] = {{"big.npz", "big-endian"},
                                                         {"object.npz", "not supported"},
                                                         {"record.npz", "quoted string"},
                                                         {"complex.npz", "'<c8' is not supported"}};
  for (const auto& [file, reason] : refused) {
    const std::string message = error_of([&, name = file] { read_npz(folder / name); });
    EXPECT_NE(message.find(reason), std::string::npos) << file << ": " << message;
  }
}

TEST(Npz, ReadsTheReferenceModels) {
  const std::string path = testing::shared_path("data/models/mlperf_resnet8.npz");
  BITLOOM_NEEDS(path);
  const Npz npz = read_npz(path);
  EXPECT_FALSE(npz.empty());
  int64_t elements = 0;
  for (const auto& item : npz) elements += item.second.size();
  EXPECT_GT(elements, 77000);
}

TEST(Npz, ParsesHeadersStrictly) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
  EXPECT_EQ(header_error(good), "");
  EXPECT_EQ(header_error(good, std::string(24, 'x'), 2), "");
  EXPECT_EQ(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }"), "") << "Python 2";
  EXPECT_EQ(header_error("{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}"), "");
  const std::pair<const char*, const char*> bad[] = {
      {"", "expected '{'"},
      {"{}", "lacks"},
      {"{'descr': '<f4', 'shape': (2, 3)}", "lacks"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "repeated key 'descr'"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "key 'more'"},
      {"{'descr': '|S0', 'fortran_order': False, 'shape': (400000000,)}", "dtype '|S0' has an unsupported size"},
      {"{'descr': '<U0', 'fortran_order': False, 'shape': (4611686018427387904,)}", "dtype '<U0' has an unsupported size"},
      {"{'descr': '\n\x1b[2J', 'fortran_order': False, 'shape': (2, 3)}", "dtype '\\n\\x1b[2J' is not supported"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "True or False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", "expected '}'"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", "after the header"},
      {"{'descr': '<f4, 'fortran_order': False}", "expected"},
      {"{'descr': '<f4", "unterminated"},
      {"{'descr': '<f3', 'fortran_order': False, 'shape': (2, 3)}", "unsupported size"},
      {"{'descr': 'f', 'fortran_order': False, 'shape': (2, 3)}", "not supported"},
      {"{'descr': '|O8', 'fortran_order': False, 'shape': (2, 3)}", "not supported"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}", "need 32 bytes, there are 24"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}", "expected an extent"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "too large"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 6)}", "out of range"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "out of range"}};
  for (const auto& [header, reason] : bad) {
    const std::string message = header_error(header);
    EXPECT_NE(message.find(reason), std::string::npos) << header << " gave " << message;
  }
  EXPECT_EQ(header_error(good, std::string(24, 'x'), 3), "");
  EXPECT_NE(header_error(good, std::string(24, 'x'), 4).find("version 4.0"), std::string::npos);
}

// The bytes of an .npy file of `shape`, as numpy writes them.
std::vector<uint8_t> npy(const std::string& descr, const std::string& shape, const std::string& data, bool fortran = false) {
  const std::string header =
      "{'descr': " + descr + ", 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + "}\n";
  const std::string bytes = std::string("\x93NUMPY\1\0", 8) + char(header.size()) + '\0' + header + data;
  return {bytes.begin(), bytes.end()};
}

TEST(Npz, FortranOrderIsTransposed) {
  const TempFolder folder;
  // Every element of a shape holds its own index in C order, and stands where Fortran order puts it.
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{5}, {2, 3}, {3, 1, 2}, {2, 3, 4, 5}, {0, 3}, {}}) {
    std::string tuple = "(";
    int64_t size = 1;
    for (const int64_t extent : shape) tuple += std::to_string(extent) + ",", size *= extent;
    std::string data(size_t(2 * size), '\0');
    for (int64_t i = 0; i < size; ++i) {
      int64_t at = 0, rest = i, stride = size;
      for (size_t axis = shape.size(); axis-- > 0;) {
        stride /= shape[axis];
        at += rest % shape[axis] * stride;
        rest /= shape[axis];
      }
      data[size_t(2 * at)] = char(i), data[size_t(2 * at) + 1] = char(i >> 8);
    }
    write_zip(folder / "a.npz", {{"a.npy", npy("'<u2'", tuple + ")", data, true)}}, Compression::kStored);
    const NpyArray array = read_npz(folder / "a.npz").at("a");
    EXPECT_EQ(array.shape, shape);
    const std::vector<int64_t> values = array.to_int64("a");
    ASSERT_EQ(int64_t(values.size()), size);
    for (int64_t i = 0; i < size; ++i) EXPECT_EQ(values[size_t(i)], i) << tuple;
  }
}

// What people's archives hold beside the arrays of a task.
TEST(NpzFile, ReadsWhatIsAskedForWhateverElseIsThere) {
  const TempFolder folder;
  const std::string path = folder / "a.npz";
  const std::vector<uint8_t> x = npy("'|u1'", "(3,)", "abc");
  write_zip(path,
            {{"x_train.npy", x},
             {"meta.npy", npy("'|O'", "()", "\x80\x04N.")},
             {"rec.npy", npy("[('a', '<i4'), ('b', '<f4')]", "(1,)", std::string(8, '\0'))},
             {"cplx.npy", npy("'<c8'", "(1,)", std::string(8, '\0'))},
             {"when.npy", npy("'<M8[s]'", "(1,)", std::string(8, '\0'))},
             {"broken.npy", {1, 2}},
             {"README.txt", {'h', 'i'}},
             {"folder/", {}},
             {"folder/y_train.npy", x},
             {"a/z.npy", x},
             {"b/z.npy", x},
             {"__MACOSX/._x_train.npy", {0, 5, 0x16, 7}},
             {"__MACOSX/y_train.npy", {0}}},
            Compression::kDeflated);
  const NpzFile file(path);
  EXPECT_EQ(file.keys(),
            (std::vector<std::string>{"a/z", "b/z", "broken", "cplx", "folder/y_train", "meta", "rec", "when", "x_train"}));
  EXPECT_EQ(file.read("x_train").bytes, (std::vector<uint8_t>{'a', 'b', 'c'}));
  EXPECT_EQ(file.read("y_train").bytes, (std::vector<uint8_t>{'a', 'b', 'c'})) << "in a folder";
  EXPECT_TRUE(file.has("x_train") && file.has("y_train") && file.has("a/z"));
  EXPECT_FALSE(file.has("train") || file.has("README.txt") || file.has("_train") || file.has(""));
  const std::pair<const char*, const char*> refused[] = {
      {"none", "a.npz: no array 'none'; the file holds a/z, b/z, broken, "},
      {"z", "a.npz: more than one array 'z'; the file holds a/z, b/z"},
      {"meta", "entry 'meta.npy': dtype '|O' is not supported"},
      {"rec", "entry 'rec.npy': .npy header, character 10: expected a quoted string"},
      {"cplx", "dtype '<c8' is not supported"},
      {"broken", "entry 'broken.npy': not an .npy array"}};
  for (const auto& [key, reason] : refused) {
    const std::string message = error_of([&, name = key] { file.read(name); });
    EXPECT_NE(message.find(reason), std::string::npos) << key << ": " << message;
  }
}

TEST(NpzFile, ForeignNamesAreQuoted) {
  const TempFolder folder;
  write_zip(folder / "a.npz", {{"x\n\x1b[31m.npy", {1}}}, Compression::kStored);
  const NpzFile file(folder / "a.npz");
  EXPECT_EQ(error_of([&] { file.read("y"); }), (folder / "a.npz") + ": no array 'y'; the file holds x\\n\\x1b[31m");
  EXPECT_EQ(error_of([&] { file.read("x\n\x1b[31m"); }), (folder / "a.npz") + ": entry 'x\\n\\x1b[31m.npy': not an .npy array");
  write_zip(folder / "b.npz", {{std::string(60000, 'k') + ".npy", {1}}}, Compression::kStored);
  EXPECT_LT(error_of([&] { read_npz(folder / "b.npz"); }).size(), 400u);
}

TEST(Npz, RefusesWhatIsNoArchive) {
  const TempFolder folder;
  const std::string path = folder / "a.npz";
  EXPECT_NE(error_of([&] { read_npz(folder / "none"); }).find("No such file"), std::string::npos);
  for (const std::string& text : {std::string(), std::string("x"), std::string(100000, 'P')}) {
    write_text_atomic(path, text);
    EXPECT_NE(error_of([&] { read_npz(path); }).find("truncated or not an .npz"), std::string::npos) << text.size() << " bytes";
  }
}

// Every damaged file must give an Error or (when the damage is in a field that is not used) the right arrays.
class DamagedNpz : public ::testing::Test {
 protected:
  void expect_error_or_same(const std::vector<uint8_t>& file, const std::string& damage) {
    write_bytes(folder_ / "damaged.npz", file);
    try {
      for (const auto& [name, array] : read_npz(folder_ / "damaged.npz"))
        EXPECT_TRUE(!original_.count(name) || array.bytes == original_.at(name).bytes) << damage;
    } catch (const Error&) {
    }
  }
  std::vector<uint8_t> written(Compression compression) {
    write_npz(folder_ / "good.npz", original_, compression);
    return read_file(folder_ / "good.npz");
  }
  const TempFolder folder_;
  Npz original_ = {{"a", NpyArray::from(std::vector<int64_t>{1, 2, 3, 4, 5})},
                   {"b", NpyArray::from_text("some text some text")}};
};

TEST_F(DamagedNpz, TruncatedAnywhereIsAnError) {
  for (Compression compression : {Compression::kStored, Compression::kDeflated}) {
    const std::vector<uint8_t> file = written(compression);
    for (size_t size = 0; size < file.size(); ++size) {
      write_bytes(folder_ / "damaged.npz", {file.begin(), file.begin() + int64_t(size)});
      EXPECT_NE(error_of([&] { read_npz(folder_ / "damaged.npz"); }), "") << size << " of " << file.size() << " bytes";
    }
  }
}

TEST_F(DamagedNpz, RandomDamageIsFoundOrHarmless) {
  Rng rng(11);
  for (Compression compression : {Compression::kStored, Compression::kDeflated}) {
    const std::vector<uint8_t> file = written(compression);
    for (int round = 0; round < 2000; ++round) {
      std::vector<uint8_t> damaged = file;
      std::string damage = "round " + std::to_string(round) + ":";
      for (int64_t change = rng.below(4); change >= 0; --change) {
        const size_t at = size_t(rng.below(int64_t(damaged.size())));
        const uint8_t values[] = {0, 0xff, 0x7f, uint8_t(rng.below(256))};
        damaged[at] = values[rng.below(4)];
        damage += " [" + std::to_string(at) + "]=" + std::to_string(damaged[at]);
      }
      if (rng.below(4) == 0) damaged.resize(size_t(rng.below(int64_t(damaged.size()))));
      expect_error_or_same(damaged, damage);
    }
  }
}

}  // namespace
}  // namespace bitloom
