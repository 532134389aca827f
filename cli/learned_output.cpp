#include "cli/learned_output.h"

#include "cli/merge_work.h"
#include "stockpot/base/text.h"
#include "stockpot/merge/linear.h"

namespace stockpot::cli {
namespace {

// A name as a pattern that matches nothing else.
std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || static_cast<unsigned char>(c) >= 0x80;
    if (!plain) text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

std::vector<std::string> group_words(std::span<const double> alpha, std::size_t models,
                                     const std::vector<std::vector<std::string>>& tensors) {
  std::vector<std::string> words;
  for (std::size_t row = 0; row < tensors.size(); ++row) {
    std::vector<std::string> names, weights;
    for (const std::string& name : tensors[row]) names.push_back(escaped(name));
    for (const double value : alpha.subspan(row * models, models))
      weights.push_back(shortest(value));
    words.push_back("^(?:" + join(names, "|") + ")$=" + join(weights, ":"));
  }
  return words;
}

void write_learned(const LearnedArgs& args, Form form, std::vector<std::string> groups,
                   const fs::path& folder, Progress& progress) {
  MergeRequest request;
  request.command = form == Form::softmax ? "average" : "merge";
  request.method = form == Form::softmax ? "average" : "linear";
  request.build = [](const MethodInputs&) { return linear_method(); };
  request.batchnorm = args.batchnorm;
  request.flags = {"--bn", args.batchnorm};
  if (args.written.type())
    request.flags.insert(request.flags.end(), {"--dtype", args.written.dtype});
  for (const std::string& group : groups)
    request.flags.insert(request.flags.end(), {"--group", group});
  request.groups = std::move(groups);
  request.written = args.written;
  request.output = folder;
  const OutputPlace place = output_place(folder, args.models.front(), args.written.container(),
                                         /*replace=*/true);
  const MergeWork work(request, args.models, std::nullopt, place.container);
  write_merge(request, work, place, progress);
}

}  // namespace stockpot::cli
