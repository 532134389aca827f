// What a search for a soup leaves, and where.
#pragma once

#include "cli/soup_args.h"
#include "stockpot/checkpoint/output_place.h"

namespace stockpot::cli {

// With -o FOLDER everything lies in it: model/, ledger.jsonl, result.json, ledger.json,
// evaluations/ and logits/. With -o soup.safetensors the file is the soup, and the others lie
// beside it: soup.safetensors.ledger.jsonl, soup.safetensors.soup.json, ...
struct SoupPlace {
  fs::path output;  // as the user named it
  bool folder = false;
  fs::path model;        // folder or file of weights
  fs::path ledger;       // one line for each evaluation (soup/ledger_file.h)
  fs::path decisions;    // the walk of the soup; folders only
  fs::path result;       // written last
  fs::path evaluations;  // logs of evaluators
  fs::path logits;
  bool goes_on = false;  // a search that did not come to its end
};

// Throws UsageError when the output exists and is finished (unless --overwrite), or when it is
// something else. A search that was not finished is continued.
SoupPlace soup_place(const SoupArgs& args);

}  // namespace stockpot::cli
