#include "stockpot/checkpoint/sniff.h"

#include <algorithm>
#include <string>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

struct Signature {
  std::string_view start;  // lower case when `text`
  bool text;               // leading white space and case are ignored
  std::string_view what;
};

using namespace std::string_view_literals;

constexpr std::string_view kHtml = "an HTML page: a download that ended at an error or login page";
constexpr std::string_view kPickle =
    "a Python pickle (torch.save): convert it to safetensors with the tool that made it";

constexpr Signature kSignatures[] = {
    {"version https://git-lfs", true,
     "a Git-LFS pointer: the weights were not fetched, run 'git lfs pull'"},
    {"<!doctype html", true, kHtml},
    {"<html", true, kHtml},
    {"<?xml", true, "an XML page: a download that ended at an error page"},
    {"PK\x03\x04"sv, false,
     "a zip archive, such as torch.save makes: convert it to safetensors with the tool that "
     "made it"},
    {"GGUF"sv, false, "a GGUF file: only safetensors files can be read"},
    {"\x80\x02"sv, false, kPickle},
    {"\x80\x03"sv, false, kPickle},
    {"\x80\x04"sv, false, kPickle},
    {"\x80\x05"sv, false, kPickle},
    {"\x89HDF"sv, false, "an HDF5 file (Keras): only safetensors files can be read"},
    {"\x93NUMPY"sv, false, "a NumPy array: only safetensors files can be read"},
    {"\x1f\x8b"sv, false, "a gzip file: unpack it first"},
    {"{", true, "a JSON text: is this the config or the index of the weights?"},
};

}  // namespace

std::string_view recognise(std::span<const std::byte> bytes) {
  const std::size_t size = std::min<std::size_t>(bytes.size(), 256);
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), size);
  const std::string text = lower_ascii(trim(start));
  for (const Signature& signature : kSignatures)
    if (signature.text ? text.starts_with(signature.start) : start.starts_with(signature.start))
      return signature.what;
  return {};
}

}  // namespace stockpot
